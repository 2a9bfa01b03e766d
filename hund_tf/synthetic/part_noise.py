"""What the front end makes of hands and faces in close-ups.

In 2D the points of a part, in units of its side p and in its own frame (along
the line from a first to a last keypoint), are moved, turned and scaled
together, and then point by point:

    seen = middle + shift + e^l R(turn) (true - middle) + offset + spread u.

`spread` is log-normal, less for parts of more pixels; with its deviate z grow
shift, turn, |l| and the chance that they are those of a wrong reading: one of
those that were found. u are normal deviates of unit
size, correlated between points by a low-rank factor. The confidence of a part
is the sigmoid of a linear function of its error, z and size.

3D landmarks err as `landmark_noise` says, with numbers of close-ups.
`part_noise_fit` fits all numbers.
"""

import functools
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from hund_tf import npz_arrays
from hund_tf.body import keypoints as table
from hund_tf.compat import tf
from hund_tf.draws import Draws
from hund_tf.files import FileError
from hund_tf.synthetic import landmark_noise
from hund_tf.synthetic.landmark_noise import GroupErrors

Group = Literal["hand", "face"]
ASSET = Path(__file__).parent / "assets" / "part_noise.npz"
# Keypoints of a part whose line is its frame's x: wrist and middle knuckle, the
# eyes' outer corners.
AXES = {"hand": (0, 9), "face": (36, 45)}
ROWS = {"hand": table.RIGHT_HAND, "face": table.FACE}
USUAL_PIXELS = 128.0  # of a part, to which numbers at size 0 belong
NEAR = 0.01  # sides; added to errors before their logarithm is taken


class PartErrors(NamedTuple):
  """Errors in 2D of a part of n keypoints; lengths are in sides of the part.

  z is the standardized logarithm of the spread: N(0, 1) over parts.
  """

  spread: np.ndarray  # [3] log spread: mean, slope in log(pixels / usual), and
  # deviation
  shift: np.ndarray  # [2, 2] log deviation of x, y: at z = 0, and slope in z
  turn: np.ndarray  # [2] log deviation (radians), likewise
  scale: np.ndarray  # [2, 2] mean log scale and log deviation of it, likewise
  lean: np.ndarray  # [1] mean turn, radians
  wrong: np.ndarray  # [2] logit of another reading: at z = 0, and slope in z
  others: np.ndarray  # [K, 5] those that were found: shift, turn, log scale, 1
  # if reflected
  offset: np.ndarray  # [n, 2] mean of the error
  factor: np.ndarray  # [2 n, k] of u
  rest: np.ndarray  # [2 n] deviation of u that is a coordinate's own
  confidence: np.ndarray  # [7] of the logit: constant, slopes in log error, z
  # and log(pixels / usual), deviation, least and greatest


class Errors(NamedTuple):
  """Of hands (right ones) and faces, in 2D and in 3D."""

  flat: dict[str, PartErrors]
  spatial: dict[str, GroupErrors]


def load(path: Path = ASSET) -> Errors:
  """The errors of a file.

  Raises:
    FileError: if the file cannot be read or does not hold such errors.
  """
  try:
    stored = npz_arrays.read(path, npz_arrays.NUMBERS)
    return Errors(
      *(
        {
          name: kind(*(stored[f"{place}/{name}/{f}"] for f in kind._fields))
          for name in ROWS
        }
        for place, kind in (("flat", PartErrors), ("spatial", GroupErrors))
      )
    )
  except (OSError, ValueError, KeyError) as error:
    raise FileError(
      path,
      f"cannot be read ({error})",
      "expected the .npz that tools.fit_part_noise writes",
    ) from error


@functools.cache
def shipped() -> Errors:
  """The errors that come with the package."""
  return load()


def corrupt_part(
  draws: Draws,
  points: tf.Tensor,
  pixels: tf.Tensor,
  group: Group,
  scale: float,
  errors: PartErrors | None = None,
) -> tuple[tf.Tensor, tf.Tensor]:
  """What a front end says of the keypoints of parts that it finds.

  Args:
    draws: random stream.
    points: `[B, n, 2]` true, in any unit; of right hands, or left ones
      mirrored.
    pixels: `[B, 1]` larger side of the points, pixels of the photo.
    group: "hand" (n = 21) or "face" (n = 70).
    scale: of all errors; 0 gives the truth with confidence 1.
    errors: by default those of the package.

  Returns:
    `[B, n, 2]` in the unit of `points`, and confidences `[B, n]` in [0, 1].
  """
  errors = errors or shipped().flat[group]
  errors = PartErrors(*(x.astype(np.float32) for x in errors))
  batch, count, _ = points.shape
  frame, middle, side = part_frame(points, group)
  own = tf.einsum("bji,bnj->bni", frame, points - middle) / side
  z = draws.normal([batch, 1], 3.0)
  larger = tf.math.log(tf.maximum(pixels, 1.0) / USUAL_PIXELS)
  moved = _together(draws, own, z, errors, scale)
  shared = draws.normal([batch, errors.factor.shape[1]], 3.0)
  alone = errors.rest * draws.normal([batch, 2 * count], 3.0)
  noise = tf.einsum("ik,bk->bi", errors.factor, shared) + alone
  noise = tf.reshape(noise, [batch, count, 2])
  mean, slope, deviation = errors.spread
  spread = tf.exp(mean + slope * larger + deviation * z)
  moved += scale * (errors.offset + spread[..., None] * noise)

  far = tf.norm(moved - own, axis=-1)
  error = tf.reduce_mean(far, axis=-1, keepdims=True)
  constant, of_error, of_z, of_size, by_part, low, high = errors.confidence
  logit = constant + of_error * tf.math.log(error + NEAR)
  logit += of_z * z + of_size * larger + by_part * draws.normal([batch, 1], 3.0)
  sure = tf.clip_by_value(tf.sigmoid(logit), low, high)
  seen = tf.einsum("bij,bnj->bni", frame, moved) * side + middle
  return seen, tf.tile(1.0 - scale * (1.0 - sure), [1, count])


