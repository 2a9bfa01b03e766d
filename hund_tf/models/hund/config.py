"""Settings of the learned descent."""

import dataclasses

from hund_tf.models.hund.part_moments import LIMBS
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

  With the defaults it has 987,792 trainable parameters, 525,312 of them in the
  LSTM (the paper: 950k and 525k).
  """

  num_stages: int = 5  # M of Eq. 2, unless another number is asked for
  units: int = 256  # of the LSTM, and the size of its input
  context_size: int = 128  # of the embedding, before C_c is appended
  filters: tuple[int, ...] = (32, 40, 48, 56, 40, 48)  # of the 6 convolutions
  feature_channels: int = 0  # of F; 0 where there is no network for it
  # What a stage sees of L_u of the previous state: its five terms; with
  # 'keypoints' also the distance of each keypoint (the summands of Eq. 4); with
  # 'residuals' instead its signed 2D error, that of each part's middle and
  # that of each limb's spread.
  loss_inputs: str = "residuals"
  # Whether a stage reads the previous state also as the body that it stands
  # for: the 25 keypoints of BODY_25 relative to the pelvis.
  posed_inputs: bool = True
  # Training only: no gradient through the loss inputs, which spares the
  # renderer's backward pass where L_u itself is not trained on.
  detach_loss_inputs: bool = False
  # XLA for reading K and B, and for the body and its loss in each stage.
  jit_compile: bool = False

  def __post_init__(self):
    if self.loss_inputs not in LOSS_INPUTS:
      raise ValueError(
        f"loss_inputs: got {self.loss_inputs!r}, expected one of {LOSS_INPUTS}"
      )
    if len(self.filters) != 6:
      raise ValueError(
        f"filters: got {len(self.filters)} convolutions, expected 6"
      )
    if self.num_stages < 0 or self.feature_channels < 0:
      raise ValueError(
        f"num_stages {self.num_stages}, feature_channels "
        f"{self.feature_channels}: expected 0 or more"
      )

  def with_features(self, channels: int) -> "HundConfig":
    """The same for an F of another number of channels."""
    return dataclasses.replace(self, feature_channels=channels)

  @property
  def loss_input_size(self) -> int:
    """Number of values of the loss that a stage reads."""
    return _LOSS_INPUT_SIZES[self.loss_inputs]

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
