"""What detectors make of true keypoints: errors, gaps and confidences.

Keypoints are in units of the person's visible extent (1 = its larger side), so
that errors grow with the size of the person, as those of detectors do.
"""

import dataclasses

import numpy as np

from hund_tf.body import keypoints as table
from hund_tf.compat import tf
from hund_tf.draws import Draws
from hund_tf.options import check, option
from hund_tf.synthetic.keypoint_noise import MeasuredBody
from hund_tf.types import NUM_KEYPOINTS

_DEPTH_CELLS = 32  # side of the map that tells what hides what
_DEPTH_MARGIN = 0.14  # metres; keypoints lie this deep in the body at most


@dataclasses.dataclass(frozen=True)
class DetectorNoiseConfig:
  """Errors of detectors at full noise; lengths in person sizes.

  `scale` in [0, 1] shrinks all lengths and probabilities; 0 gives the truth.
  """

  scale: float = option(
    1.0,
    "Scale of the detectors' errors in the examples; 0 gives clean targets.",
    name="detector_noise",
    low=0.0,
    high=1.0,
  )
  body_jitter: float = 0.012
  face_jitter: float = 0.003
  hand_jitter: float = 0.006
  group_jitter: float = 0.008  # of a whole face or hand
  vague_groups: float = 0.15  # faces and hands, each, that are hardly found
  vague_jitter: float = 0.03  # of these as a whole
  occluded_factor: float = 3.0  # of the jitter where a keypoint is hidden
  outliers: float = 0.01  # keypoints far off
  outlier_jitter: float = 0.12
  wrong_confidence: float = 0.04  # keypoints with a random confidence
  unsure: float = 0.2  # people of whom all confidences are lower
  missing_keypoints: float = 0.03
  missing_hidden: float = 0.15  # further ones, of those that are hidden
  missing_small_toes: float = 0.8  # many detectors have none
  missing_legs: float = 0.06
  missing_arm: float = 0.04  # of either arm
  missing_hand: float = 0.4  # of either hand; the wrist stays
  missing_face: float = 0.25
  swap_all: float = 0.015  # the whole person, left for right
  swap_legs: float = 0.03
  swap_arms: float = 0.02
  occluders: float = 0.25  # people behind a rectangle
  mask_shift: float = 0.3  # dilation or erosion, in [0, 0.5]
  mask_blobs: float = 0.2  # strength of the low-frequency errors
  mask_strangers: float = 0.15  # masks that include something else
  part_blur: float = 0.6  # share of blur in full part maps
  landmark_3d_error: float = option(
    1.0,
    "Factor of the errors of 3D landmarks in the examples; 1 as measured.",
    low=0.0,
  )
  landmark_3d_absent: float = option(
    0.15,
    "Share of people in the examples of whom no 3D landmark is known.",
    low=0.0,
    high=1.0,
  )

  measured_keypoints: float = option(
    0.0,
    "Share of people in the examples whose keypoints of the body err as those "
    "of the detector do on synthetic photos (docs/front_end_errors.md).",
    low=0.0,
    high=1.0,
  )

  def __post_init__(self):
    check(self)


def _rows(*names: str) -> np.ndarray:
  """[137] bool: keypoints whose name contains one of `names`."""
  return np.array([any(n in name for n in names) for name in table.NAMES])


def _group(rows: slice) -> np.ndarray:
  mask = np.zeros(NUM_KEYPOINTS, bool)
  mask[rows] = True
  return mask


FACE = _group(table.FACE)
LEFT_HAND = _group(table.LEFT_HAND)
RIGHT_HAND = _group(table.RIGHT_HAND)
LEGS = _rows("knee", "ankle", "toe", "heel")
LEG_SIDES = LEGS | _rows("r_hip", "l_hip")
LEFT_ARM = LEFT_HAND | _rows("l_elbow", "l_wrist")
RIGHT_ARM = RIGHT_HAND | _rows("r_elbow", "r_wrist")
ARM_SIDES = LEFT_ARM | RIGHT_ARM | _rows("l_shoulder", "r_shoulder")
SMALL_TOES = _rows("small_toe")