def corrupt_part_3d(
  draws: Draws,
  truth: tf.Tensor,
  hidden: tf.Tensor | None,
  group: Group,
  scale: float,
  errors: GroupErrors | None = None,
) -> tuple[tf.Tensor, tf.Tensor]:
  """What a front end says of the 3D landmarks of parts that it finds.

  Args:
    draws: random stream.
    truth: `[B, n, 3]` metres from the part's root, viewing frame; of right
      hands, or left ones mirrored.
    hidden: `[B, n]` 1 where something is in front; None: nowhere.
    group: "hand" (n = 21) or "face" (n = 70).
    scale: of all errors; 0 gives the truth.
    errors: by default those of the package.

  Returns:
    `[B, n, 3]` metres and weights `[B, n]` in [0, 1]: 0 for keypoints of which
    the front end never gives any.
  """
  errors = errors or shipped().spatial[group]
  batch, count, _ = truth.shape
  known = np.array(errors.rows) - ROWS[group].start
  hidden = tf.zeros([batch, count]) if hidden is None else hidden
  points, weights = landmark_noise.corrupt_group(
    draws,
    tf.gather(truth, known, axis=1),
    tf.gather(hidden, known, axis=1),
    errors,
    scale,
    1.0,
  )
  order = np.full(count, len(known))
  order[known] = np.arange(len(known))
  points = tf.pad(points, [[0, 0], [0, 1], [0, 0]])
  weights = tf.pad(weights, [[0, 0], [0, 1]])
  return tf.gather(points, order, axis=1), tf.gather(weights, order, axis=1)


def part_frame(
  points: tf.Tensor, group: Group
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
  """The frame of parts `[B, n, 2]`.

  Returns:
    Axes in columns `[B, 2, 2]`, middle `[B, 1, 2]`, and side `[B, 1, 1]`: the
    larger side of the points.
  """
  first, last = AXES[group]
  along = points[:, last] - points[:, first]
  length = tf.sqrt(tf.reduce_sum(along**2, axis=-1, keepdims=True) + 1e-12)
  along /= length
  across = tf.stack([-along[:, 1], along[:, 0]], axis=-1)
  extent = tf.reduce_max(points, axis=1) - tf.reduce_min(points, axis=1)
  side = tf.maximum(tf.reduce_max(extent, axis=-1), 1e-6)[:, None, None]
  frame = tf.stack([along, across], axis=-1)
  return frame, tf.reduce_mean(points, axis=1, keepdims=True), side


def _together(
  draws: Draws, own: tf.Tensor, z: tf.Tensor, errors: PartErrors, scale: float
) -> tf.Tensor:
  """Points `[B, n, 2]` of parts, moved, turned and scaled."""
  batch = own.shape[0]

  def deviation(line):
    return tf.exp(line[..., 0] + line[..., 1] * z)

  shift = deviation(errors.shift) * draws.normal([batch, 2], 3.0)
  turn = errors.lean + deviation(errors.turn) * draws.normal([batch, 1], 3.0)
  stretch = errors.scale[0, 0] + errors.scale[0, 1] * z
  stretch += deviation(errors.scale[1]) * draws.normal([batch, 1], 3.0)
  chance = tf.sigmoid(errors.wrong[0] + errors.wrong[1] * z)
  wrong = draws.happens([batch, 1], scale * chance)
  row = draws.integers([batch], len(errors.others))
  other = tf.gather(tf.constant(errors.others), row)
  shift = tf.where(wrong, other[:, :2], shift)
  turn = tf.where(wrong, other[:, 2:3], turn)
  stretch = tf.where(wrong, other[:, 3:4], stretch)
  mirror = wrong & (other[:, 4:] > 0.5)
  sign = tf.where(mirror, [[1.0, -1.0]], [[1.0, 1.0]])
  cosine, sine = tf.cos(scale * turn), tf.sin(scale * turn)
  rotation = tf.stack(
    [tf.concat([cosine, -sine], -1), tf.concat([sine, cosine], -1)], axis=1
  )
  moved = tf.einsum("bij,bnj->bni", rotation, own * sign[:, None])
  moved *= tf.exp(scale * tf.clip_by_value(stretch, -2.5, 1.5))[..., None]
  return moved + scale * shift[:, None]
