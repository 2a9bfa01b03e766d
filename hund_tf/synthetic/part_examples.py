"""Synthetic close-ups of hands and faces, with the front end's errors.

A pure function of a seed and a step, as `examples` of whole people; no picture
is drawn, for part networks read landmarks.
"""

import dataclasses
import math
from collections.abc import Callable

from hund_tf.body import part_bodies
from hund_tf.body.model import BodyModel
from hund_tf.body.part_bodies import HAND, PartBody
from hund_tf.compat import tf
from hund_tf.draws import Draws
from hund_tf.geometry import camera, rotation
from hund_tf.losses.part_alignment import root_relative
from hund_tf.losses.part_supervised import PartExample
from hund_tf.options import check, option
from hund_tf.synthetic import part_noise
from hund_tf.synthetic.orientations import about
from hund_tf.types import (
  CROP_SIZE,
  EXPRESSION_DIM,
  HAND_POSE_DIM,
  SHAPE_DIM,
  FaceState,
  HandState,
  Intrinsics,
  PartFeatures,
)

CROP_SCALE = 1.6  # side of a crop, larger sides of what is seen of the part
_LONG_SIDE = 640.0  # pixels of the photo's larger side
_USUAL_SIZE = {"hand": 0.16, "face": 0.17}  # metres, larger side of the points


@dataclasses.dataclass(frozen=True)
class PartExamplesConfig:
  """Distribution of the close-ups."""

  noise_scale: float = option(
    1.0,
    "Factor of the front end's errors in synthetic close-ups of parts.",
    name="part_noise_scale",
    low=0.0,
  )
  # The front end errs less on photos than on the drawn people whom its errors
  # were measured on.
  easy_share: float = option(
    0.5,
    "Share of close-ups of parts whose errors are --part_easy_scale as large.",
    name="part_easy_share",
    low=0.0,
    high=1.0,
  )
  easy_scale: float = option(
    0.4,
    "Factor of the errors of the easy close-ups of parts.",
    name="part_easy_scale",
    low=0.0,
  )
  no_landmarks_3d: float = option(
    0.1,
    "Share of close-ups of parts without 3D landmarks.",
    name="part_landmark_3d_absent",
    low=0.0,
    high=1.0,
  )
  lost_points: float = 0.15  # share of parts of whom some points are unknown
  pixels: tuple[float, float] = (24.0, 360.0)  # size of a part in its photo
  focal_range: tuple[float, float] = (0.7, 1.8)  # of the photo's larger side
  jitter: float = 0.1  # of the crop's side and place

  def __post_init__(self):
    check(self)


