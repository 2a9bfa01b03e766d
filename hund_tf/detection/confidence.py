"""Calibrated confidences: the probability that a keypoint is right.

Each group of keypoints has a raw confidence r in [0, 1] of its own. What is
told is sigmoid(a + b log(r / (1 - r))), with two numbers for each group (J.
Platt, "Probabilistic Outputs for Support Vector Machines", 1999);
`docs/keypoints.md` says what they were fitted to. Right is a body joint or foot
within a tenth of the larger side of the person's box, a face point within a
tenth of the face's, a hand's within a fifth of the hand's.
"""

import numpy as np
from scipy.special import expit, logit

_FITTED = {  # offset a, slope b
  "body": (1.25, 1.04),
  "feet": (1.74, 0.86),
  "face": (-1.73, 0.47),
  "hands": (-0.59, 0.81),
}
_SUREST = 0.999  # raw confidences beyond it say no more


def calibrated(group: str, raw: np.ndarray) -> np.ndarray:
  """The probability of being right of raw confidences in [0, 1].

  Args:
    group: "body", "feet", "face" or "hands".
    raw: of any shape; 0, unknown, stays 0.
  """
  offset, slope = _FITTED[group]
  raw = np.asarray(raw, np.float64)
  known = np.clip(raw, 1e-6, _SUREST)
  return np.where(raw > 0, expit(offset + slope * logit(known)), 0.0)
