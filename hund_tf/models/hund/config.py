"""Settings of the learned descent."""

import dataclasses

from hund_tf.models.hund import evidence_3d
from hund_tf.models.hund.part_moments import LIMBS
from hund_tf.options import check, option
from hund_tf.types import NUM_KEYPOINTS, NUM_PARTS, AlignmentTerms

_NUM_TERMS = len(AlignmentTerms._fields)
_LOSS_INPUT_SIZES = {
  "terms": _NUM_TERMS,
  "keypoints": _NUM_TERMS + NUM_KEYPOINTS,
  "residuals": _NUM_TERMS + 2 * NUM_KEYPOINTS,
}
LOSS_INPUTS = tuple(_LOSS_INPUT_SIZES)
_CAMERA_SIZE = 4
_NUM_BODY_KEYPOINTS = 25


@dataclasses.dataclass(frozen=True)
class HundConfig:
  """Size and inputs of the reconstruction model.

  With the defaults it has 987,184 trainable parameters, 525,312 of them in the
  LSTM (the paper: 950k and 525k), and 195,660 in the branch for terms.
  """

  num_stages: int = option(
    5,
    "Number of refinement stages (M of Eq. 2) unless another is asked for.",
    low=0,
  )
  units: int = 256  # of the LSTM, and the size of its input
  context_size: int = 128  # of the embedding, before C_c is appended
  filters: tuple[int, ...] = (32, 40, 48, 56, 40, 48)  # of the 6 convolutions
  feature_channels: int = 0  # of F; 0 where there is no network for it
  loss_inputs: str = option(
    "residuals",
    "What a stage reads of L_u of the previous state: its five terms; with "
    "'keypoints' also the distance of each keypoint (the summands of Eq. 4); "
    "with 'residuals' instead its signed error in 2D, that of each part's "
    "middle and that of each limb's spread.",
    choices=LOSS_INPUTS,
  )
  posed_inputs: bool = option(
    True,
    "Whether a stage also reads the 25 body keypoints of the previous state in "
    "3D, relative to the pelvis.",
  )
  landmark_inputs: bool = option(
    True,
    "Whether a descent with --loss_inputs=residuals reads 3D landmarks, where "
    "there are any: the context reads the body's, and each stage how its body "
    "differs from them.",
  )
  # Values to which the residuals of face and hands are squeezed; 0: they are
  # read as they are, and no 3D landmarks.
  squeezed_details: int = 30
  term_units: int = option(
    192,
    "Width of the branch of a stage that reads what a user's own terms ask, "
    "and is trained with --random_terms only; 0: stages see such terms in the "
    "value of L_u.",
    low=0,
  )
  detach_loss_inputs: bool = option(
    False,
    "In training, let no gradient through what a stage reads of L_u, which "
    "spares the renderer's backward pass where L_u itself is not trained on.",
  )
  jit_compile: bool = option(
    False,
    "Compile the reading of K and B, and the body and its loss in each stage, "
    "by XLA.",
  )

  def __post_init__(self):
    check(self)
    if len(self.filters) != 6:
      raise ValueError(
        f"filters: got {len(self.filters)} convolutions, expected 6"
      )
    if self.feature_channels < 0:
      raise ValueError(
        f"feature_channels: got {self.feature_channels}, expected 0 or more"
      )

  def with_features(self, channels: int) -> "HundConfig":
    """The same for an F of another number of channels."""
    return dataclasses.replace(self, feature_channels=channels)

  @property
  def squeezes(self) -> bool:
    """Whether the errors of face and hands are squeezed."""
    return self.loss_inputs == "residuals" and self.squeezed_details > 0

  @property
  def reads_landmarks(self) -> bool:
    """Whether 3D landmarks are read."""
    return self.landmark_inputs and self.squeezes

  @property
  def loss_input_size(self) -> int:
    """Number of values of the loss that a stage reads, squeezed ones too."""
    size = _LOSS_INPUT_SIZES[self.loss_inputs]
    if self.squeezes:
      size += self.squeezed_details - self.detail_residual_size
    return size

  @property
  def detail_residual_size(self) -> int:
    """Number of errors of face and hands in 2D."""
    return 2 * (NUM_KEYPOINTS - _NUM_BODY_KEYPOINTS)

  @property
  def detail_size(self) -> int:
    """Number of errors of face and hands that are squeezed."""
    size = self.detail_residual_size
    return size + (evidence_3d.DETAIL_SIZE if self.reads_landmarks else 0)

  @property
  def landmark_input_size(self) -> int:
    """Number of differences from the body's 3D landmarks that a stage reads."""
    return evidence_3d.BODY_SIZE if self.reads_landmarks else 0

  @property
  def part_input_size(self) -> int:
    """Number of values of the parts' middles and limbs that a stage reads."""
    size = 2 * (NUM_PARTS - 1) + 3 * len(LIMBS)
    return size if self.loss_inputs == "residuals" else 0

  @property
  def posed_input_size(self) -> int:
    """Number of values of the posed body that a stage reads."""
    return 3 * _NUM_BODY_KEYPOINTS if self.posed_inputs else 0

  @property
  def context_width(self) -> int:
    """Size of the context with the intrinsics appended."""
    return self.context_size + _CAMERA_SIZE


@dataclasses.dataclass(frozen=True)
class DescentOptions:
  """Stages and compilation of the descent, in training and in use."""

  num_stages: int | None = option(
    None,
    "Number of refinement stages (M of Eq. 2). By default 5 in training, and "
    "otherwise the number that the weights were trained with.",
    low=0,
  )
  jit_compile: bool | None = option(
    None,
    "Compile by XLA: faster, but slower to start. By default on in training "
    "and off otherwise.",
  )
