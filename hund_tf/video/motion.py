"""Smoothing of motions: without lag when all is known, and as it comes.

`smoothed` is the discrete smoothing spline: of samples y_t with weights w_t it
gives the x that minimises

  sum_t w_t (x_t - y_t)^2 + c sum_t (second difference of x at t)^2.

With even times and weights of one its gain is 1 / (1 + (f / f_c)^4), that of a
second-order Butterworth filter run forward and backward (`scipy.signal.
filtfilt`), so it has no lag; unlike that it hears unsure samples less, fills
gaps (w = 0), and takes uneven times. `OneEuro` is Casiez, Roussel and Vogel,
"1 Euro Filter" (CHI 2012).
"""

import numpy as np
from scipy.linalg import solveh_banded
from scipy.spatial.transform import Rotation, Slerp

_TINY = 1e-6
_ROUNDS = 5  # of robust smoothing
_FAR = 3.0  # medians of what samples are off by
_LEAST_FAR = 0.05  # of quaternions: 0.1 radians


def smoothed(
  values: np.ndarray, seconds: np.ndarray, cutoff: float, weights: np.ndarray
) -> np.ndarray:
  """Samples without what is faster than a frequency, and without lag.

  Args:
    values: `[T, ...]`; where the weight is 0 they say nothing.
    seconds: `[T]` rising.
    cutoff: f_c, Hz, at which half of the amplitude is left; 0: as they are.
    weights: `[T]`, 1 for samples as usual, 0 for gaps.

  Raises:
    ValueError: if no weight is above 0.
  """
  count = len(seconds)
  if not np.any(weights > 0.0):
    raise ValueError("weights: all are 0, expected one above 0")
  if count < 3 or cutoff <= 0.0:
    return _filled(values, seconds, weights)
  steps = np.diff(seconds)
  step = float(np.median(steps))
  # Second differences by uneven times, as those of even times of `step`.
  left, right = steps[:-1], steps[1:]
  scale = 2.0 * step**2 / (left + right)
  rows = np.stack(
    [scale / left, -scale * (1 / left + 1 / right), scale / right]
  )
  bands = np.zeros((3, count))  # the upper triangle, diagonal last
  bands[2] = np.maximum(weights, _TINY)
  # (2 - 2 cos)^2 at f_c has to be 1.
  turn = 2.0 * np.pi * min(cutoff * step, 0.5)
  strength = 1.0 / (2.0 - 2.0 * np.cos(turn)) ** 2
  for i in range(3):
    for j in range(i, 3):
      entry = strength * rows[i] * rows[j]
      bands[2 - (j - i), j : j + count - 2] += entry
  flat = np.asarray(values, np.float64).reshape(count, -1)
  right_side = np.where(weights[:, None] > 0.0, flat, 0.0)
  right_side = right_side * np.maximum(weights, 0.0)[:, None]
  result = solveh_banded(bands, right_side)
  return result.reshape(np.shape(values))


def _filled(
  values: np.ndarray, seconds: np.ndarray, weights: np.ndarray
) -> np.ndarray:
  """Samples as they are, and lines between them."""
  known = weights > 0.0
  flat = np.asarray(values, np.float64).reshape(len(seconds), -1)
  columns = [np.interp(seconds, seconds[known], c[known]) for c in flat.T]
  return np.stack(columns, axis=-1).reshape(np.shape(values))


def bridged(
  rotations: np.ndarray, seconds: np.ndarray, known: np.ndarray
) -> np.ndarray:
  """Rotations `[T, J, 3, 3]`, between known ones (bool `[T]`) by slerp."""
  if known.all():
    return rotations
  result = np.array(rotations, np.float64)
  if known.sum() == 1:
    result[:] = result[known]
    return result
  inside = np.clip(seconds, seconds[known][0], seconds[known][-1])
  for joint in range(result.shape[1]):
    turns = Rotation.from_matrix(result[known, joint])
    result[:, joint] = Slerp(seconds[known], turns)(inside).as_matrix()
  return result


