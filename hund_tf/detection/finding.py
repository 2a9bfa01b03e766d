"""Who is in a photo: proposals, a guided look at each, and which of them stay.

NanoDet proposes boxes over the whole photo and over tiles, and MediaPipe's
detector adds people whom it does not see, as those who lie. MoveNet looks at
each and takes, of the people that its crop shows, the one that fits the box. A
proposal stays if box, joints and the agreement of the looks together speak for
a person, and if nobody who is surer has the same joints.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import expit

from hund_tf.detection import thunder
from hund_tf.detection.anchors import box_iou
from hund_tf.detection.fusion import COCO_TO_33, LookSet, fuse
from hund_tf.detection.nanodet import Boxes, NanoDet
from hund_tf.detection.pose import (
  Pose,
  PoseDetector,
  PoseNetwork,
  alignment_roi,
)
from hund_tf.detection.roi import Roi, tile_rois, upright_roi
from hund_tf.options import check, option

_COUNTED = 9  # joints that speak for a person: those of an upper body
_CROP_SCALE = 1.15  # of MoveNet's crops, larger sides of the box
_POSE_SCALE = 1.25  # of MediaPipe's first crops, the same
# Proposals of MediaPipe's pose detector: people whom NanoDet does not see.
_TILE_FRACTIONS = (1.0, 0.6)  # sides of its tiles, larger sides of the photo
_MIN_POSE_SCORE = 0.7
_POSE_BOX_SCORE = 0.6  # such a box's score, of the pose's
_SEEN = 0.5  # confidence of the joints that bound it
_COVERED = 0.4  # overlap with another box, above which it is nobody new
_LEAST_WEIGHT = 0.35  # of looks that are unlike MediaPipe's pose
_SURE_FIT = 0.4  # of a pose and the box, above which it is the person's
POSE_WEIGHT = 0.2  # of MediaPipe's looks at joints, against MoveNet's
_MARGIN = 0.1  # around a box or the joints in it, larger sides of it
# Log-odds of a person by the evidence: fitted on 77 proposals in 33 photos.
_CALIBRATION = (-2.93, 21.8)
_IN_GIVEN_BOX = 0.1  # least evidence in a box that is given
_SAME_WIDTH = 0.06  # of the kernel of two people's joints, sides of the box


@dataclass(frozen=True)
class SearchConfig:
  """The search for people."""

  detection_threshold: float = option(
    0.4,
    "Least score of a person, the probability that there is one whose joints "
    "are right: a lower one finds more people, and more that are false.",
    low=0.0,
    high=1.0,
  )
  min_person_px: float = option(
    0.0,
    "Least size of a person, the larger side of the box in pixels: smaller "
    "ones are not looked at.",
    low=0.0,
  )
  max_similarity: float = 0.5  # of the joints of two different people

  def __post_init__(self):
    check(self)


class Candidate(NamedTuple):
  """A proposed box and who is seen in it."""

  box: np.ndarray  # [4] left, top, width, height, pixels
  box_score: float  # of the detector; 1 for a box that is given
  views: tuple[thunder.Candidates, ...]  # everybody in each of L looks
  pose: Pose  # what MediaPipe sees in the box
  looks: np.ndarray  # [L, 17, 3] the one who is meant: x, y (pixels) and
  # score, less where the look is unlike MediaPipe's pose
  joints: np.ndarray  # [17, 3] where the looks agree, and how much in [0, 1]

  @property
  def size(self) -> float:
    """Larger side of the box, pixels; the unit of distances."""
    return float(max(self.box[2:]))

  @property
  def evidence(self) -> float:
    """Box score x joint scores x agreement of the looks, in [0, 1]."""
    best = np.sort(self.joints[:, 2])[-_COUNTED:]
    return float(self.box_score * best.mean())

  @property
  def score(self) -> float:
    """The probability of a person whose joints are right."""
    offset, slope = _CALIBRATION
    return float(expit(offset + slope * self.evidence))


def choose(
  box: np.ndarray,
  score: float,
  views: tuple[thunder.Candidates, ...],
  pose: Pose,
  others: Sequence[np.ndarray] = (),
) -> Candidate:
  """Who is meant by a box, of the people that the looks at it show.

  Args:
    box: [4] left, top, width, height, pixels.
    score: of the box.
    views: everybody in each look.
    pose: what MediaPipe sees in the box.
    others: joints [17, 3] of people who are found already; whoever resembles
      them is not meant.
  """
  likely = pose_joints(pose)
  looks = np.stack(
    [
      seen.keypoints[thunder.choose_by_box(seen, box, others, likely)]
      for seen in views
    ]
  )
  # MoveNet fails at close-ups: where MediaPipe's pose fills the box, looks that
  # are unlike it count less.
  doubt = thunder.trust(likely, box) * (
    1.0 - thunder.similarity(looks, likely, float(max(box[2:])))
  )
  looks[..., 2] *= np.maximum(1.0 - doubt, _LEAST_WEIGHT)[:, None]
  sets = [LookSet(looks, 1.0), LookSet(likely[None], POSE_WEIGHT)]
  joints = fuse(sets, float(max(box[2:])))
  return Candidate(box, score, views, pose, looks, joints)


def pose_joints(pose: Pose) -> np.ndarray:
  """COCO's joints [17, 3] of MediaPipe's landmarks, with their confidence."""
  rows = pose.landmarks[list(COCO_TO_33)]
  sure = pose.score * rows[:, 2:3] * rows[:, 3:]
  return np.concatenate([rows[:, :2], sure], axis=1)


def _bounds(pose: Pose, height: int, width: int) -> np.ndarray | None:
  """The box [4] of a pose's seen joints in the photo; None if they are few."""
  joints = pose_joints(pose)
  seen = joints[joints[:, 2] > _SEEN, :2]
  if len(seen) < _COUNTED:
    return None
  low, high = seen.min(axis=0), seen.max(axis=0)
  margin = _MARGIN * np.max(high - low)
  low = np.clip(low - margin, 0, [width - 1, height - 1])
  high = np.clip(high + margin, low + 1, [width, height])
  return np.concatenate([low, high - low])


