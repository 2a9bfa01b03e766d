"""One stage of the neural descent of hands and faces (Eq. 2).

The cell is that of whole bodies (`descent_cell`). What it reads is told in the
part's own frame as well, so that a finger looks the same to it whichever way
the hand is turned.
"""

import dataclasses
from typing import NamedTuple

from hund_tf.body.part_bodies import KINDS, PartBody, PartOutput
from hund_tf.compat import tf
from hund_tf.geometry import camera, rotation
from hund_tf.losses.alignment import PartTerm
from hund_tf.losses.part_alignment import (
  PartObjective,
  PartTarget,
  PartTerms,
  landmark_scale,
  root_relative,
)
from hund_tf.models.hund.descent_cell import DescentCell, Stage
from hund_tf.models.hund.part_space import PartSpace
from hund_tf.options import check, option
from hund_tf.types import Intrinsics

_PIXELS = 8.0  # of the crop: larger errors are compressed
_METRES = 0.005  # differences from 3D landmarks: likewise
_REACH = 0.1  # metres: how far points are from their root
_CAMERA_SIZE = 4
_OTHERS = 4  # values of a stage beside points and terms: scale, view


@dataclasses.dataclass(frozen=True)
class PartConfig:
  """Size of the descent of a part."""

  part: str = option(
    "hand", "Which part's network: of a hand or a face.", choices=KINDS
  )
  num_stages: int = 5
  units: int = 192  # of the LSTM, and the size of its input
  context_size: int = 124  # of the embedding, before C_c is appended
  hidden_size: int = 256  # of the embedding's first layer
  jit_compile: bool = False

  def __post_init__(self):
    check(self)

  @property
  def context_width(self) -> int:
    """Size of the context with the intrinsics appended."""
    return self.context_size + _CAMERA_SIZE


class PartInputs(NamedTuple):
  """What stays the same over the stages."""

  context: tf.Tensor  # [B, C] s^c
  target: PartTarget
  intrinsics: Intrinsics  # of the crops (C_c), fields [B, 2], crop pixels


class PartCell(DescentCell):
  """The stage of a hand or a face; see `DescentCell`.

  Inputs are `PartInputs`, stages have a `HandState` or `FaceState`,
  `PartTerms` and a `PartOutput`.
  """

  def __init__(
    self, objective: PartObjective, config: PartConfig, name: str = "part_cell"
  ):
    """Creates the cell.

    Args:
      objective: whose value is descended; of the part of `config`.
      config: sizes.
      name: layer name.
    """
    self._body: PartBody = objective.body
    self.space = PartSpace(objective.body)
    super().__init__(objective, config, self.space.mean, name)

  @property
  def output_size(self) -> Stage:
    """Shapes of the output without the batch axis."""
    shape = tf.TensorShape
    body = self._body
    dims = body.dims
    return Stage(
      type(dims)(*(shape([size]) for size in dims)),
      PartTerms(*(shape([]) for _ in PartTerms._fields)),
      PartOutput(
        shape([body.num_points, 3]),
        shape([len(body.vertex_ids), 3]),
        shape([len(body.joint_ids), 3, 3]),
      ),
    )

  @property
  def input_size(self) -> int:
    """Number of values that a stage reads."""
    number = self._body.num_points
    of_points = number * (2 + 3 + 3 + 3 + 3)
    terms = len(PartTerms._fields)
    others = self.space.size + terms + _OTHERS + self.config.context_width
    return of_points + others

  def bound(self, coordinates: tf.Tensor) -> tf.Tensor:
    """Clips coordinates to the range of likely states."""
    return self.space.bound(coordinates)

  def _moved(self, coordinates: tf.Tensor, update: tf.Tensor) -> tf.Tensor:
    return self.space.moved(coordinates, update)

  def _evaluate(
    self,
    coordinates: tf.Tensor,
    compared: tuple[PartTarget, Intrinsics],
    parts: PartTerm,
  ) -> Stage:
    del parts  # there are no part maps
    target, intrinsics = compared
    state = self.space.decode(coordinates, intrinsics)
    output = self._body.decode(state)
    terms = self.objective.evaluate(output, state, target, intrinsics)
    return Stage(state, terms, output)

  def _seen(
    self, stage: Stage, inputs: PartInputs, coordinates: tf.Tensor
  ) -> tf.Tensor:
    target = inputs.target
    turn = rotation.from_6d(stage.state.rotation)

    def in_part(vectors):  # camera frame [B, n, 3] -> the part's own
      return tf.einsum("bji,bnj->bni", turn, vectors)

    projected = camera.project(stage.body.points, inputs.intrinsics)
    error = (projected - target.keypoints) / _PIXELS
    weights = target.weights[..., None]
    flat = tf.pad(error, [[0, 0], [0, 0], [0, 1]])
    points = root_relative(stage.body.points, self._body)
    scale = landmark_scale(points, target)
    landmarks = scale * target.landmarks
    known = target.landmark_weights[..., None]
    of_points = [
      tf.asinh(error) * weights,
      tf.asinh(in_part(flat)) * weights,
      tf.asinh(in_part(points - landmarks) / _METRES) * known,
      in_part(landmarks) * known / _REACH,
      in_part(points) / _REACH,
    ]
    number = self._body.num_points
    return tf.concat(
      [
        coordinates,
        tf.math.log1p(tf.stack(list(stage.terms), axis=-1)),
        *(tf.reshape(x, [-1, number * x.shape[-1]]) for x in of_points),
        tf.math.log(scale[:, 0]),
        turn[:, 2],
        inputs.context,
      ],
      axis=-1,
    )
