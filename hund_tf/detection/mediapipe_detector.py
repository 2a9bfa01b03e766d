"""People, their 137 keypoints and masks, by MediaPipe's networks."""

from collections.abc import Sequence

import numpy as np

from hund_tf.detection.anchors import box_iou
from hund_tf.detection.face import FaceReader
from hund_tf.detection.hands import (
  LEFT_HAND_POSE,
  RIGHT_HAND_POSE,
  HandReader,
)
from hund_tf.detection.interface import Detection, check_boxes, check_image
from hund_tf.detection.mapping import assemble
from hund_tf.detection.masks import person_masks
from hund_tf.detection.people import PeopleFinder, SearchConfig, quality
from hund_tf.detection.pose import Looks, alignment_roi
from hund_tf.detection.roi import upright_roi

_CONFIDENT = 0.3  # keypoints above it bound the person
_BOX_PADDINGS = (1.0, 1.3, 1.7)  # around a user's box, to see the whole person


class MediaPipeDetector:
  """A `PersonDetector` on MediaPipe's networks.

  Args:
    config: how people are searched for.
  """

  def __init__(self, config: SearchConfig | None = None):
    self._finder = PeopleFinder(config)
    self._face = FaceReader()
    self._hands = HandReader()

  def detect(
    self,
    image: np.ndarray,
    boxes: Sequence[Sequence[float]] | None = None,
    max_people: int | None = None,
  ) -> list[Detection]:
    """Finds the people of a photo; see `PersonDetector.detect`.

    With `boxes` the person of each box is looked for, and keeps that box; a box
    in which nobody is seen gives nothing.

    Raises:
      ValueError: if the image, a box or max_people is not usable.
    """
    check_image(image)
    if max_people is not None and max_people < 1:
      raise ValueError(f"max_people: got {max_people}, expected at least 1")
    height, width = image.shape[:2]
    given: list[np.ndarray | None]
    if boxes is None:
      people = self._finder.find(image)
      given = [None] * len(people)
    else:
      people, given = [], []
      for box in check_boxes(boxes, height, width):
        person = self._in_box(image, box)
        if person is not None:
          people.append(person)
          given.append(box)
      people = self._finder.separate(image, people)
    order = np.argsort([-quality(p) for p in people], kind="stable")
    people = [people[i] for i in order][:max_people]
    given = [given[i] for i in order][:max_people]
    masks = person_masks(people, height, width)
    points = self._keypoints(image, people)
    return [
      Detection(
        person_box(keypoints, mask) if box is None else box,
        quality(person),
        keypoints,
        mask,
      )
      for person, keypoints, mask, box in zip(
        people, points, masks, given, strict=True
      )
    ]

  def _keypoints(
    self, image: np.ndarray, people: Sequence[Looks]
  ) -> list[np.ndarray]:
    """The keypoints [137, 3] of the people of a photo."""
    height, width = image.shape[:2]
    poses = [person.landmarks for person in people]
    left = self._hands(image, poses, LEFT_HAND_POSE)
    right = self._hands(image, poses, RIGHT_HAND_POSE)
    faces = self._face(image, poses)
    points = []
    for person, face, *hands in zip(people, faces, left, right, strict=True):
      drop_double_hand(*hands, person.landmarks)
      points.append(
        assemble(
          person.landmarks, person.agreement, face, *hands, height, width
        )
      )
    return points

  def _in_box(self, image: np.ndarray, box: np.ndarray) -> Looks | None:
    """The person that fills a user's box best, None if nobody is seen."""
    rois = [upright_roi(box, 1.25)]
    tiles = [upright_roi(box, padding) for padding in _BOX_PADDINGS]
    rois += [roi for _, roi in self._finder.regions(image, tiles)]
    poses = self._finder.pose.read(image, [(roi, False) for roi in rois[:8]])
    closer = [alignment_roi(p.alignment) for p in poses if p.score >= 0.1]
    best, best_value = None, 0.0
    for looks in self._finder.pose.look(image, closer):
      visible = looks.landmarks[looks.landmarks[:, 3] > 0.5, :2]
      if len(visible) < 4:
        continue
      low = np.clip(visible.min(axis=0), box[:2], box[:2] + box[2:])
      high = np.clip(visible.max(axis=0), box[:2], box[:2] + box[2:])
      whole = np.ptp(visible, axis=0)
      share = np.prod(high - low) / max(np.prod(whole), 1e-6)
      overlap = box_iou([[*low, *(high - low)]], [box])[0, 0]
      value = quality(looks) * overlap * share
      if value > best_value:
        best, best_value = looks, value
    return best


def drop_double_hand(
  left: np.ndarray, right: np.ndarray, pose: np.ndarray
) -> None:
  """Zeroes the less likely of two hands [21, 3] that are the same, in place.

  The one whose wrist is nearer to the pose's stays.
  """
  if left[0, 2] <= 0 or right[0, 2] <= 0:
    return
  size = max(np.ptp(left[:, :2], axis=0).max(), 1.0)
  apart = np.linalg.norm(left[:, :2] - right[:, :2], axis=1).mean()
  if apart > 0.25 * size:
    return
  far_left = np.linalg.norm(left[0, :2] - pose[LEFT_HAND_POSE[0], :2])
  far_right = np.linalg.norm(right[0, :2] - pose[RIGHT_HAND_POSE[0], :2])
  (right if far_left <= far_right else left)[:] = 0.0


def person_box(points: np.ndarray, mask: np.ndarray) -> np.ndarray:
  """Tight box [4] of confident keypoints [137, 3] and the mask around them.

  The mask counts within half the keypoints' extent around them, so that a blot
  elsewhere does not widen the box.
  """
  height, width = mask.shape
  known = points[points[:, 2] > _CONFIDENT, :2]
  if len(known) < 2:
    known = points[points[:, 2] > 0, :2]
  if not len(known):
    return np.array([0, 0, width, height], np.float32)
  low, high = known.min(axis=0), known.max(axis=0)
  margin = 0.5 * np.max(high - low) + 1.0
  x0, y0 = np.maximum(low - margin, 0).astype(int)
  x1, y1 = np.minimum(high + margin + 1, [width, height]).astype(int)
  rows, columns = np.nonzero(mask[y0:y1, x0:x1])
  if len(rows):
    low = np.minimum(low, [x0 + columns.min(), y0 + rows.min()])
    high = np.maximum(high, [x0 + columns.max() + 1, y0 + rows.max() + 1])
  low = np.clip(low, 0, [width - 1, height - 1])
  high = np.clip(high, low + 1, [width, height])
  return np.concatenate([low, high - low]).astype(np.float32)