def _fit(pose: Pose, box: np.ndarray) -> float:
  """How well a pose fills a box [4], in [0, 1]."""
  return thunder.box_fit(pose_joints(pose), box)


def joint_similarity(a: np.ndarray, b: np.ndarray, size: float) -> float:
  """Mean Gaussian closeness of two people's joints, in [0, 1].

  As COCO's object keypoint similarity, with one width, and the joints count as
  surely as both have them.

  Args:
    a: [17, 3] x, y (pixels) and how sure.
    b: [17, 3].
    size: of the smaller of the two people, pixels.
  """
  weight = np.minimum(a[:, 2], b[:, 2])
  distance = np.linalg.norm(a[:, :2] - b[:, :2], axis=-1)
  closeness = np.exp(-0.5 * (distance / (_SAME_WIDTH * size)) ** 2)
  return float(np.sum(weight * closeness) / max(np.sum(weight), 1e-6))


def similarity(a: Candidate, b: Candidate) -> float:
  """`joint_similarity` of two candidates."""
  return joint_similarity(a.joints, b.joints, min(a.size, b.size))


def is_inside(person: Candidate) -> bool:
  """Whether most of the sure joints lie in the box that was given."""
  low = person.box[:2] - _MARGIN * person.size
  high = person.box[:2] + person.box[2:] + _MARGIN * person.size
  points = person.joints[:, :2]
  inside = np.all((points >= low) & (points <= high), axis=1)
  sure = person.joints[:, 2]
  return bool(np.sum(sure * inside) > 0.7 * np.sum(sure))


