"""One set of body landmarks from the looks of two networks at a person.

MoveNet is the better of the two at limbs, backs and bent bodies, MediaPipe's
pose network knows hands and feet. Every look of each is a candidate; a joint is
where most of the weighted looks agree, and how much of the weight agrees says
how likely it is to be right.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import expit

from hund_tf.detection.confidence import calibrated

# COCO's 17 keypoints, which MoveNet knows: MediaPipe's landmark of each.
COCO_TO_33 = (0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28)
_WIDTH = 0.03  # of the kernel of looks that agree, sides of the person's box
_FLOOR = 1e-4  # weight of a look that sees nothing, so that none divides by 0
_CALIBRATION = (-1.06, 7.14)  # log-odds of a joint by the share that agrees
_SEEN_SHARE = 0.2  # of the weight that agrees, from which a joint is seen
_MAX_DETACHED = 0.12  # sides of the box between a limb's end and its hand, foot
_LIMB_ENDS = (  # left and right joint of COCO, and what hangs on them of the 33
  ((9, 10), ((17, 19, 21), (18, 20, 22))),  # wrists: fingers
  ((15, 16), ((29, 31), (30, 32))),  # ankles: heels and toes
)


class LookSet(NamedTuple):
  """What one network saw of a person, in several looks."""

  looks: np.ndarray  # [L, 17, 3] x, y (pixels) and score in [0, 1]
  weight: float  # of the network, against the others


def fuse(sets: Sequence[LookSet], size: float) -> np.ndarray:
  """Where most of the weighted looks put each joint.

  Args:
    sets: of each network.
    size: larger side of the person's box, pixels; the unit of distance.

  Returns:
    [17, 3] x, y (pixels) and the share of the weight that agrees, in [0, 1].
  """
  looks = np.concatenate([found.looks for found in sets])
  weights = np.concatenate(
    [s.looks[..., 2] * (s.weight / len(s.looks)) + _FLOOR for s in sets]
  )  # [L, 17]
  points = looks[..., :2]
  distance = np.linalg.norm(points[:, None] - points[None], axis=-1) / size
  kernel = np.exp(-0.5 * (distance / _WIDTH) ** 2)  # [L, L, 17]
  density = np.einsum("abk,bk->ak", kernel, weights)
  best = np.argmax(density, axis=0)
  near = kernel[best, :, np.arange(points.shape[1])] * weights.T  # [17, L]
  total = near.sum(axis=1)
  places = np.einsum("kl,lkc->kc", near / total[:, None], points)
  share = total / sum(found.weight for found in sets)
  return np.concatenate([places, np.clip(share, 0.0, 1.0)[:, None]], axis=1)


def probability(share: np.ndarray) -> np.ndarray:
  """The chance that a joint is right, of the share of looks that agree.

  It falls to 0, for unknown, where hardly any look has the joint.
  """
  offset, slope = _CALIBRATION
  seen = np.minimum(share / _SEEN_SHARE, 1.0)
  return calibrated("body", expit(offset + slope * share) * seen)


def fused_pose(pose: np.ndarray, joints: np.ndarray, size: float) -> np.ndarray:
  """MediaPipe's landmarks with the fused joints in their places.

  Hands and feet go to the side of the limb that they lie at, move with it, and
  are dropped where they lie too far from it.

  Args:
    pose: [33, 3] x, y (pixels) and confidence of MediaPipe's landmarks.
    joints: [17, 3] of `fuse`, with the probability for the share.
    size: larger side of the person's box, pixels.

  Returns:
    [33, 3] x, y (pixels) and confidence.
  """
  fused = np.array(pose, np.float64)
  for ends, hanging in _LIMB_ENDS:
    of_pose = pose[[COCO_TO_33[i] for i in ends], :2]
    distance = np.linalg.norm(
      joints[list(ends), None, :2] - of_pose[None], axis=-1
    )  # [side of the joint, side of the pose]
    crossed = distance[0, 1] + distance[1, 0] < distance[0, 0] + distance[1, 1]
    for side, end in enumerate(ends):
      source = 1 - side if crossed else side
      target, rows = list(hanging[side]), list(hanging[source])
      shift = joints[end, :2] - of_pose[source]
      fused[target, :2] = pose[rows, :2] + shift
      attached = distance[side, source] <= _MAX_DETACHED * size
      fused[target, 2] = pose[rows, 2] * joints[end, 2] if attached else 0.0
  fused[list(COCO_TO_33)] = joints
  return fused
