"""What the front end makes of true 3D landmarks: errors, gaps and weights.

The front end's landmarks of a group (body, face, a hand) are those of the true
one, turned and scaled about its root, and moved joint by joint:

    seen = scale x turn (1 - pull hidden) truth + spread (1 + more hidden) u.

How large the error is differs from person to person: `spread`, the root mean
square of what is left after turn and scale, is log-normal. With it grow the
angles of the turn, the chance that it is a wrong one (back for front), and the
deviation of the scale. u are normal deviates of unit size, correlated between
joints by a low-rank factor. A weight is the sigmoid of a linear function of the
group's and the joint's own error, so that it deserves as much trust as it gets
of the front end. `landmark_noise_fit` fits all numbers to photos whose truth is
known.
"""

import functools
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hund_tf import npz_arrays
from hund_tf.body import keypoints as table
from hund_tf.compat import tf
from hund_tf.draws import Draws
from hund_tf.files import FileError
from hund_tf.geometry import rotation
from hund_tf.synthetic.detector_noise import DetectorNoiseConfig

ASSET = Path(__file__).parent / "assets" / "landmark_noise.npz"
_FLIP = (np.radians(75.0), np.pi)  # angles of wrong turns
NEAR = 0.01  # metres; added to errors before their logarithm is taken
_MIRROR = np.array([-1.0, 1.0, 1.0], np.float32)


class GroupErrors(NamedTuple):
  """Errors of one group of n keypoints.

  z is the standardized logarithm of the spread: N(0, 1) over people.
  """

  rows: np.ndarray  # [n] of the 137 keypoints
  spread: np.ndarray  # [2] mean and deviation of log spread (metres)
  lean: np.ndarray  # [3] mean rotation vector, radians
  turn: np.ndarray  # [3, 2] log deviation of it: at z = 0, and slope in z
  flip: np.ndarray  # [2] logit of a wrong turn: at z = 0, and slope in z
  scale: np.ndarray  # [2, 2] mean of log scale and log deviation of it: at
  # z = 0, and slope in z
  factor: np.ndarray  # [3 n, k] of u
  rest: np.ndarray  # [3 n] deviation of u that is a coordinate's own
  hidden: np.ndarray  # [2] `more` and `pull`
  weight: np.ndarray  # [5] of a weight's logit: slope in z, in log error
  # (metres), in hidden; deviation over people and over keypoints
  offset: np.ndarray  # [n] of a weight's logit


def load(path: Path = ASSET) -> dict[str, GroupErrors]:
  """The errors of the groups "body", "hand" (the right one) and "face".

  Raises:
    FileError: if the file cannot be read or does not hold such errors.
  """
  try:
    stored = npz_arrays.read(path, npz_arrays.NUMBERS)
    return {
      name: GroupErrors(
        *(stored[f"{name}/{field}"] for field in GroupErrors._fields)
      )
      for name in ("body", "face", "hand")
    }
  except (OSError, ValueError, KeyError) as error:
    raise FileError(
      path,
      f"cannot be read ({error})",
      "expected the .npz that tools.fit_landmark_noise writes",
    ) from error


@functools.cache
def shipped() -> dict[str, GroupErrors]:
  """The errors that come with the package."""
  return load()


def corrupt_landmarks(
  draws: Draws,
  truth: tf.Tensor,
  hidden: tf.Tensor,
  config: DetectorNoiseConfig,
  groups: dict[str, GroupErrors] | None = None,
) -> tuple[tf.Tensor, tf.Tensor]:
  """What a front end says of 3D landmarks.

  Args:
    draws: random stream.
    truth: `[B, 137, 3]` metres, of `body.landmarks_3d.viewed_landmarks`.
    hidden: `[B, 137]` 1 where something is in front, or beyond the photo.
    config: `scale` 0 gives the truth with weight 1.
    groups: of `load`; without it those of the package.

  Returns:
    `[B, 137, 3]` metres and weights `[B, 137]` in [0, 1]: 0 for keypoints of
    which the front end never gives any, and for whole people.
  """
  groups = groups or shipped()
  right = groups["hand"].rows
  left = np.array(table.MIRROR)[right]
  batch = truth.shape[0]
  points, weights, rows = [], [], []
  for name, own, mirrored in (
    ("body", groups["body"].rows, False),
    ("face", groups["face"].rows, False),
    ("hand", left, True),
    ("hand", right, False),
  ):
    sign = _MIRROR if mirrored else np.ones(3, np.float32)
    seen, weight = corrupt_group(
      draws,
      tf.gather(truth, own, axis=1) * sign,
      tf.gather(hidden, own, axis=1),
      groups[name],
      config.scale,
      config.landmark_3d_error,
    )
    points.append(seen * sign)
    weights.append(weight)
    rows.append(own)
  there = ~draws.happens([batch, 1], config.scale * config.landmark_3d_absent)
  # Back to the order of the keypoints; unknown ones are the added zero.
  order = np.full(len(table.NAMES), sum(map(len, rows)))
  order[np.concatenate(rows)] = np.arange(order[0])
  known = tf.cast(there, tf.float32)
  points = tf.pad(tf.concat(points, axis=1), [[0, 0], [0, 1], [0, 0]])
  weights = tf.pad(tf.concat(weights, axis=1) * known, [[0, 0], [0, 1]])
  points = tf.gather(points, order, axis=1) * known[..., None]
  return points, tf.gather(weights, order, axis=1)


