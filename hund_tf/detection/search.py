"""Searches photos for people: proposals, a look at each, and who stays.

NanoDet proposes boxes over the whole photo and over tiles, and MediaPipe's
detector adds people whom it does not see, as those who lie. Everybody of
several photos goes through each network together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hund_tf.detection import thunder
from hund_tf.detection.anchors import box_iou, share_inside
from hund_tf.detection.finding import (
  COUNTED,
  MARGIN,
  Candidate,
  choose,
  fit,
  is_inside,
  pose_joints,
  similarity,
)
from hund_tf.detection.grouping import grouped, repeated
from hund_tf.detection.nanodet import Boxes, NanoDet
from hund_tf.detection.pose import (
  Pose,
  PoseDetector,
  PoseNetwork,
  alignment_roi,
)
from hund_tf.detection.roi import Roi, tile_rois, upright_roi
from hund_tf.options import check, option

_CROP_SCALE = 1.15  # of MoveNet's crops, larger sides of the box
_POSE_SCALE = 1.25  # of MediaPipe's first crops, the same
# Proposals of MediaPipe's pose detector: people whom NanoDet does not see.
_TILE_FRACTIONS = (1.0, 0.6)  # sides of its tiles, larger sides of the photo
_MIN_POSE_SCORE = 0.7
_POSE_BOX_SCORE = 0.6  # such a box's score, of the pose's
_SEEN = 0.5  # confidence of the joints that bound it
_COVERED = 0.4  # overlap with another box, above which it is nobody new
_SURE_FIT = 0.4  # of a pose and the box, above which it is the person's
_IN_GIVEN_BOX = 0.1  # least evidence in a box that is given
_ALONE = 0.9  # what is left of a box's score where it is looked at alone
_PART = 0.5  # share of a box in another one, above which it is not such a box
_TURNS = (np.pi / 2, np.pi, -np.pi / 2)  # of further looks, radians
_SURE_SIGHT = 0.6  # of joints, at which somebody who stands is seen well
_STANDS = 0.7  # uprightness of who stands
_UPRIGHT_IN_CROP = 0.5  # least uprightness in such a look
_TURN_LOSS = 0.8  # what is left of a box's score in these
_CUT_MARGIN = 0.05  # around a box that is looked at alone, larger sides


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


def _bounds(pose: Pose, height: int, width: int) -> np.ndarray | None:
  """The box [4] of a pose's seen joints in the photo; None if they are few."""
  joints = pose_joints(pose)
  seen = joints[joints[:, 2] > _SEEN, :2]
  if len(seen) < COUNTED:
    return None
  low, high = seen.min(axis=0), seen.max(axis=0)
  margin = MARGIN * np.max(high - low)
  low = np.clip(low - margin, 0, [width - 1, height - 1])
  high = np.clip(high + margin, low + 1, [width, height])
  return np.concatenate([low, high - low])


def _with_poses(
  found: Boxes, poses: Sequence[Pose], height: int, width: int
) -> Boxes:
  """NanoDet's boxes of a photo, and those of poses where it has none."""
  boxes, scores = list(found.boxes), list(found.scores)
  for pose in poses:
    box = _bounds(pose, height, width)
    if box is None or pose.score < _MIN_POSE_SCORE:
      continue
    if not boxes or box_iou(box[None], np.array(boxes)).max() < _COVERED:
      boxes.append(box)
      scores.append(_POSE_BOX_SCORE * pose.score)
  return Boxes(np.reshape(boxes, (-1, 4)), np.array(scores, np.float64))


def _cut_out(image: np.ndarray, box: np.ndarray) -> np.ndarray:
  """The photo, black but for a box [4] and a little around it."""
  margin = _CUT_MARGIN * max(box[2:])
  left, top = np.floor(np.maximum(box[:2] - margin, 0)).astype(int)
  right, bottom = np.ceil(box[:2] + box[2:] + margin).astype(int)
  seen = np.zeros_like(image)
  seen[top:bottom, left:right] = image[top:bottom, left:right]
  return seen


def _uprightness(person: Candidate, angle: float = 0.0) -> float:
  """How much the trunk points up in a crop turned by an angle, [-1, 1]."""
  shoulders, hips = (
    person.joints[rows, :2].mean(axis=0)
    for rows in (slice(5, 7), slice(11, 13))
  )
  trunk = shoulders - hips
  up = np.array([np.sin(angle), -np.cos(angle)])
  return float(trunk @ up / max(np.linalg.norm(trunk), 1e-6))


def _may_be_turned(person: Candidate) -> bool:
  """Whether a person is seen badly, or not as somebody who stands."""
  return person.certainty < _SURE_SIGHT or _uprightness(person) < _STANDS