class PartExamples(tf.Module):
  """Generator of `PartExample` batches of one kind of part."""

  def __init__(
    self,
    body_model: BodyModel,
    kind: str,
    config: PartExamplesConfig | None = None,
  ):
    """Prepares the generator.

    Args:
      body_model: the body.
      kind: "hand" or "face".
      config: distributions.
    """
    super().__init__(name="part_examples")
    self.body: PartBody = part_bodies.part_body(kind, body_model)
    self.config = config or PartExamplesConfig()
    self._traced = tf.function(self._batch, autograph=False)

  def example_batch(
    self, seed: int | tf.Tensor, step: int | tf.Tensor, batch_size: int
  ) -> PartExample:
    """The batch of a step, the same whenever it is asked for."""
    seed = tf.convert_to_tensor(seed, tf.int64)
    step = tf.convert_to_tensor(step, tf.int64)
    return self._traced(seed, step, batch_size)

  def _batch(self, seed, step, batch_size: int) -> PartExample:
    config = self.config
    draws = Draws(seed, step)
    sample = _hands if self.body.kind == HAND else _faces
    state = sample(draws, batch_size)
    state, intrinsics = self._photographed(draws, state, batch_size)
    output = self.body.decode(state)
    true = camera.project(output.points, intrinsics)
    extent = tf.reduce_max(true, axis=1) - tf.reduce_min(true, axis=1)
    pixels = tf.reduce_max(extent, axis=-1, keepdims=True)
    easy = draws.happens([batch_size, 1], config.easy_share)

    def seen(corrupt: Callable[[float], tuple[tf.Tensor, tf.Tensor]]):
      """What is seen with the errors of easy close-ups, and of others."""
      scale = config.noise_scale
      (p, w), (q, v) = corrupt(scale * config.easy_scale), corrupt(scale)
      return tf.where(easy[..., None], p, q), tf.where(easy, w, v)

    points, confidence = seen(
      lambda scale: part_noise.corrupt_part(
        draws, true, pixels, self.body.kind, scale
      )
    )
    confidence *= self._known(draws, batch_size)
    box = self._box(draws, points, batch_size)
    on_crop = lambda p: (p - box[:, None, :2]) * (CROP_SIZE / box[:, None, 2:])
    intrinsics = camera.crop_intrinsics(intrinsics, box)
    viewing = camera.viewing_rotation(intrinsics)
    in_space = tf.einsum(
      "bij,bnj->bni", viewing, root_relative(output.points, self.body)
    )
    landmarks, weights = seen(
      lambda scale: part_noise.corrupt_part_3d(
        draws, in_space, None, self.body.kind, scale
      )
    )
    absent = draws.happens([batch_size, 1], config.no_landmarks_3d)
    weights = tf.where(absent, tf.zeros_like(weights), weights)
    weights *= tf.cast(confidence > 0.0, tf.float32)
    known = tf.cast(weights > 0.0, tf.float32)[..., None]
    return PartExample(
      features=PartFeatures(
        on_crop(points), confidence, landmarks * known, weights
      ),
      intrinsics=intrinsics,
      state=state,
      points=output.points,
      vertices=output.vertices,
      keypoints=on_crop(true),
    )

  def _photographed(
    self, draws: Draws, state: HandState | FaceState, batch: int
  ) -> tuple[HandState | FaceState, Intrinsics]:
    """States in a photo, and its camera."""
    config = self.config
    focal = _LONG_SIDE * draws.log_uniform([batch, 1], *config.focal_range)
    pixels = draws.log_uniform([batch, 1], *config.pixels)
    depth = focal * _USUAL_SIZE[self.body.kind] / pixels
    place = draws.uniform([batch, 2], 0.1, 0.9) * _LONG_SIDE
    center = tf.fill([batch, 2], _LONG_SIDE / 2.0)
    aside = (place - center) / focal * depth
    translation = tf.concat([aside, depth], axis=-1)
    intrinsics = Intrinsics(tf.tile(focal, [1, 2]), center)
    return state._replace(translation=translation), intrinsics

  def _known(self, draws: Draws, batch: int) -> tf.Tensor:
    """1 for points that are known, 0 for a lost neighbourhood, `[B, n]`."""
    number = self.body.num_points
    some = draws.happens([batch, 1], self.config.lost_points)
    first = draws.uniform([batch, 1], 1.0, number)
    last = first + draws.uniform([batch, 1], 0.0, 0.4) * number
    row = tf.range(number, dtype=tf.float32)
    lost = (row >= first) & (row < last) & some
    return 1.0 - tf.cast(lost, tf.float32)

  def _box(self, draws: Draws, points: tf.Tensor, batch: int) -> tf.Tensor:
    """Square crops `[B, 4]` around points, photo pixels."""
    jitter = self.config.jitter
    low, high = tf.reduce_min(points, axis=1), tf.reduce_max(points, axis=1)
    side = tf.reduce_max(high - low, axis=-1, keepdims=True)
    side = tf.maximum(side, 1.0) * CROP_SCALE
    middle = (low + high) / 2.0
    middle += side * draws.uniform([batch, 2], -jitter, jitter)
    side *= tf.exp(draws.uniform([batch, 1], -jitter, jitter))
    return tf.concat([middle - side / 2.0, side, side], axis=-1)


def _hands(draws: Draws, batch: int) -> HandState:
  """Right hands of any pose, turned in any way, without a place."""
  strength = draws.uniform([batch, 1], 0.2, 1.3)
  pose = strength * draws.normal([batch, HAND_POSE_DIM], 3.0)
  turn = rotation.from_6d(draws.normal([batch, 6]))
  return HandState(
    pose=pose,
    size=draws.normal([batch, 1], 3.0),
    rotation=rotation.to_6d(turn),
    translation=tf.zeros([batch, 3]),
  )


def _faces(draws: Draws, batch: int) -> FaceState:
  """Faces of any expression that look about towards the camera."""
  strength = draws.log_uniform([batch, 1], 0.3, 1.6)
  expression = strength * draws.normal([batch, EXPRESSION_DIM], 3.0)
  radians = math.pi / 180.0
  yaw = radians * 35.0 * draws.normal([batch], 2.5)
  pitch = radians * 18.0 * draws.normal([batch], 2.5)
  roll = radians * 20.0 * draws.normal([batch], 3.0)
  facing = tf.linalg.diag([1.0, -1.0, -1.0])  # y up, z ahead -> camera frame
  turn = about(2, roll) @ facing @ about(0, pitch) @ about(1, yaw)
  return FaceState(
    expression=expression,
    shape=draws.normal([batch, SHAPE_DIM], 2.5),
    gaze=draws.normal([batch, 2], 2.5),
    rotation=rotation.to_6d(turn),
    translation=tf.zeros([batch, 3]),
  )
