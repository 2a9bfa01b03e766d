"""Looks of MediaPipe's pose network at people, as tensors.

The counterpart of `detection.pose`; all geometry is float64.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from hund_tf.compat import tf
from hund_tf.detection import pose as reference
from hund_tf.detection.anchors import POSE_STRIDES, ssd_anchors
from hund_tf.detection.fusion import COCO_TO_33
from hund_tf.detection.networks import POSE_DETECTION, POSE_LANDMARK
from hund_tf.export.in_graph import regions
from hund_tf.export.in_graph.networks import SavedNetwork, Shared
from hund_tf.export.in_graph.regions import IMAGE, Regions


class Poses(NamedTuple):
  """N poses, each seen once; see `detection.pose.Pose`."""

  landmarks: tf.Tensor  # [N, 33, 4] x, y (pixels), visibility, presence
  world: tf.Tensor  # [N, 33, 3] metres
  alignment: tf.Tensor  # [N, 2, 2] mid hip and a point on the circle, pixels
  score: tf.Tensor  # [N]
  mask: tf.Tensor  # [N, 256, 256] float32
  regions: Regions

  def joints(self) -> tf.Tensor:
    """COCO's joints [N, 17, 3], as `detection.finding.pose_joints`."""
    rows = tf.gather(self.landmarks, COCO_TO_33, axis=1)
    sure = self.score[:, None, None] * rows[..., 2:3] * rows[..., 3:]
    return tf.concat([rows[..., :2], sure], axis=-1)


def alignment_regions(points: tf.Tensor) -> Regions:
  """As `detection.pose.alignment_roi`, of points [N, 2, 2]."""
  center, rim = points[:, 0], points[:, 1]
  size = 2.0 * tf.norm(rim - center, axis=-1) * reference._ROI_SCALE
  angle = regions.aligned_angle(center, rim, 90.0)
  return Regions(center, tf.maximum(size, 1.0), angle)


def joints_regions(joints: tf.Tensor) -> Regions:
  """As `detection.pose.joints_roi`, of joints [N, 17, 3]."""
  shoulders = tf.reduce_mean(joints[:, 5:7, :2], axis=1)
  hips = tf.reduce_mean(joints[:, 11:13, :2], axis=1)
  apart = tf.norm(joints[..., :2] - hips[:, None], axis=-1)
  sure = joints[..., 2] > reference._SURE
  reach = tf.reduce_max(tf.where(sure, apart, 0.0), axis=1)
  trunk = tf.norm(shoulders - hips, axis=-1)
  radius = tf.maximum(reference._REACH * reach, reference._TRUNKS * trunk)
  radius = tf.maximum(radius, 1.0)
  angle = regions.aligned_angle(hips, shoulders, 90.0)
  return Regions(hips, 2.0 * radius * reference._ROI_SCALE, angle)


def turned(points: tf.Tensor, angle: tf.Tensor) -> tf.Tensor:
  """Points [N, K, 3] turned clockwise on the screen by angles [N]."""
  c, s = tf.cos(angle)[:, None], tf.sin(angle)[:, None]
  x, y, z = tf.unstack(points, axis=-1)
  return tf.stack([c * x - s * y, s * x + c * y, z], axis=-1)


def refined(points: tf.Tensor, heatmaps: tf.Tensor) -> tf.Tensor:
  """As `detection.pose.refine_from_heatmaps`, of N looks.

  Args:
    points: [N, K, 2] float64 x, y in [0, 1].
    heatmaps: [N, S, S, K] logits.
  """
  side = heatmaps.shape[1]
  reach = (reference._KERNEL - 1) // 2
  cell = tf.cast(points * side, tf.int32)  # column, row
  inside = tf.reduce_all((cell >= 0) & (cell < side), axis=-1)
  cell = tf.where(inside[..., None], cell, 0)
  padding = [[0, 0], [reach, reach], [reach, reach], [0, 0]]
  padded = tf.pad(heatmaps, padding, constant_values=-1e9)
  steps = tf.range(2 * reach + 1)
  shape = tf.concat([tf.shape(cell)[:2], [2 * reach + 1] * 2], axis=0)
  rows = tf.broadcast_to((cell[..., 1:] + steps)[..., :, None], shape)
  columns = tf.broadcast_to((cell[..., :1] + steps)[..., None, :], shape)
  look = tf.broadcast_to(tf.range(shape[0])[:, None, None, None], shape)
  k = tf.broadcast_to(tf.range(shape[1])[None, :, None, None], shape)
  patch = tf.gather_nd(padded, tf.stack([look, rows, columns, k], axis=-1))
  patch = tf.sigmoid(tf.cast(patch, tf.float64))
  total = tf.reduce_sum(patch, axis=[-2, -1])
  means = [
    tf.math.divide_no_nan(
      tf.reduce_sum(tf.cast(x - reach, tf.float64) * patch, axis=[-2, -1]),
      total * side,
    )
    for x in (columns, rows)
  ]
  moves = inside & (tf.reduce_max(patch, axis=[-2, -1]) >= 0.5)
  return tf.where(moves[..., None], tf.stack(means, axis=-1), points)


