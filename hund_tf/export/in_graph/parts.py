"""Hands and faces of people whose poses are known, as tensors.

The counterpart of `detection.hands` and `detection.face`. All people are read,
and those without the part get zeros.
"""

from typing import NamedTuple

from hund_tf.compat import tf
from hund_tf.detection import face, hands
from hund_tf.detection.anchors import FACE_STRIDES, ssd_anchors
from hund_tf.detection.landmarks_3d import _EYES, FACE_RADIUS
from hund_tf.detection.networks import (
  FACE_DETECTION,
  FACE_LANDMARK,
  HAND_LANDMARK,
  HAND_RECROP,
  IRIS_LANDMARK,
)
from hund_tf.export.in_graph import regions
from hund_tf.export.in_graph.networks import SavedNetwork, Shared
from hund_tf.export.in_graph.pose import turned
from hund_tf.export.in_graph.regions import IMAGE, Regions


class Part(NamedTuple):
  """A part of N people; float64."""

  points: tf.Tensor  # [N, K, 3] x, y (pixels) and confidence
  spatial: tf.Tensor  # [N, K, 4] x, y, z (metres) and weight


def _read(
  network: SavedNetwork, image: tf.Tensor, where: Regions, mirrored=None
) -> dict[str, tf.Tensor]:
  if mirrored is None:
    mirrored = where.plain()
  return network(regions.crops(image, where, network.side, mirrored))


def _part(
  points: tf.Tensor, spatial: tf.Tensor, score: tf.Tensor, seen: tf.Tensor
) -> Part:
  """Points [N, K, 2] and landmarks [N, K, 3] with the score [N] of each."""
  of_each = tf.ones_like(points[..., :1]) * score[:, None, None]
  rows = seen[:, None, None]
  return Part(
    *(
      tf.where(rows, tf.concat([x, of_each], axis=-1), 0.0)
      for x in (points, spatial)
    )
  )


class HandReader(tf.Module):
  """Reads hands, as `detection.hands.HandReader`."""

  def __init__(self):
    super().__init__(name="hand_reader")
    self._recrop = SavedNetwork(HAND_RECROP)
    self._landmark = SavedNetwork(HAND_LANDMARK)
    corners = tf.TensorSpec([None, 3, 3], tf.float64)
    self.read = Shared(self._hands, IMAGE, corners)

  def _hands(self, image: tf.Tensor, corners: tf.Tensor) -> Part:
    """One hand of each person.

    Args:
      image: [H, W, 3] uint8.
      corners: [N, 3, 3] wrist, little finger and index finger of the pose.
    """
    wrist, little, index = tf.unstack(corners[..., :2], axis=1)
    middle = (2.0 * index + little) / 3.0
    size = tf.maximum(2.0 * tf.norm(middle - wrist, axis=-1), 1.0)
    angle = regions.aligned_angle(wrist, middle, 90.0)
    where = Regions(middle, size, angle).shifted(0.0, -0.1, 2.7)
    out = _read(self._recrop, image, where)["region"] / self._recrop.side
    ends = where.to_image(tf.cast(tf.reshape(out, [-1, 2, 2]), tf.float64))
    center, rim = tf.unstack(ends, axis=1)
    size = tf.maximum(2.0 * tf.norm(rim - center, axis=-1), 1.0)
    angle = regions.aligned_angle(center, rim, -90.0)
    where = Regions(center, size, angle).shifted(0.0, -0.1, 1.0)
    side = self._landmark.side
    out = _read(self._landmark, image, where)
    points = tf.reshape(out["landmarks"], [-1, 21, 3])[..., :2] / side
    points = where.to_image(tf.cast(points, tf.float64))
    spatial = tf.reshape(out["world_landmarks"], [-1, 21, 3])
    spatial = tf.cast(spatial, tf.float64)
    spatial = turned(spatial - spatial[:, :1], where.angle)
    score = tf.cast(out["score"][:, 0], tf.float64)
    offset = tf.norm(points[:, 0] - wrist, axis=-1)
    seen = corners[:, 0, 2] >= hands._MIN_WRIST
    seen &= where.size >= hands._MIN_SIDE
    seen &= score >= hands._LEAST_SCORE
    seen &= offset <= hands._MAX_OFFSET * where.size
    return _part(points, spatial, score, seen)


def points_regions(
  points: tf.Tensor, start: tf.Tensor, end: tf.Tensor, scale: float
) -> Regions:
  """As `detection.face.points_roi`, of points [N, K, 2]."""
  angle = regions.aligned_angle(start, end, 0.0)
  c, s = tf.cos(angle), tf.sin(angle)
  x, y = tf.unstack(points, axis=-1)
  c1, s1 = c[:, None], s[:, None]
  local = tf.stack([c1 * x + s1 * y, c1 * y - s1 * x], axis=-1)
  low, high = tf.reduce_min(local, axis=1), tf.reduce_max(local, axis=1)
  x, y = tf.unstack((low + high) / 2, axis=-1)
  center = tf.stack([c * x - s * y, s * x + c * y], axis=-1)
  size = tf.maximum(tf.reduce_max(high - low, axis=-1), 1.0) * scale
  return Regions(center, size, angle)


