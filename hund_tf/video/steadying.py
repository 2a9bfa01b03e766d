"""Whole bodies in motion smoothed, looking ahead or not."""

import dataclasses

import numpy as np

from hund_tf.options import check, option
from hund_tf.video import motion

# By how much places may be off without being distrusted.
_ACROSS_OFF = 0.01  # shares of the depth
_DEPTH_OFF = 0.03  # shares of the depth


@dataclasses.dataclass(frozen=True)
class MotionConfig:
  """Tracks and motion."""

  min_track_s: float = option(
    0.3,
    "Tracks that are seen for a shorter time, seconds, are left out.",
    low=0,
  )
  gap_s: float = option(
    1.0,
    "Seconds for which somebody may be out of sight and is filled in.",
    low=0,
  )
  smooth_hz: float = option(
    4.0,
    "Frequency, Hz, from which on the motion of limbs is smoothed; 0: it is "
    "not.",
    low=0,
  )
  smooth_depth_hz: float = option(
    1.0, "The same of the distance from the camera.", low=0
  )
  moving_camera: bool = option(
    False,
    "The camera moves: places and orientations of bodies are left as they are "
    "in each frame, and feet may slide.",
  )
  ground_feet: bool = option(
    True, "Move bodies and legs so that feet that are on the ground stay there."
  )
  live: bool = option(
    False,
    "Smooth as a live view has to, without looking ahead: by One-Euro filters, "
    "and with the mean shape so far.",
  )

  def __post_init__(self):
    check(self)


# Rotations [T, 63, 3, 3], translations [T, 3] and expressions [T, 20].
Motion = tuple[np.ndarray, np.ndarray, np.ndarray]


def offline(
  rotations: np.ndarray,
  translation: np.ndarray,
  expression: np.ndarray,
  seconds: np.ndarray,
  weights: np.ndarray,
  config: MotionConfig,
) -> Motion:
  """Motions without lag; gaps are filled.

  Args:
    rotations: `[T, 63, 3, 3]` of each joint against its parent.
    translation: `[T, 3]` metres, camera frame.
    expression: `[T, 20]` latents.
    seconds: `[T]` rising.
    weights: `[T, 63]` of the rotations, 0 in gaps; the pelvis's are of all
      else, too.
    config: frequencies.
  """
  of_joints, weights = weights, weights[:, 0]
  known = weights > 0.0
  cutoff = config.smooth_hz
  expression = motion.smoothed(expression, seconds, cutoff, weights)
  steady = motion.bridged(rotations, seconds, known)
  rotations = motion.smoothed_rotations(steady, seconds, cutoff, of_joints)
  if config.moving_camera:
    rotations[:, 0] = steady[:, 0]
    return (
      rotations,
      motion.smoothed(translation, seconds, 0, weights),
      expression,
    )
  depth = np.where(known, translation[:, 2], 1.0)
  across = translation[:, :2] / depth[:, None]
  across = motion.robustly_smoothed(
    across, seconds, cutoff, weights, _ACROSS_OFF
  )
  logs = np.log(depth)[:, None]
  depth = np.exp(
    motion.robustly_smoothed(
      logs, seconds, config.smooth_depth_hz, weights, _DEPTH_OFF
    )[:, 0]
  )
  translation = np.concatenate([across * depth[:, None], depth[:, None]], 1)
  return rotations, translation, expression


class LiveMotion:
  """The motion of one person, smoothed as it comes: by One-Euro filters."""

  def __init__(self, moving_camera: bool = False):
    """Keeps whether places and orientations are left as they are."""
    self._moving = moving_camera
    self._turn, self._face = motion.OneEuro(1.5, 4.0), motion.OneEuro(1.5, 1.0)
    self._across, self._depth = (
      motion.OneEuro(1.5, 20.0),
      motion.OneEuro(0.5, 2),
    )
    self._last: np.ndarray | None = None

  def __call__(
    self,
    rotations: np.ndarray,
    translation: np.ndarray,
    expression: np.ndarray,
    seconds: float,
  ) -> Motion:
    """The next frame's `[63, 3, 3]`, `[3]` and `[20]`, smoothed."""
    turns = motion.quaternions(rotations[None])[0]
    if self._last is not None:  # the signs of quaternions do not jump
      back = np.sum(turns * self._last, axis=-1, keepdims=True) < 0.0
      turns = np.where(back, -turns, turns)
    self._last = turns
    found = motion.to_matrices(self._turn(turns, seconds))
    place = translation
    if self._moving:
      found[0] = rotations[0]
    else:
      depth = np.exp(self._depth(np.log(translation[2]), seconds))
      across = self._across(translation[:2] / translation[2], seconds)
      place = np.array([*(across * depth), depth])
    return found, place, self._face(expression, seconds)


def live(
  rotations: np.ndarray,
  translation: np.ndarray,
  expression: np.ndarray,
  seconds: np.ndarray,
  weights: np.ndarray,
  config: MotionConfig,
) -> Motion:
  """As `offline`, frame by frame; in gaps everything stays as it was."""
  smooth = LiveMotion(config.moving_camera)
  results = []
  for i in range(len(seconds)):
    if weights[i, 0] > 0.0:
      one = smooth(rotations[i], translation[i], expression[i], seconds[i])
      results.append(one)
    else:
      results.append(results[-1])
  turns, places, faces = (np.array(x) for x in zip(*results, strict=True))
  return turns, places, faces