def smoothed_rotations(
  rotations: np.ndarray,
  seconds: np.ndarray,
  cutoff: float,
  weights: np.ndarray,
) -> np.ndarray:
  """`smoothed`, of rotations `[T, J, 3, 3]`, as unit quaternions.

  Joint by joint, rotations that are far from the motion count less. Weights are
  `[T]`, or `[T, J]` of each joint, all of them 0 in gaps.
  """
  weights = np.broadcast_to(
    weights.reshape(len(seconds), -1), rotations.shape[:2]
  )
  steady = quaternions(bridged(rotations, seconds, weights[:, 0] > 0.0))
  found = np.empty_like(steady)
  for joint in range(steady.shape[1]):
    found[:, joint] = robustly_smoothed(
      steady[:, joint], seconds, cutoff, weights[:, joint], _LEAST_FAR
    )
  return to_matrices(found)


def robustly_smoothed(
  values: np.ndarray,
  seconds: np.ndarray,
  cutoff: float,
  weights: np.ndarray,
  least: float,
) -> np.ndarray:
  """`smoothed`, but samples that are far from the motion count less.

  It is smoothed several times, with weights times 1 / (1 + (d / c)^2) of
  samples that were off by d, where c is several times the median of these.

  Args:
    values: `[T, N]`.
    seconds: as of `smoothed`.
    cutoff: likewise.
    weights: likewise.
    least: c at least.
  """
  trust = np.asarray(weights, np.float64)
  known = trust > 0.0
  for _ in range(_ROUNDS):
    found = smoothed(values, seconds, cutoff, trust)
    off = np.linalg.norm(found - values, axis=-1)
    cut = max(_FAR * float(np.median(off[known])), least)
    trust = np.where(known, weights / (1.0 + (off / cut) ** 2), 0.0)
  return found


def quaternions(rotations: np.ndarray) -> np.ndarray:
  """Quaternions `[T, J, 4]` whose signs do not jump."""
  shape = rotations.shape[:2]
  found = Rotation.from_matrix(rotations.reshape(-1, 3, 3)).as_quat()
  found = found.reshape(*shape, 4)
  dots = np.sum(found[1:] * found[:-1], axis=-1)
  signs = np.cumprod(np.where(dots < 0.0, -1.0, 1.0), axis=0)
  found[1:] *= signs[..., None]
  return found


def to_matrices(found: np.ndarray) -> np.ndarray:
  """Rotations `[..., 3, 3]` of quaternions `[..., 4]`, not 0."""
  matrices = Rotation.from_quat(found.reshape(-1, 4)).as_matrix()
  return matrices.reshape(*found.shape[:-1], 3, 3)


class OneEuro:
  """A low pass that follows fast motions faster: little lag, little jitter."""

  def __init__(
    self, least_cutoff: float, slope: float, speed_cutoff: float = 1.0
  ):
    """Keeps its constants.

    Args:
      least_cutoff: Hz, of what stands still.
      slope: by how many Hz it rises with a speed of one unit a second.
      speed_cutoff: Hz, of the speed.
    """
    self._least, self._slope = least_cutoff, slope
    self._speed_cutoff = speed_cutoff
    self._value: np.ndarray | None = None
    self._speed = np.zeros(0)
    self._seconds = 0.0

  def __call__(self, value: np.ndarray, seconds: float) -> np.ndarray:
    """The filtered sample `[...]` of a time later than the last one's."""
    value = np.asarray(value, np.float64)
    if self._value is None or not seconds > self._seconds:
      self._value, self._speed = value, np.zeros_like(value)
      self._seconds = seconds
      return value
    step = seconds - self._seconds
    speed = (value - self._value) / step
    share = _share(self._speed_cutoff, step)
    self._speed = self._speed + share * (speed - self._speed)
    cutoff = self._least + self._slope * np.abs(self._speed)
    found = self._value + _share(cutoff, step) * (value - self._value)
    self._value, self._seconds = found, seconds
    return found


def _share(cutoff: np.ndarray | float, step: float) -> np.ndarray | float:
  """How much of a new sample an exponential filter takes."""
  return 1.0 / (1.0 + 1.0 / (2.0 * np.pi * cutoff * step))