def swap_sides(values: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
  """Exchanges left and right where asked.

  Args:
    values: `[B, 137, ...]`.
    rows: `[B, 137]` bool, equal for a keypoint and its mirror image.
  """
  mirrored = tf.gather(values, list(table.MIRROR), axis=1)
  rows = tf.reshape(rows, rows.shape + [1] * (values.shape.rank - 2))
  return tf.where(rows, mirrored, values)


def _set_midpoints(keypoints: tf.Tensor) -> tf.Tensor:
  """Neck and mid hip as midpoints of `[B, 137, 2]` shoulders and hips.

  That is where detectors report them.
  """
  mixing = np.eye(NUM_KEYPOINTS, dtype=np.float32)
  for middle, ends in table.MIDPOINT_ROWS.items():
    mixing[middle] = 0.0
    mixing[middle, ends] = 0.5
  return tf.einsum("ij,bjc->bic", mixing, keypoints)


def hidden_keypoints(
  keypoints: tf.Tensor,
  keypoint_depth: tf.Tensor,
  vertices: tf.Tensor,
  vertex_depth: tf.Tensor,
) -> tf.Tensor:
  """Keypoints behind the body's own surface.

  A coarse map holds the least depth of the vertices in every cell.

  Args:
    keypoints: `[B, 137, 2]` person units, the visible part in [-0.5, 0.5].
    keypoint_depth: `[B, 137]` metres.
    vertices: `[B, V, 2]` person units.
    vertex_depth: `[B, V]` metres.

  Returns:
    `[B, 137]` float, 1 where hidden.
  """
  side = _DEPTH_CELLS
  batch = keypoints.shape[0]

  def cells(points):
    cell = tf.cast(tf.floor((points / 1.2 + 0.5) * side), tf.int32)
    cell = tf.clip_by_value(cell, 0, side - 1)
    image = tf.range(batch)[:, None] * side * side
    return image + cell[..., 1] * side + cell[..., 0]

  nearest = tf.math.unsorted_segment_min(
    tf.reshape(vertex_depth, [-1]),
    tf.reshape(cells(vertices), [-1]),
    batch * side * side,
  )
  front = tf.gather(nearest, cells(keypoints))
  return tf.cast(keypoint_depth > front + _DEPTH_MARGIN, tf.float32)


def rectangles(
  draws: Draws, batch: int, config: DetectorNoiseConfig
) -> tf.Tensor:
  """Things in front of people: `[B, 4]` left, top, right, bottom.

  In person units; where there is none the rectangle is empty.
  """
  middle = draws.uniform([batch, 2], -0.5, 0.5)
  half = draws.uniform([batch, 2], 0.05, 0.3)
  there = draws.happens([batch, 1], config.scale * config.occluders)
  half = tf.where(there, half, tf.fill([1, 2], -1.0))
  return tf.concat([middle - half, middle + half], axis=-1)


def within(points: tf.Tensor, rectangle: tf.Tensor) -> tf.Tensor:
  """1 for points `[B, N, 2]` in rectangles `[B, 4]`, `[B, N]` float."""
  inside = (points > rectangle[:, None, :2]) & (points < rectangle[:, None, 2:])
  return tf.cast(tf.reduce_all(inside, axis=-1), tf.float32)


def _swapped(draws: Draws, batch: int, config: DetectorNoiseConfig, factor):
  """Rows to swap `[B, 137]`, and whether the whole person is `[B]`."""
  everything = draws.happens([batch, 1], config.scale * config.swap_all)
  legs = draws.happens([batch, 1], config.scale * factor * config.swap_legs)
  arms = draws.happens([batch, 1], config.scale * factor * config.swap_arms)
  rows = everything | (legs & LEG_SIDES) | (arms & ARM_SIDES)
  return rows, everything[:, 0]


def _present(
  draws: Draws, hidden: tf.Tensor, config: DetectorNoiseConfig, factor
) -> tf.Tensor:
  """Keypoints that a detector reports, `[B, 137]` bool."""
  batch, scale = hidden.shape[0], config.scale

  def lost(group, probability):
    return draws.happens([batch, 1], scale * probability) & group

  def lost_when_hidden(group, probability):
    """The more of a group is hidden, the likelier all of it is lost."""
    share = tf.reduce_mean(tf.boolean_mask(hidden, group, axis=1), axis=1)
    chance = probability + (1.0 - probability) * tf.maximum(2 * share - 1, 0.0)
    return draws.happens([batch, 1], scale * chance[:, None]) & group

  missing = lost(LEGS, factor * config.missing_legs)
  missing |= lost(LEFT_ARM, factor * config.missing_arm)
  missing |= lost(RIGHT_ARM, factor * config.missing_arm)
  missing |= lost(SMALL_TOES, config.missing_small_toes)
  missing |= lost_when_hidden(FACE, config.missing_face)
  missing |= lost_when_hidden(LEFT_HAND, config.missing_hand)
  missing |= lost_when_hidden(RIGHT_HAND, config.missing_hand)
  chance = config.missing_keypoints + config.missing_hidden * hidden
  missing |= draws.happens(hidden.shape, scale * chance)
  return ~missing


def corrupt_keypoints(
  draws: Draws,
  keypoints: tf.Tensor,
  hidden: tf.Tensor,
  config: DetectorNoiseConfig,
  factor: float | tf.Tensor = 1.0,
  measured: MeasuredBody | None = None,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
  """What a detector reports of keypoints.

  Args:
    draws: random stream.
    keypoints: `[B, 137, 2]` person units.
    hidden: `[B, 137]` 1 where something is in front.
    config: errors.
    factor: of the chances that limbs are lost or exchanged and that a keypoint
      is far off, a number or `[B, 1]`.
    measured: bodies that take the place of those with the errors of `config`,
      but for exchanged sides.

  Returns:
    keypoints `[B, 137, 2]`, confidence `[B, 137]` in [0, 1] with 0 for missing
    ones, and whether left and right of the whole person are swapped, `[B]`.
  """
  batch, scale = keypoints.shape[0], config.scale
  jitter = np.full(NUM_KEYPOINTS, config.body_jitter, np.float32)
  jitter[FACE] = config.face_jitter
  jitter[LEFT_HAND | RIGHT_HAND] = config.hand_jitter
  wider = 1.0 + (config.occluded_factor - 1.0) * hidden
  quality = draws.uniform([batch, 1], 0.2, 1.8)  # some photos are harder
  spread = scale * quality * wider * jitter
  noise = spread[..., None] * draws.normal([batch, NUM_KEYPOINTS, 2], 3.0)
  certainty = tf.ones_like(hidden)
  for group in (FACE, LEFT_HAND, RIGHT_HAND):
    vague = draws.happens([batch, 1], scale * config.vague_groups)
    jitter = tf.where(vague, config.vague_jitter, config.group_jitter)
    shift = scale * jitter[..., None] * draws.normal([batch, 1, 2], 3.0)
    noise += shift * group[:, None].astype(np.float32)
    doubted = draws.uniform([batch, 1], 0.05, 0.5)
    certainty = tf.where(vague & group, doubted, certainty)
  outlier = draws.happens(hidden.shape, scale * factor * config.outliers)
  far = config.outlier_jitter * draws.normal([batch, NUM_KEYPOINTS, 2], 3.0)
  noise = tf.where(outlier[..., None], far, noise)

  # Sure where seen, unsure where hidden or far off, and at times wrong.
  doubt = tf.maximum(hidden, tf.cast(outlier, tf.float32))
  chance = draws.uniform(hidden.shape)
  confidence = 1.0 - scale * tf.where(
    doubt > 0, 0.1 + 0.7 * chance, 0.2 * chance
  )
  wrong = draws.happens(hidden.shape, scale * config.wrong_confidence)
  confidence = tf.where(wrong, draws.uniform(hidden.shape), confidence)
  unsure = draws.happens([batch, 1], scale * config.unsure)
  confidence *= tf.where(unsure, draws.uniform([batch, 1], 0.2, 1.0), 1.0)
  confidence = tf.maximum(confidence * certainty, 0.01)
  present = _present(draws, hidden, config, factor)
  confidence *= tf.cast(present, tf.float32)

  swap, everything = _swapped(draws, batch, config, factor)
  points = keypoints + noise
  if scale > 0.0:
    points = _set_midpoints(points)
  if measured is not None:
    points, confidence = measured.replace(points, confidence)
  points = swap_sides(points, swap)
  return points, swap_sides(confidence, swap), everything
