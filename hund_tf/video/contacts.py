"""Feet that are on the ground do not slide.

A foot is on the ground while it hardly moves and the other one is not much
lower. The body is shifted so that feet stay where they stand, and in between by
what lies between these shifts.
"""

import numpy as np
from scipy.ndimage import binary_closing, binary_opening, median_filter

from hund_tf.body import keypoints

_LOW = 0.12  # metres that a standing foot is above the lower one, at most
_STILL = 0.6  # metres/s of a foot on the ground, at most, across the view
_LEAST_S = 0.1  # seconds of a contact
_MOST_SHIFT = 0.3  # metres
SIDES = ("l", "r")


def feet(points: np.ndarray) -> np.ndarray:
  """Where the left and the right foot are, `[T, 2, 3]`.

  The middle of heel and big toe.

  Args:
    points: keypoints `[T, 137, 3]`.
  """
  rows = [
    [keypoints.INDEX[f"{side}_{name}"] for name in ("heel", "big_toe")]
    for side in SIDES
  ]
  return points[:, np.array(rows)].mean(axis=2)


def find(places: np.ndarray, seconds: np.ndarray) -> np.ndarray:
  """Whether each foot is on the ground, bool `[T, 2]`.

  Args:
    places: `[T, 2, 3]` metres, of a camera that stands still, y down.
    seconds: `[T]` rising.
  """
  if len(seconds) < 3:
    return np.zeros(places.shape[:2], bool)
  step = float(np.median(np.diff(seconds)))
  # Depth is known badly: how fast a foot moves is seen across the view.
  speed = np.gradient(places[..., :2], seconds, axis=0)
  slow = np.linalg.norm(speed, axis=-1) < _STILL
  height = places[..., 1]
  low = height > height.max(axis=1, keepdims=True) - _LOW
  length = max(round(_LEAST_S / step), 1)
  kernel = np.ones((length, 1), bool)
  # Frames that miss in a contact, and contacts that are too short.
  found = binary_closing(np.pad(slow & low, [(length, length), (0, 0)]), kernel)
  return binary_opening(found, kernel)[length:-length]


def shifts(
  places: np.ndarray, contacts: np.ndarray, seconds: np.ndarray
) -> np.ndarray:
  """Shifts `[T, 3]` of the body that keep feet where they stand.

  Args:
    places: `[T, 2, 3]` metres.
    contacts: bool `[T, 2]`.
    seconds: `[T]` rising.
  """
  wanted = np.zeros(places.shape)
  for foot in range(2):
    edges = np.diff(np.pad(contacts[:, foot].astype(int), 1))
    for begin, end in zip(
      np.flatnonzero(edges > 0), np.flatnonzero(edges < 0), strict=True
    ):
      stays = np.median(places[begin:end, foot], axis=0)
      wanted[begin:end, foot] = stays - places[begin:end, foot]
  count = contacts.sum(axis=1)
  known = count > 0
  if not known.any():
    return np.zeros((len(seconds), 3))
  total = np.sum(wanted * contacts[..., None], axis=1)
  mean = total[known] / count[known, None]
  length = np.linalg.norm(mean, axis=1, keepdims=True)
  mean *= np.minimum(_MOST_SHIFT / np.maximum(length, 1e-9), 1.0)
  between = [np.interp(seconds, seconds[known], axis) for axis in mean.T]
  found = np.stack(between, axis=1)
  return median_filter(found, size=(3, 1), mode="nearest")
