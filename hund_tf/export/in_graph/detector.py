"""The people of a photo: as `detection.detector`, on tensors."""

from typing import NamedTuple

from hund_tf.compat import tf
from hund_tf.detection import detector
from hund_tf.detection.hands import LEFT_HAND_POSE, RIGHT_HAND_POSE
from hund_tf.detection.masks import owners
from hund_tf.detection.search import SearchConfig
from hund_tf.export.in_graph import keypoints, masks, regions
from hund_tf.export.in_graph.candidates import Candidates
from hund_tf.export.in_graph.joints import calibrated
from hund_tf.export.in_graph.parts import FaceReader, HandReader, Part
from hund_tf.export.in_graph.pose import (
  PoseReader,
  agree,
  alignment_regions,
  joints_regions,
)
from hund_tf.export.in_graph.regions import Regions
from hund_tf.export.in_graph.search import GraphSearch
from hund_tf.types import CROP_SCALE

_LOOKS = len(detector._LOOKS)


class Detections(NamedTuple):
  """N people of a photo; float32."""

  boxes: tf.Tensor  # [N, 4] left, top, width, height, pixels
  scores: tf.Tensor  # [N] in [0, 1]
  keypoints: tf.Tensor  # [N, 137, 3] x, y (pixels) and confidence
  landmarks_3d: tf.Tensor  # [N, 137, 4] x, y, z (metres) and weight
  foreground: tf.Tensor  # [N, 60, 60] of the crops
  crop_boxes: tf.Tensor  # [N, 4] square, pixels


class GraphDetector(tf.Module):
  """Finds the people of a photo.

  Args:
    config: of the search; a least size of people is not kept to.
  """

  def __init__(self, config: SearchConfig | None = None):
    super().__init__(name="detector")
    self._pose = PoseReader()
    self._search = GraphSearch(self._pose, config)
    self._hands = HandReader()
    self._face = FaceReader()

  def search(
    self, image: tf.Tensor, max_people: int
  ) -> tuple[Detections, tf.Tensor]:
    """The surest people of a photo [H, W, 3] uint8, and how many there are."""
    people = self._search(image)
    found = tf.shape(people.joints)[0]
    kept = people.rows(tf.range(tf.minimum(found, max_people)))
    return self._read(image, kept, keep_boxes=False), found

  def in_boxes(
    self, image: tf.Tensor, boxes: tf.Tensor
  ) -> tuple[Detections, tf.Tensor]:
    """The people of boxes [N, 4] float32, and the numbers of their boxes."""
    people, seen = self._search.in_boxes(image, tf.cast(boxes, tf.float64))
    rows = tf.where(seen)[:, 0]
    found = self._read(image, people.rows(rows), keep_boxes=True)
    return found, tf.cast(rows, tf.int32)

  def _read(
    self, image: tf.Tensor, people: Candidates, keep_boxes: bool
  ) -> Detections:
    mediapipe = tf.where(
      (people.alike(people.seen.likely) > 0.5)[:, None],
      tf.concat(_columns(alignment_regions(people.seen.alignment)), axis=-1),
      tf.concat(_columns(joints_regions(people.joints)), axis=-1),
    )
    where = Regions(mediapipe[:, :2], mediapipe[:, 2], mediapipe[:, 3])
    poses = self._pose.look(image, where, detector._LOOKS)
    by_person = lambda x: tf.reshape(x, [-1, _LOOKS, *x.shape[1:]])
    looks = by_person(poses.joints())
    alike = tf.stack([people.alike(looks[:, k]) for k in range(_LOOKS)], axis=1)
    weights = tf.exp(detector._AVOIDANCE * (alike - 1.0))
    merged, agreement = agree(by_person(poses.landmarks), where.size, weights)
    pose = keypoints.fuse_looks(people, looks, merged, agreement)
    face, left, right = self._parts(image, pose)
    size = tf.shape(image)[:2]
    sides = tf.cast(tf.gather(size, [1, 0]), tf.float64)
    points = keypoints.assemble(pose, face, left, right, sides)
    body = keypoints.body_landmarks(
      by_person(poses.world), weights, merged, agreement, pose, people.seen.size
    )
    spatial = keypoints.assemble_3d(body, face, left, right, points)
    boxes = people.seen.box
    if not keep_boxes:
      boxes = person_boxes(boxes, points, sides)
    crops = crop_boxes(boxes)
    owner = owners(
      by_person(poses.mask), *map(by_person, poses.regions), points, size
    )
    maps = masks.foreground_maps(owner, tf.cast(crops, tf.float64), size)
    single = lambda x: tf.cast(x, tf.float32)
    return Detections(
      single(boxes),
      single(people.score()),
      single(points),
      single(spatial),
      maps,
      crops,
    )

  def _parts(
    self, image: tf.Tensor, pose: tf.Tensor
  ) -> tuple[Part, Part, Part]:
    """Face, left and right hand, with calibrated confidences."""
    parts = (
      self._face.read(image, pose),
      *(
        self._hands.read(image, tf.gather(pose, rows, axis=1))
        for rows in (LEFT_HAND_POSE, RIGHT_HAND_POSE)
      ),
    )
    face, left, right = (
      part._replace(
        points=tf.concat(
          [part.points[..., :2], calibrated(group, part.points[..., 2:])], -1
        )
      )
      for part, group in zip(parts, ("face", "hands", "hands"), strict=True)
    )
    return face, *keypoints.drop_double_hands(left, right, pose)


def _columns(where: Regions) -> list[tf.Tensor]:
  return [where.center, where.size[:, None], where.angle[:, None]]


def person_boxes(
  found: tf.Tensor, points: tf.Tensor, sides: tf.Tensor
) -> tf.Tensor:
  """As `detection.detector.person_box`, of N people in sides [2] (x, y)."""
  low, high = found[:, :2], found[:, :2] + found[:, 2:]
  reach = detector._WIDENING * tf.reduce_max(found[:, 2:], axis=-1)
  reach = reach[:, None, None]
  places = points[..., :2]
  near = tf.reduce_all(
    (places >= low[:, None] - reach) & (places <= high[:, None] + reach), -1
  )
  sure = (near & (points[..., 2] > detector._CONFIDENT))[..., None]
  inner = tf.where(sure, places, low[:, None])
  low = tf.minimum(low, tf.reduce_min(inner, axis=1))
  inner = tf.where(sure, places, high[:, None])
  high = tf.maximum(high, tf.reduce_max(inner, axis=1))
  low = tf.clip_by_value(low, 0.0, sides - 1.0)
  high = tf.minimum(tf.maximum(high, low + 1.0), sides)
  return tf.concat([low, high - low], axis=-1)


def crop_boxes(boxes: tf.Tensor) -> tf.Tensor:
  """As `detection.features.crop_box`: [N, 4] float32 of boxes [N, 4]."""
  boxes = tf.cast(tf.cast(boxes, tf.float32), tf.float64)
  square = regions.upright(boxes, CROP_SCALE)
  side = square.size[:, None]
  corner = square.center - side / 2
  return tf.cast(tf.concat([corner, side, side], axis=-1), tf.float32)
