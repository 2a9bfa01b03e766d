"""People, their 137 keypoints, 3D landmarks and masks, by bundled networks."""

from collections.abc import Sequence

import numpy as np

from hund_tf.detection import finding
from hund_tf.detection.face import FaceReader
from hund_tf.detection.finding import Candidate, PeopleSearch, SearchConfig
from hund_tf.detection.fusion import (
  LookSet,
  fuse,
  fused_pose,
  probability,
)
from hund_tf.detection.hands import (
  LEFT_HAND_POSE,
  RIGHT_HAND_POSE,
  HandReader,
)
from hund_tf.detection.interface import Detection, check_boxes, check_image
from hund_tf.detection.landmarks_3d import assemble_3d, body_landmarks
from hund_tf.detection.mapping import assemble
from hund_tf.detection.masks import person_masks
from hund_tf.detection.pose import (
  Looks,
  Pose,
  PoseNetwork,
  alignment_roi,
  joints_roi,
  merge,
)

_CONFIDENT = 0.5  # keypoints above it are in the person's box
_WIDENING = 0.15  # of the box at most, larger sides
_AVOIDANCE = 6.0  # how much looks at somebody else lose
# (scale, turn in radians, mirrored) of MediaPipe's looks at a person.
_LOOKS = (
  (1.0, 0.0, False),
  (1.0, 0.0, True),
  (1.0, 0.15, False),
  (1.0, -0.15, True),
)


class PeopleDetector:
  """A `PersonDetector` on NanoDet, MoveNet and MediaPipe's networks.

  NanoDet and MoveNet find the people (`finding`); MediaPipe's pose network
  looks at each for feet, hands, the mask and 3D landmarks; the joints are where
  the looks of both networks agree (`fusion`).

  Args:
    config: how people are searched for.
  """

  def __init__(self, config: SearchConfig | None = None):
    self._search = PeopleSearch(config)
    self._pose = PoseNetwork()
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
    if boxes is None:
      people = self._search(image)
    else:
      given = check_boxes(boxes, *image.shape[:2])
      people = [p for p in self._search.in_boxes(image, given) if p is not None]
    return self._detections(image, people[:max_people], boxes is not None)

  def _detections(
    self, image: np.ndarray, people: Sequence[Candidate], keep_boxes: bool
  ) -> list[Detection]:
    """Everything that is read of people whose joints are known."""
    height, width = image.shape[:2]
    looks = self._looks(image, people)
    masks = person_masks(looks, height, width)
    points = self._keypoints(image, people, looks)
    return [
      Detection(
        person.box
        if keep_boxes
        else person_box(person.box, keypoints, height, width),
        person.score,
        keypoints,
        mask,
        spatial,
      )
      for person, (keypoints, spatial), mask in zip(
        people, points, masks, strict=True
      )
    ]

  def _looks(
    self, image: np.ndarray, people: Sequence[Candidate]
  ) -> list[Looks]:
    """MediaPipe's looks at people; those at somebody else count little."""
    rois = [
      alignment_roi(person.pose.alignment)
      if _alike(person.pose, person) > 0.5
      else joints_roi(person.joints)
      for person in people
    ]
    found = self._pose.look(image, rois, _LOOKS)
    return [
      merge(
        looks.poses,
        np.array(
          [np.exp(_AVOIDANCE * (_alike(p, person) - 1.0)) for p in looks.poses]
        ),
      )
      for looks, person in zip(found, people, strict=True)
    ]

  def _keypoints(
    self,
    image: np.ndarray,
    people: Sequence[Candidate],
    looks: Sequence[Looks],
  ) -> list[tuple[np.ndarray, np.ndarray]]:
    """Keypoints [137, 3] and 3D landmarks [137, 4] of the people of a photo."""
    height, width = image.shape[:2]
    poses = [
      fuse_looks(person, seen)
      for person, seen in zip(people, looks, strict=True)
    ]
    left = self._hands(image, poses, LEFT_HAND_POSE)
    right = self._hands(image, poses, RIGHT_HAND_POSE)
    faces = self._face(image, poses)
    read = []
    for i, (person, seen, pose) in enumerate(
      zip(people, looks, poses, strict=True)
    ):
      drop_double_hand(left.points[i], right.points[i], pose)
      parts = faces, left, right
      points = assemble(pose, *(p.points[i] for p in parts), height, width)
      body = body_landmarks(seen, pose, person.size)
      spatial = assemble_3d(body, *(p.spatial[i] for p in parts), points)
      read.append((points, spatial))
    return read


def _alike(pose: Pose, person: Candidate) -> float:
  """How much MediaPipe's pose is that of the person, in [0, 1]."""
  return finding.joint_similarity(
    finding.pose_joints(pose), person.joints, person.size
  )


def fuse_looks(person: Candidate, looks: Looks) -> np.ndarray:
  """The 33 landmarks [33, 3] of both networks' looks at a person.

  Returns:
    x, y (pixels) and the probability that a landmark is right; fingers and feet
    have visibility x presence x agreement, times that of their limb's end.
  """
  seen = LookSet(
    np.stack([finding.pose_joints(pose) for pose in looks.poses]),
    finding.POSE_WEIGHT,
  )
  joints = fuse([LookSet(person.looks, 1.0), seen], person.size)
  joints[:, 2] = probability(joints[:, 2])
  confidence = looks.landmarks[:, 2] * looks.landmarks[:, 3] * looks.agreement
  pose = np.concatenate([looks.landmarks[:, :2], confidence[:, None]], axis=1)
  return fused_pose(pose, joints, person.size)


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


def person_box(
  found: np.ndarray, points: np.ndarray, height: int, width: int
) -> np.ndarray:
  """A found box [4], widened a little to the sure keypoints beyond it.

  Keypoints far outside are of somebody else, or mistaken.

  Args:
    found: left, top, width, height, pixels.
    points: [137, 3] x, y (pixels) and confidence.
    height: of the photo, pixels.
    width: of the photo, pixels.
  """
  low, high = found[:2], found[:2] + found[2:]
  reach = _WIDENING * max(found[2:])
  sure = points[points[:, 2] > _CONFIDENT, :2]
  near = np.all((sure >= low - reach) & (sure <= high + reach), axis=1)
  if near.any():
    low = np.minimum(low, sure[near].min(axis=0))
    high = np.maximum(high, sure[near].max(axis=0))
  low = np.clip(low, 0, [width - 1, height - 1])
  high = np.clip(high, low + 1, [width, height])
  return np.concatenate([low, high - low]).astype(np.float32)