def corrupt_group(
  draws: Draws,
  truth: tf.Tensor,
  hidden: tf.Tensor,
  errors: GroupErrors,
  scale: float,
  factor: float,
) -> tuple[tf.Tensor, tf.Tensor]:
  """What a front end says of one group of landmarks.

  Args:
    draws: random stream.
    truth: `[B, n, 3]` metres from the group's root; mirrored for a left hand.
    hidden: `[B, n]` 1 where something is in front.
    errors: of the group, whose `rows` these keypoints are.
    scale: of all errors; 0 gives the truth with weight 1.
    factor: of the lengths of errors.

  Returns:
    Points `[B, n, 3]` and weights `[B, n]`.
  """
  batch, count = hidden.shape
  errors = GroupErrors(*(x.astype(np.float32) for x in errors))
  z = draws.normal([batch, 1], 2.5)
  size = scale * factor
  turn = _turns(draws, z, errors, size, scale)
  mean, deviation = errors.scale
  stretch = mean[0] + mean[1] * z
  stretch += tf.exp(deviation[0] + deviation[1] * z) * draws.normal(
    [batch, 1], 3.0
  )
  more, pull = errors.hidden
  points = truth * (1.0 - scale * pull * hidden)[..., None]
  points = tf.einsum("bij,bnj->bni", turn, points)
  points *= tf.exp(size * tf.clip_by_value(stretch, -1.5, 1.5))[..., None]
  shared = draws.normal([batch, errors.factor.shape[1]], 3.0)
  own = draws.normal([batch, 3 * count], 3.0)
  noise = tf.einsum("ik,bk->bi", errors.factor, shared) + errors.rest * own
  noise = tf.reshape(noise, [batch, count, 3])
  spread = size * tf.exp(errors.spread[0] + errors.spread[1] * z)
  points += (spread * (1.0 + more * hidden))[..., None] * noise

  far = tf.norm(points - truth, axis=-1)
  of_z, of_error, of_hidden, by_person, by_keypoint = errors.weight
  logit = errors.offset + of_z * z + of_hidden * hidden
  logit += of_error * tf.math.log(far + NEAR)
  logit += by_person * draws.normal([batch, 1], 3.0)
  logit += by_keypoint * draws.normal([batch, count], 3.0)
  return points, 1.0 - scale * tf.sigmoid(-logit)


def _turns(
  draws: Draws, z: tf.Tensor, errors: GroupErrors, size: float, scale: float
) -> tf.Tensor:
  """Rotations `[B, 3, 3]` of a group's error."""
  batch = z.shape[0]
  deviation = tf.exp(errors.turn[:, 0] + errors.turn[:, 1] * z)
  vector = errors.lean + deviation * draws.normal([batch, 3], 3.0)
  chance = tf.sigmoid(errors.flip[0] + errors.flip[1] * z)
  wrong = draws.happens([batch, 1], scale * chance)
  yaw = draws.uniform([batch, 1], *_FLIP)
  yaw *= tf.where(draws.happens([batch, 1], 0.5), 1.0, -1.0)
  yaw = tf.where(wrong, yaw, 0.0)
  flips = rotation.from_rotation_vector(yaw * np.float32([0, 1, 0]))
  return flips @ rotation.from_rotation_vector(size * vector)
