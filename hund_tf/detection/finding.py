"""Who is meant by a box, how sure that is, and who is the same person.

MoveNet looks at a box and takes, of the people that its crop shows, the one
that fits the box. Box, joints and the agreement of the looks together speak for
a person.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import expit

from hund_tf.detection import thunder
from hund_tf.detection.fusion import COCO_TO_33, LookSet, fuse
from hund_tf.detection.pose import Pose

COUNTED = 9  # joints that speak for a person: those of an upper body
_LEAST_WEIGHT = 0.35  # of looks that are unlike MediaPipe's pose
POSE_WEIGHT = 0.2  # of MediaPipe's looks at joints, against MoveNet's
MARGIN = 0.1  # around a box or the joints in it, larger sides of it
# Log-odds of a person by the evidence: fitted on 77 proposals in 33 photos.
_CALIBRATION = (-2.93, 21.8)
_SAME_WIDTH = 0.06  # of the kernel of two people's joints, sides of the box


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
  def certainty(self) -> float:
    """Joint scores x agreement of the looks at the surest joints, in [0, 1]."""
    return float(np.sort(self.joints[:, 2])[-COUNTED:].mean())

  @property
  def evidence(self) -> float:
    """Box score x certainty of the joints, in [0, 1]."""
    return self.box_score * self.certainty

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


def fit(pose: Pose, box: np.ndarray) -> float:
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
  low = person.box[:2] - MARGIN * person.size
  high = person.box[:2] + person.box[2:] + MARGIN * person.size
  points = person.joints[:, :2]
  inside = np.all((points >= low) & (points <= high), axis=1)
  sure = person.joints[:, 2]
  return bool(np.sum(sure * inside) > 0.7 * np.sum(sure))