def _is_part(person: Candidate, kept: Sequence[Candidate]) -> bool:
  """Whether a box is mostly within that of somebody who is found.

  Alone it would show a part of them that looks like a person.
  """
  boxes = np.reshape([other.box for other in kept], (-1, 4))
  return share_inside(person.box, boxes) > _PART


def _anew(person: Candidate, others: Sequence[np.ndarray]) -> Candidate:
  """Who else is meant by the box, if it is none with joints as the others'."""
  box, score, views, pose, *_ = person
  return choose(box, score, views, pose, others)


class PeopleSearch:
  """Finds people and their joints in photos."""

  def __init__(self, config: SearchConfig | None = None):
    self.config = config or SearchConfig()
    self._boxes = NanoDet()
    self._joints = thunder.Thunder()
    self._pose = PoseNetwork()
    self._regions = PoseDetector()

  def __call__(self, images: Sequence[np.ndarray]) -> list[list[Candidate]]:
    """The people of each of [H, W, 3] uint8 photos, the surest first."""
    if not images:
      return []
    found = self.candidates(images, self.proposals(images))
    return [self.distinct(of_photo) for of_photo in found]

  def _alone(
    self, images: Sequence[np.ndarray], found: Sequence[Sequence[Candidate]]
  ) -> list[list[Candidate]]:
    """Another look at some boxes of each photo, with all around them black."""
    counts = [len(of_photo) for of_photo in found]
    boxes = np.reshape([c.box for seen in found for c in seen], (-1, 4))
    scores = [_ALONE * c.box_score for seen in found for c in seen]
    owners = [
      _cut_out(*each)
      for each in zip(repeated(images, counts), boxes, strict=True)
    ]
    return grouped(self._looked(owners, Boxes(boxes, np.array(scores))), counts)

  def proposals(self, images: Sequence[np.ndarray]) -> list[Boxes]:
    """Boxes in which somebody may be, at least `min_person_px` large.

    NanoDet's, and those of MediaPipe's people whom it does not see.
    """
    tiles = [
      [
        tile
        for fraction in _TILE_FRACTIONS
        for tile in tile_rois(*image.shape[:2], fraction)
      ]
      for image in images
    ]
    owners = repeated(range(len(images)), map(len, tiles))
    regions = self._regions([images[i] for i in owners], sum(tiles, []))
    found = [
      (i, roi)
      for i, roi in zip(owners, regions, strict=True)
      if roi is not None
    ]
    poses = self._aligned(
      [images[i] for i, _ in found], [roi for _, roi in found]
    )
    by_photo: list[list[Pose]] = [[] for _ in images]
    for (i, _), pose in zip(found, poses, strict=True):
      by_photo[i].append(pose)
    return [
      self._large(_with_poses(boxes, own, *image.shape[:2]))
      for image, boxes, own in zip(
        images, self._boxes(images), by_photo, strict=True
      )
    ]

  def _large(self, found: Boxes) -> Boxes:
    large = found.boxes[:, 2:].max(axis=1) >= self.config.min_person_px
    return Boxes(found.boxes[large], found.scores[large])

  def candidates(
    self, images: Sequence[np.ndarray], boxes: Sequence[Boxes]
  ) -> list[list[Candidate]]:
    """What is seen in some boxes of each photo."""
    counts = [len(of_photo.scores) for of_photo in boxes]
    every = Boxes(*(np.concatenate(part) for part in zip(*boxes, strict=True)))
    return grouped(self._looked(repeated(images, counts), every), counts)

  def _looked(
    self, owners: Sequence[np.ndarray], every: Boxes
  ) -> list[Candidate]:
    """What is seen in boxes, each of its own image.

    The networks know people who stand. Who is not seen well so, or seems to
    lie, is looked at from the other sides too, and stays as best seen.
    """
    found = self._looked_from(owners, every, 0.0)
    unsure = [i for i, person in enumerate(found) if _may_be_turned(person)]
    some = [owners[i] for i in unsure]
    boxes = Boxes(every.boxes[unsure], _TURN_LOSS * every.scores[unsure])
    for angle in _TURNS if unsure else ():
      again = self._looked_from(some, boxes, angle)
      for i, person in zip(unsure, again, strict=True):
        upright = _uprightness(person, angle) > _UPRIGHT_IN_CROP
        if upright and person.evidence > found[i].evidence:
          found[i] = person
    return found

  def _looked_from(
    self, owners: Sequence[np.ndarray], every: Boxes, angle: float
  ) -> list[Candidate]:
    """What is seen in boxes whose crops are turned by an angle, radians."""
    rois = [
      upright_roi(box, _CROP_SCALE)._replace(angle=angle) for box in every.boxes
    ]
    views = [(roi, mirrored) for roi in rois for mirrored in (False, True)]
    seen = self._joints.candidates(repeated(owners, [2] * len(owners)), views)
    poses = self._poses(owners, every.boxes, angle)
    return [
      choose(box, float(score), tuple(seen[2 * i : 2 * i + 2]), poses[i])
      for i, (box, score) in enumerate(zip(*every, strict=True))
    ]

  def _poses(
    self, images: Sequence[np.ndarray], boxes: np.ndarray, angle: float
  ) -> list[Pose]:
    """MediaPipe's poses of the people of boxes [N, 4], each of its photo.

    The first look is turned by an angle, radians.

    Where the person does not fill the box, MediaPipe's detector is asked for
    the region: of a close-up most of the body is outside of the box.
    """
    rois = [upright_roi(box, _POSE_SCALE) for box in boxes]
    poses = self._aligned(images, [roi._replace(angle=angle) for roi in rois])
    fits = [fit(*each) for each in zip(poses, boxes, strict=True)]
    unsure = [i for i, value in enumerate(fits) if value < _SURE_FIT]
    tiles = [upright_roi(boxes[i], _POSE_SCALE) for i in unsure]
    regions = zip(
      unsure, self._regions([images[i] for i in unsure], tiles), strict=True
    )
    found = [(i, roi) for i, roi in regions if roi is not None]
    again = self._aligned(
      [images[i] for i, _ in found], [roi for _, roi in found]
    )
    for (i, _), pose in zip(found, again, strict=True):
      if fit(pose, boxes[i]) > fits[i]:
        poses[i] = pose
    return poses

  def _aligned(
    self, images: Sequence[np.ndarray], rois: Sequence[Roi]
  ) -> list[Pose]:
    """Poses in regions, after a look that aligns each."""
    rough = self._pose.read(images, [(roi, False) for roi in rois])
    aligned = [(alignment_roi(pose.alignment), False) for pose in rough]
    return self._pose.read(images, aligned)

  def distinct(self, found: Sequence[Candidate]) -> list[Candidate]:
    """Those with a score high enough who are nobody else, the surest first.

    Where the looks at a box show somebody who is found already, it is asked who
    else is in it.
    """
    kept: list[Candidate] = []
    for person in sorted(found, key=lambda c: -c.evidence):
      if self._known(person, kept):
        person = _anew(person, [other.joints for other in kept])
      enough = person.score >= self.config.detection_threshold
      if enough and not self._known(person, kept):
        kept.append(person)
    return sorted(kept, key=lambda c: -c.evidence)

  def in_boxes(
    self, images: Sequence[np.ndarray], boxes: Sequence[np.ndarray]
  ) -> list[list[Candidate | None]]:
    """The person in each box [N, 4] that a user gives for each photo.

    Nobody is found twice: a box in which only people of other boxes are seen
    has none.
    """
    if not images:
      return []
    given = [Boxes(of_photo, np.ones(len(of_photo))) for of_photo in boxes]
    found = self.candidates(images, given)
    owned = [self._owned(seen, {}) for seen in found]
    empty = [
      [
        i
        for i, person in enumerate(seen)
        if i not in kept and not _is_part(person, list(kept.values()))
      ]
      for seen, kept in zip(found, owned, strict=True)
    ]
    again = self._alone(
      images,
      [[s[i] for i in e] for s, e in zip(found, empty, strict=True)],
    )
    for seen, kept, missed, second in zip(
      found, owned, empty, again, strict=True
    ):
      late = dict(zip(missed, second, strict=True))
      kept |= self._owned([late.get(i, c) for i, c in enumerate(seen)], kept)
    return [
      [kept.get(i) for i in range(len(seen))]
      for seen, kept in zip(found, owned, strict=True)
    ]

  def _owned(
    self, found: Sequence[Candidate], owned: Mapping[int, Candidate]
  ) -> dict[int, Candidate]:
    """The people of given boxes of a photo, by the number of the box.

    Args:
      found: in each box.
      owned: people who are found already.
    """
    order = sorted(range(len(found)), key=lambda i: -found[i].evidence)
    order = [i for i in order if i not in owned]
    kept = dict(owned)
    for i in order:
      person, others = found[i], list(kept.values())
      known = [other.joints for other in others]
      # Somebody else stands before the one who is meant: of another box, or
      # else of none.
      if self._known(person, others) or not is_inside(person):
        person = _anew(person, known)
      if not is_inside(person):
        person = _anew(person, [*known, person.joints])
      seen = person.evidence >= _IN_GIVEN_BOX
      if seen and is_inside(person) and not self._known(person, others):
        kept[i] = person
    return kept

  def _known(self, person: Candidate, kept: Sequence[Candidate]) -> bool:
    return any(
      similarity(person, other) > self.config.max_similarity for other in kept
    )
