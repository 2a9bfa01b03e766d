"""People, their 137 keypoints, 3D landmarks and masks, by bundled networks."""

from collections.abc import Sequence

import numpy as np

from hund_tf.detection import finding
from hund_tf.detection.confidence import calibrated
from hund_tf.detection.face import FaceReader
from hund_tf.detection.finding import Candidate
from hund_tf.detection.fusion import (
  LookSet,
  fuse,
  fused_pose,
  probability,
)
from hund_tf.detection.grouping import grouped, repeated
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
from hund_tf.detection.search import PeopleSearch, SearchConfig

_CONFIDENT = 0.5  # keypoints above it are in the person's box
_WIDENING = 0.15  # of the box at most, larger sides
_FEET = slice(29, 33)  # of MediaPipe's landmarks
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
    self.search = PeopleSearch(config)
    self._pose = PoseNetwork()
    self.face = FaceReader()
    self.hands = HandReader()

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
    if max_people is not None and max_people < 1:
      raise ValueError(f"max_people: got {max_people}, expected at least 1")
    (found,) = self.detect_photos([image], [boxes], max_people)
    return found

  def detect_photos(
    self,
    images: Sequence[np.ndarray],
    boxes: Sequence[Sequence[Sequence[float]] | None],
    max_people: int | None = None,
  ) -> list[list[Detection]]:
    """Finds the people of several photos together; see `detect`.

    All of the photos are in memory at once, with masks of everybody.

    Args:
      images: [H, W, 3] uint8 RGB, of any sizes.
      boxes: of each photo; None searches it.
      max_people: of a photo.

    Raises:
      ValueError: if an image or a box is not usable.
    """
    for image in images:
      check_image(image)
    people: list[list[Candidate]] = [[] for _ in images]
    searched = [i for i, given in enumerate(boxes) if given is None]
    found = self.search([images[i] for i in searched])
    for i, seen in zip(searched, found, strict=True):
      people[i] = seen
    told = {
      i: check_boxes(given, *images[i].shape[:2])
      for i, given in enumerate(boxes)
      if given is not None
    }
    inside = self.search.in_boxes([images[i] for i in told], [*told.values()])
    for i, seen in zip(told, inside, strict=True):
      people[i] = [person for person in seen if person is not None]
    people = [of_photo[:max_people] for of_photo in people]
    counts = [len(of_photo) for of_photo in people]
    owners, everybody = repeated(images, counts), sum(people, [])
    looks = self.looks(owners, everybody)
    points = self.keypoints(owners, everybody, looks)
    return [
      _detections(*of_photo, keep_boxes=i in told)
      for i, of_photo in enumerate(
        zip(
          images,
          people,
          grouped(looks, counts),
          grouped(points, counts),
          strict=True,
        )
      )
    ]

  def looks(
    self, images: Sequence[np.ndarray], people: Sequence[Candidate]
  ) -> list[Looks]:
    """MediaPipe's looks at people; those at somebody else count little.

    Args:
      images: [H, W, 3] uint8, the photo of each person.
      people: whose joints are known.
    """
    rois = [
      alignment_roi(person.pose.alignment)
      if _alike(person.pose, person) > 0.5
      else joints_roi(person.joints)
      for person in people
    ]
    found = self._pose.look(images, rois, _LOOKS)
    return [
      merge(
        looks.poses,
        np.array(
          [np.exp(_AVOIDANCE * (_alike(p, person) - 1.0)) for p in looks.poses]
        ),
      )
      for looks, person in zip(found, people, strict=True)
    ]

  def keypoints(
    self,
    images: Sequence[np.ndarray],
    people: Sequence[Candidate],
    looks: Sequence[Looks],
  ) -> list[tuple[np.ndarray, np.ndarray]]:
    """Keypoints [137, 3] and 3D landmarks [137, 4]; arguments as in `looks`."""
    poses = [
      fuse_looks(person, seen)
      for person, seen in zip(people, looks, strict=True)
    ]
    left = self.hands(images, poses, LEFT_HAND_POSE)
    right = self.hands(images, poses, RIGHT_HAND_POSE)
    faces = self.face(images, poses)
    for group, part in (("hands", left), ("hands", right), ("face", faces)):
      part.points[..., 2] = calibrated(group, part.points[..., 2])
    read = []
    for i, (image, person, seen, pose) in enumerate(
      zip(images, people, looks, poses, strict=True)
    ):
      drop_double_hand(left.points[i], right.points[i], pose)
      parts = faces, left, right
      points = assemble(pose, *(p.points[i] for p in parts), *image.shape[:2])
      body = body_landmarks(seen, pose, person.size)
      spatial = assemble_3d(body, *(p.spatial[i] for p in parts), points)
      read.append((points, spatial))
    return read


def _detections(
  image: np.ndarray,
  people: Sequence[Candidate],
  looks: Sequence[Looks],
  points: Sequence[tuple[np.ndarray, np.ndarray]],
  keep_boxes: bool,
) -> list[Detection]:
  """The people of a photo with their boxes, masks and 3D landmarks."""
  height, width = image.shape[:2]
  keypoints = [found for found, _ in points]
  masks = person_masks(looks, keypoints, height, width)
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


def _alike(pose: Pose, person: Candidate) -> float:
  """How much MediaPipe's pose is that of the person, in [0, 1]."""
  return finding.joint_similarity(
    finding.pose_joints(pose), person.joints, person.size
  )


def fuse_looks(person: Candidate, looks: Looks) -> np.ndarray:
  """The 33 landmarks [33, 3] of both networks' looks at a person.

  Returns:
    x, y (pixels) and the probability that a landmark is right; fingers have
    visibility x presence x agreement, times that of the wrist.
  """
  seen = LookSet(
    np.stack([finding.pose_joints(pose) for pose in looks.poses]),
    finding.POSE_WEIGHT,
  )
  joints = fuse([LookSet(person.looks, 1.0), seen], person.size)
  joints[:, 2] = probability(joints[:, 2])
  confidence = looks.landmarks[:, 2] * looks.landmarks[:, 3] * looks.agreement
  pose = np.concatenate([looks.landmarks[:, :2], confidence[:, None]], axis=1)
  fused = fused_pose(pose, joints, person.size)
  fused[_FEET, 2] = calibrated("feet", fused[_FEET, 2])
  return fused


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