class FaceReader(tf.Module):
  """Reads faces, as `detection.face.FaceReader`."""

  def __init__(self):
    super().__init__(name="face_reader")
    self._detector = SavedNetwork(FACE_DETECTION)
    self._anchors = ssd_anchors(self._detector.side, FACE_STRIDES)
    self._mesh = SavedNetwork(FACE_LANDMARK)
    self._iris = SavedNetwork(IRIS_LANDMARK)
    self.read = Shared(
      self._faces, IMAGE, tf.TensorSpec([None, 33, 3], tf.float64)
    )
    self._meshes = Shared(self._read_meshes, IMAGE, regions.SPECS)

  def _faces(self, image: tf.Tensor, poses: tf.Tensor) -> Part:
    """The face of each of N people with poses [N, 33, 3]."""
    where, seen = self._detect(image, poses[..., :2])
    seen &= where.size >= face._MIN_SIDE
    mesh, score = self._meshes(image, where)
    seen &= score >= 0.5
    flat = mesh[..., :2]
    closer = points_regions(flat, flat[:, 33], flat[:, 263], 1.5)
    mesh, score = self._meshes(image, closer)
    points = tf.gather(mesh, face.MESH_68, axis=1)
    offset = tf.norm(points[:, 30, :2] - poses[:, 0, :2], axis=-1)
    seen &= (score >= 0.5) & (offset <= face._MAX_OFFSET * closer.size)
    pupils = self._pupils(image, mesh[..., :2])
    spatial = points - tf.reduce_mean(points, axis=1, keepdims=True)
    spread = tf.reduce_sum(tf.square(spatial), axis=-1)
    spread = tf.maximum(tf.reduce_mean(spread, axis=-1), 1e-9)
    eyes = tf.gather(points, _EYES, axis=1)
    spatial = points - tf.reduce_mean(eyes, axis=1, keepdims=True)
    spatial *= (FACE_RADIUS / tf.sqrt(spread))[:, None, None]
    spatial = tf.pad(spatial, [[0, 0], [0, 2], [0, 0]])
    found = _part(
      tf.concat([points[..., :2], pupils], axis=1), spatial, score, seen
    )
    known = tf.pad(tf.ones([68, 1], tf.float64), [[0, 2], [0, 0]])
    return found._replace(spatial=found.spatial * known)

  def _detect(
    self, image: tf.Tensor, points: tf.Tensor
  ) -> tuple[Regions, tf.Tensor]:
    """The face's region near each pose [N, 33, 2], and whether there is one."""
    wide = points_regions(
      points[:, face._POSE_FACE],
      points[:, face._POSE_RIGHT_EYE],
      points[:, face._POSE_LEFT_EYE],
      3.0,
    )
    out = _read(self._detector, image, wide)
    scores = tf.sigmoid(tf.clip_by_value(out["logits"][..., 0], -100.0, 100.0))
    best = tf.argmax(scores, axis=1)
    raw = tf.gather(out["boxes"], best, batch_dims=1)[:, 4:]
    raw = tf.reshape(raw / self._detector.side, [-1, raw.shape[1] // 2, 2])
    anchors = tf.gather(tf.constant(self._anchors), best)
    places = wide.to_image(tf.cast(raw + anchors[:, None], tf.float64))
    where = points_regions(places, places[:, 0], places[:, 1], 2.0)
    seen = tf.reduce_max(scores, axis=1) >= 0.5
    return where.shifted(0.0, -0.1, 1.0), seen

  def _read_meshes(
    self, image: tf.Tensor, where: Regions
  ) -> tuple[tf.Tensor, tf.Tensor]:
    """Meshes [N, 468, 3] in pixels and probabilities [N] of a face."""
    out = _read(self._mesh, image, where)
    mesh = tf.reshape(out["landmarks"], [-1, 468, 3]) / self._mesh.side
    mesh = tf.cast(mesh, tf.float64)
    pixels = where.to_image(mesh[..., :2])
    depth = mesh[..., 2:] * where.size[:, None, None]
    score = tf.sigmoid(tf.reshape(out["logit"], [-1]))
    return tf.concat([pixels, depth], axis=-1), tf.cast(score, tf.float64)

  def _pupils(self, image: tf.Tensor, meshes: tf.Tensor) -> tf.Tensor:
    """Centres [N, 2, 2] of irises, right eye first, of meshes [N, 468, 2]."""
    eyes = [
      tf.gather(meshes, corners, axis=1)
      for corners in (face.RIGHT_EYE_CORNERS, face.LEFT_EYE_CORNERS)
    ]
    corners = tf.concat(eyes, axis=0)  # [2 N, 2, 2]
    where = points_regions(corners, corners[:, 0], corners[:, 1], 2.3)
    count = tf.shape(meshes)[0]
    left = tf.range(2 * count) >= count
    out = _read(self._iris, image, where, left)["iris"]
    centers = tf.reshape(out, [2 * count, -1])[:, :2] / self._iris.side
    flipped = centers * [-1.0, 1.0] + [1.0, 0.0]
    centers = tf.where(left[:, None], flipped, centers)
    pixels = where.to_image(tf.cast(centers, tf.float64)[:, None])[:, 0]
    return tf.stack([pixels[:count], pixels[count:]], axis=1)
