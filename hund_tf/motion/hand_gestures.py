"""Hand poses for the hand prior: coded gestures, blends, synergies, noise.

No open capture of finger motion exists, so poses are made: a set of gestures
coded by hand, blended pairwise (people pass through the poses between), or
single fingers curled along the usual synergy (the outer joints follow the
inner ones), with noise, inside the anatomical limits. Relaxed hands are the
most frequent.
"""

from collections.abc import Sequence

import numpy as np

from hund_tf.body import joint_limits, skeleton
from hund_tf.body.pose_prior import PoseGroups, PosePrior
from hund_tf.compat import tf

# Flexion in degrees of (knuckle, middle, outer joint).
_RELAXED = ((22, 28, 14), (27, 32, 16), (32, 36, 18), (34, 36, 18))
_FLAT = ((2, 3, 2),) * 4
_CURLED = (84, 98, 62)
_FIST = (_CURLED,) * 4
_OUT = (2, 4, 2)
_NO_SPREAD = (0, 0, 0, 0)
# Thumb: base (twist, abduction, flexion axis), then flexion of the two others.
_THUMB_RELAXED = ((0, 0, 0), 12, 15)
_THUMB_SIDE = ((0, 18, 4), 2, 2)
_THUMB_OVER = ((8, -14, -26), 42, 48)
_THUMB_OUT = ((0, 6, 26), -6, -8)
_THUMB_OPPOSED = ((10, -24, -8), 16, 20)
# name: (weight, fingers index..pinky, spread in degrees away from the thumb,
# thumb)
GESTURES = {
  "relaxed": (8.0, _RELAXED, _NO_SPREAD, _THUMB_RELAXED),
  "flat": (2.0, _FLAT, _NO_SPREAD, _THUMB_SIDE),
  "spread": (1.5, _FLAT, (-15, -3, 8, 19), _THUMB_OUT),
  "fist": (2.5, _FIST, _NO_SPREAD, _THUMB_OVER),
  "loose_fist": (1.5, ((55, 70, 40),) * 4, _NO_SPREAD, ((0, -8, -12), 26, 30)),
  "point": (1.5, (_OUT, *_FIST[1:]), _NO_SPREAD, _THUMB_OVER),
  "gun": (0.5, (_OUT, *_FIST[1:]), _NO_SPREAD, _THUMB_OUT),
  "victory": (
    1.0,
    (_OUT, _OUT, _CURLED, _CURLED),
    (-12, 9, 0, 0),
    ((8, -20, -34), 44, 38),
  ),
  "three": (0.5, (_OUT, _OUT, _OUT, _CURLED), (-8, 0, 8, 0), _THUMB_OVER),
  "four": (0.5, (_OUT,) * 4, (-8, -2, 5, 12), ((8, -20, -36), 44, 40)),
  "thumbs_up": (1.0, _FIST, _NO_SPREAD, _THUMB_OUT),
  "shaka": (0.5, (*_FIST[:3], _OUT), (0, 0, 0, 14), _THUMB_OUT),
  "hook": (1.0, ((5, 92, 60),) * 4, _NO_SPREAD, _THUMB_SIDE),
  "claw": (0.7, ((-8, 62, 40),) * 4, (-10, -2, 5, 12), ((0, -8, 14), 20, 40)),
  "pinch": (
    1.0,
    ((48, 46, 26), *_RELAXED[1:]),
    _NO_SPREAD,
    ((10, -26, -14), 22, 24),
  ),
  "ok": (
    0.7,
    ((52, 50, 28), _OUT, _OUT, _OUT),
    (0, 0, 6, 13),
    ((10, -26, -14), 22, 24),
  ),
  "grasp": (1.5, ((46, 48, 28),) * 4, (-5, -1, 3, 7), _THUMB_OPPOSED),
  "ball": (0.8, ((28, 34, 22),) * 4, (-14, -4, 6, 15), _THUMB_OPPOSED),
  "tripod": (
    0.7,
    ((46, 44, 20), (52, 56, 28), (60, 70, 36), (64, 72, 38)),
    _NO_SPREAD,
    ((10, -22, -12), 20, 24),
  ),
}
_HINGES = [i for i, n in enumerate(skeleton.LEFT_HAND_JOINTS) if n[-1] != "1"]