def agree(
  landmarks: tf.Tensor, size: tf.Tensor, weights: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
  """As `detection.pose.agree`, of N people.

  Args:
    landmarks: [N, L, K, 4] of L looks.
    size: [N] sides of the regions, pixels.
    weights: [N, L] of the looks.

  Returns:
    [N, K, 4] landmarks and [N, K] the share of looks that agree.
  """
  points = landmarks[..., :2]
  apart = tf.norm(points[:, :, None] - points[:, None], axis=-1)
  distance = apart / size[:, None, None, None]
  kernel = tf.exp(-0.5 * (distance / reference._AGREEMENT) ** 2)  # [N, L, L, K]
  density = tf.einsum("nabk,nb->nak", kernel, weights) * weights[..., None]
  best = tf.argmax(density, axis=1)
  near = tf.gather(tf.transpose(kernel, [0, 3, 1, 2]), best, batch_dims=2)
  near *= weights[:, None]  # [N, K, L]
  total = tf.reduce_sum(near, axis=-1, keepdims=True)
  merged = tf.einsum("nkl,nlkc->nkc", near / total, landmarks)
  return merged, total[..., 0] / tf.reduce_sum(weights, axis=1, keepdims=True)


class PoseReader(tf.Module):
  """Runs the pose landmark network, and the detector that proposes regions."""

  def __init__(self):
    super().__init__(name="pose_reader")
    self._network = SavedNetwork(POSE_LANDMARK)
    self._detector = SavedNetwork(POSE_DETECTION)
    self._anchors = ssd_anchors(self._detector.side, POSE_STRIDES)
    mirrored = tf.TensorSpec([None], tf.bool)
    self.read = Shared(self._read, IMAGE, regions.SPECS, mirrored)
    self.aligned = Shared(self._aligned, IMAGE, regions.SPECS)
    self.propose = Shared(self._propose, IMAGE, regions.SPECS)

  def _read(
    self, image: tf.Tensor, where: Regions, mirrored: tf.Tensor
  ) -> Poses:
    """Reads the people in regions; as `detection.pose.PoseNetwork.read`."""
    side = self._network.side
    out = self._network(regions.crops(image, where, side, mirrored))
    raw = tf.reshape(out["landmarks"], [-1, reference._COUNT, 5])
    points = tf.cast(raw[..., :2] / side, tf.float64)
    points = refined(points, out["heatmaps"])
    sure = tf.sigmoid(tf.cast(raw[:, :33, 3:], tf.float64))
    world = tf.reshape(out["world_landmarks"], [-1, reference._COUNT, 3])
    world = tf.cast(world[:, :33], tf.float64)
    mask = tf.sigmoid(out["mask"][..., 0])
    swap = tf.constant(reference.MIRROR_33)
    rows = mirrored[:, None, None]
    order = tf.concat([swap, tf.range(33, reference._COUNT)], axis=0)
    flipped = tf.gather(points * [-1.0, 1.0] + [1.0, 0.0], order, axis=1)
    points = tf.where(rows, flipped, points)
    sure = tf.where(rows, tf.gather(sure, swap, axis=1), sure)
    other = tf.gather(world, swap, axis=1) * [-1.0, 1.0, 1.0]
    world = tf.where(rows, other, world)
    mask = tf.where(rows, tf.reverse(mask, [2]), mask)
    pixels = where.to_image(points)
    return Poses(
      tf.concat([pixels[:, :33], sure], axis=-1),
      turned(world, where.angle),
      pixels[:, 33:35],
      tf.cast(out["score"][:, 0], tf.float64),
      mask,
      where,
    )

  def _aligned(self, image: tf.Tensor, where: Regions) -> Poses:
    """Poses in regions, after a look that aligns each."""
    rough = self.read(image, where, where.plain())
    closer = alignment_regions(rough.alignment)
    return self.read(image, closer, closer.plain())

  def _propose(
    self, image: tf.Tensor, where: Regions
  ) -> tuple[Regions, tf.Tensor]:
    """The surest region in each upright tile, and whether there is one."""
    side = self._detector.side
    out = self._detector(regions.crops(image, where, side, where.plain()))
    scores = tf.sigmoid(tf.clip_by_value(out["logits"][..., 0], -100.0, 100.0))
    best = tf.argmax(scores, axis=1)
    raw = tf.gather(out["boxes"], best, batch_dims=1)[:, 4:8] / side
    anchors = tf.gather(tf.constant(self._anchors), best)
    points = tf.reshape(raw, [-1, 2, 2]) + anchors[:, None]
    points = where.to_image(tf.cast(points, tf.float64))
    seen = tf.reduce_max(scores, axis=1) >= reference._MIN_PROPOSAL
    return alignment_regions(points), seen

  def look(
    self,
    image: tf.Tensor,
    where: Regions,
    looks: Sequence[tuple[float, float, bool]],
  ) -> Poses:
    """Several looks [scale, turn, mirrored] at the person in each region.

    Returns:
      N x L poses, the looks at a person in a row.
    """
    count = tf.shape(where.size)[0]
    scale, turn = np.array([look[:2] for look in looks], np.float64).T
    mirrored = tf.tile(tf.constant([look[2] for look in looks]), [count])
    views = where.repeated(len(looks))
    views = Regions(
      views.center,
      views.size * tf.tile(tf.constant(scale), [count]),
      views.angle + tf.tile(tf.constant(turn), [count]),
    )
    return self.read(image, views, mirrored)