class PeopleSearch:
  """Finds people and their joints in photos."""

  def __init__(self, config: SearchConfig | None = None):
    self.config = config or SearchConfig()
    self._boxes = NanoDet()
    self._joints = thunder.Thunder()
    self._pose = PoseNetwork()
    self._regions = PoseDetector()

  def __call__(self, image: np.ndarray) -> list[Candidate]:
    """The people of an [H, W, 3] uint8 photo, the surest first."""
    boxes = self._proposals(image)
    large = boxes.boxes[:, 2:].max(axis=1) >= self.config.min_person_px
    found = Boxes(boxes.boxes[large], boxes.scores[large])
    return self.distinct(self.candidates(image, found))

  def candidates(self, image: np.ndarray, boxes: Boxes) -> list[Candidate]:
    """What is seen in some boxes of an [H, W, 3] uint8 photo."""
    rois = [upright_roi(box, _CROP_SCALE) for box in boxes.boxes]
    views = [(roi, mirrored) for roi in rois for mirrored in (False, True)]
    seen = self._joints.candidates(image, views)
    poses = self._poses(image, boxes.boxes)
    return [
      choose(box, float(score), tuple(seen[2 * i : 2 * i + 2]), poses[i])
      for i, (box, score) in enumerate(zip(*boxes, strict=True))
    ]

  def _poses(self, image: np.ndarray, boxes: np.ndarray) -> list[Pose]:
    """MediaPipe's poses of the people of boxes [N, 4].

    Where the person does not fill the box, MediaPipe's detector is asked for
    the region: of a close-up most of the body is outside of the box.
    """
    rois = [upright_roi(box, _POSE_SCALE) for box in boxes]
    poses = self._aligned(image, rois)
    fit = [_fit(*each) for each in zip(poses, boxes, strict=True)]
    unsure = [i for i, value in enumerate(fit) if value < _SURE_FIT]
    tiles = [upright_roi(boxes[i], _POSE_SCALE) for i in unsure]
    regions = zip(unsure, self._regions(image, tiles), strict=True)
    found = [(i, roi) for i, roi in regions if roi is not None]
    again = self._aligned(image, [roi for _, roi in found])
    for (i, _), pose in zip(found, again, strict=True):
      if _fit(pose, boxes[i]) > fit[i]:
        poses[i] = pose
    return poses

  def _aligned(self, image: np.ndarray, rois: Sequence[Roi]) -> list[Pose]:
    """Poses in regions, after a look that aligns each."""
    rough = self._pose.read(image, [(roi, False) for roi in rois])
    aligned = [(alignment_roi(pose.alignment), False) for pose in rough]
    return self._pose.read(image, aligned)

  def _proposals(self, image: np.ndarray) -> Boxes:
    """NanoDet's boxes, and those of MediaPipe's people whom it does not see."""
    height, width = image.shape[:2]
    boxes, scores = (list(part) for part in self._boxes(image))
    tiles = [
      tile for f in _TILE_FRACTIONS for tile in tile_rois(height, width, f)
    ]
    rois = [roi for roi in self._regions(image, tiles) if roi is not None]
    for pose in self._aligned(image, rois):
      box = _bounds(pose, height, width)
      if box is None or pose.score < _MIN_POSE_SCORE:
        continue
      if not boxes or box_iou(box[None], np.array(boxes)).max() < _COVERED:
        boxes.append(box)
        scores.append(_POSE_BOX_SCORE * pose.score)
    return Boxes(np.reshape(boxes, (-1, 4)), np.array(scores, np.float64))

  def distinct(self, found: Sequence[Candidate]) -> list[Candidate]:
    """Those with a score high enough who are nobody else, the surest first.

    Where the looks at a box show somebody who is found already, it is asked who
    else is in it.
    """
    kept: list[Candidate] = []
    for person in sorted(found, key=lambda c: -c.evidence):
      if self._known(person, kept):
        others = [other.joints for other in kept]
        person = choose(
          person.box, person.box_score, person.views, person.pose, others
        )
      enough = person.score >= self.config.detection_threshold
      if enough and not self._known(person, kept):
        kept.append(person)
    return sorted(kept, key=lambda c: -c.evidence)

  def in_boxes(
    self, image: np.ndarray, boxes: np.ndarray
  ) -> list[Candidate | None]:
    """The person in each box [N, 4] that a user gives, in their order.

    Nobody is found twice: a box in which only people of other boxes are seen
    has none.
    """
    found = self.candidates(image, Boxes(boxes, np.ones(len(boxes))))
    order = sorted(range(len(found)), key=lambda i: -found[i].evidence)
    kept: dict[int, Candidate] = {}
    for i in order:
      person, others = found[i], list(kept.values())
      if self._known(person, others) or not is_inside(person):
        # Somebody else stands before the one who is meant.
        known = [other.joints for other in others]
        if not is_inside(person):
          known.append(person.joints)
        person = choose(person.box, 1.0, person.views, person.pose, known)
      seen = person.evidence >= _IN_GIVEN_BOX
      if seen and is_inside(person) and not self._known(person, others):
        kept[i] = person
    return [kept.get(i) for i in range(len(found))]

  def _known(self, person: Candidate, kept: Sequence[Candidate]) -> bool:
    return any(
      similarity(person, other) > self.config.max_similarity for other in kept
    )