def gesture(name: str) -> np.ndarray:
  """Angles of a coded gesture, `[15, 3]` radians, either hand.

  Raises:
    ValueError: if there is no such gesture.
  """
  if name not in GESTURES:
    raise ValueError(
      f"gesture {name!r} is unknown; expected one of {', '.join(GESTURES)}"
    )
  _, fingers, spread, (base, middle, tip) = GESTURES[name]
  angles = np.zeros((15, 3))
  angles[0] = base
  angles[1, 2], angles[2, 2] = -middle, -tip
  for f, (flexion, away) in enumerate(zip(fingers, spread, strict=True)):
    rows = slice(3 + 3 * f, 6 + 3 * f)
    angles[rows, 2] = -np.asarray(flexion)
    angles[3 + 3 * f, 1] = away
  return np.radians(angles)


def latents(prior: PosePrior, names: Sequence[str]) -> np.ndarray:
  """Hand latents `[N, 45]` float32 of coded gestures, either hand.

  Args:
    prior: whose latents; equal latents are mirrored hands.
    names: of gestures.

  Raises:
    ValueError: if there is no such gesture.
  """
  angles = np.stack([gesture(name) for name in names]).astype(np.float32)
  body = np.zeros([len(names), len(skeleton.BODY_JOINTS), 3], np.float32)
  groups = PoseGroups(*(tf.constant(x) for x in (body, angles, angles)))
  return prior.encode(prior.to_rotations(groups)).left_hand.numpy()


def sample_angles(count: int, seed: int) -> np.ndarray:
  """Random hand poses within the limits, `[count, 15, 3]` radians.

  A third are gestures, a half are blends of two, the rest curl each finger by
  its own amount. The same seed gives the same poses.
  """
  random = np.random.default_rng(seed)
  names = list(GESTURES)
  coded = np.stack([gesture(name) for name in names])
  weights = np.array([GESTURES[name][0] for name in names])
  weights /= weights.sum()
  first = random.choice(len(names), count, p=weights)
  second = random.choice(len(names), count, p=weights)
  kind = random.random(count)
  blend = np.where(kind < 0.33, 0.0, random.beta(1.0, 1.0, count))
  angles = coded[first] + blend[:, None, None] * (coded[second] - coded[first])
  free = kind > 0.83
  angles[free] = _curl_fingers(random, coded, names, int(free.sum()))
  return _add_noise(random, angles)


def _curl_fingers(
  random: np.random.Generator,
  coded: np.ndarray,
  names: list[str],
  count: int,
) -> np.ndarray:
  """Each finger between flat and fist by its own, related, amount."""
  flat, fist = coded[names.index("flat")], coded[names.index("fist")]
  common = random.beta(1.2, 1.2, (count, 1))
  amount = np.clip(common + random.normal(0.0, 0.25, (count, 5)), 0.0, 1.0)
  amount = np.repeat(amount, 3, axis=1)[..., None]
  angles = flat + amount * (fist - flat)
  fan = np.zeros((15, 3))
  fan[[3, 6, 9, 12], 1] = np.radians((-12, -3, 6, 14))
  # Knuckles spread only as far as the fingers are straight.
  return angles + random.random((count, 1, 1)) * (1.0 - amount) * fan


def _add_noise(random: np.random.Generator, angles: np.ndarray) -> np.ndarray:
  """Natural variation: of the hand, of each finger, and of each joint."""
  count = len(angles)
  flexion = random.normal(0.0, 4.0, (count, 1)) + random.normal(
    0.0, 4.0, (count, 5)
  )
  noise = random.normal(0.0, 2.5, angles.shape)
  noise[:, _HINGES, :2] *= 0.4  # the outer finger joints are hinges
  noise[..., 2] += np.repeat(flexion, 3, axis=1)
  result = angles + np.radians(noise)
  limits = joint_limits.LEFT_HAND
  slack = 0.01 * (limits.upper - limits.lower)
  return _reflect(result, limits.lower + slack, limits.upper - slack)


def _reflect(
  values: np.ndarray, lower: np.ndarray, upper: np.ndarray
) -> np.ndarray:
  """Folds values beyond a limit back inside, so that none pile up on it."""
  values = np.where(values > upper, 2.0 * upper - values, values)
  values = np.where(values < lower, 2.0 * lower - values, values)
  return np.clip(values, lower, upper)
