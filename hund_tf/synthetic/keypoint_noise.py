"""Errors of the body's keypoints as the detector makes them on photos.

Fitted to people of synthetic photos (`keypoint_noise_fit`), where
`detector_noise` states its numbers. A detector's keypoint is

    seen = place + offset + r d,

where `place` is the true one, moved to the photo's border if it is beyond, and
`offset` is what the detector means by the keypoint: shares of the trunk and of
the shoulders' line. r is log-normal: its middle depends on the keypoint, on
whether it is hidden, or beyond the border and how far, and its deviation has
parts that a person, a limb and a keypoint have of their own; directions d of a
limb are alike. The log-odds of a confidence fall with log r.
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
from hund_tf.types import NUM_KEYPOINTS

ASSET = Path(__file__).parent / "assets" / "keypoint_noise.npz"
COUNT = len(table.NAMES[table.BODY])
NEAR = 1e-3  # person sizes; added to r before its logarithm is taken
FARTHEST = 0.5  # person sizes; farther beyond the border is all the same
_ROLES = (
  ("r_shoulder", "r_elbow", "r_wrist"),
  ("l_shoulder", "l_elbow", "l_wrist"),
  ("r_hip", "r_knee", "r_ankle", "r_big_toe", "r_small_toe", "r_heel"),
  ("l_hip", "l_knee", "l_ankle", "l_big_toe", "l_small_toe", "l_heel"),
)
# [25] number of the limb; the trunk and the head are the last.
LIMBS = np.full(COUNT, len(_ROLES))
for _number, _names in enumerate(_ROLES):
  LIMBS[[table.INDEX[name] for name in _names]] = _number
LIMB_COUNT = len(_ROLES) + 1


class KeypointErrors(NamedTuple):
  """Errors of the 25 keypoints of the body; the same of both sides."""

  offset: np.ndarray  # [25, 2] shares of the trunk, and of the shoulders' line
  size: np.ndarray  # [25, 2] middle of log r: seen, hidden
  beyond: np.ndarray  # [2] added to it beyond the border, and by how far it is
  # (person sizes)
  deviation: np.ndarray  # [3] of log r: of a person, a limb and a keypoint
  alike: np.ndarray  # [] correlation of directions in a limb
  doubt: np.ndarray  # [25, 2] of the log-odds of a confidence, at log r = 0
  slope: np.ndarray  # [] of the log-odds in log r
  doubt_beyond: np.ndarray  # [2] added to them
  vague: np.ndarray  # [2] deviation of the log-odds: of a person, a keypoint
  reported: np.ndarray  # [25, 3] share that is reported: seen, hidden, beyond


class MeasuredBody(NamedTuple):
  """Bodies of some of B people, as `corrupt_body` gives them."""

  chosen: tf.Tensor  # [B, 1] bool
  points: tf.Tensor  # [B, 25, 2] person units
  confidence: tf.Tensor  # [B, 25]

  def replace(
    self, points: tf.Tensor, confidence: tf.Tensor
  ) -> tuple[tf.Tensor, tf.Tensor]:
    """Points `[B, 137, 2]` and confidences `[B, 137]` with these bodies."""
    rest = NUM_KEYPOINTS - self.points.shape[1]
    own = tf.pad(self.points, [[0, 0], [0, rest], [0, 0]])
    sure = tf.pad(self.confidence, [[0, 0], [0, rest]])
    taken = self.rows()
    return (
      tf.where(taken[..., None], own, points),
      tf.where(taken, sure, confidence),
    )

  def rows(self) -> tf.Tensor:
    """Keypoints that are of these bodies, `[B, 137]` bool."""
    return self.chosen & (np.arange(NUM_KEYPOINTS) < COUNT)


def load(path: Path = ASSET) -> KeypointErrors:
  """The errors that a file holds.

  Raises:
    FileError: if it cannot be read or does not hold them.
  """
  try:
    stored = npz_arrays.read(path)
    return KeypointErrors(*(stored[f] for f in KeypointErrors._fields))
  except (OSError, ValueError, KeyError) as error:
    raise FileError(
      path,
      f"cannot be read ({error})",
      "expected the .npz that tools.front_end_errors writes",
    ) from error


@functools.cache
def shipped() -> KeypointErrors:
  """The errors that come with the package."""
  return load()


def axes(keypoints):
  """Trunk and shoulders' line `[B, 2 vectors, 2]` of keypoints `[B, 137, 2]`.

  From the middle of the hips to the neck, and from the right to the left.
  """
  ends = (("neck", "mid_hip"), ("l_shoulder", "r_shoulder"))
  return tf.stack(
    [
      keypoints[:, table.INDEX[end]] - keypoints[:, table.INDEX[start]]
      for end, start in ends
    ],
    axis=1,
  )


def circumstances(
  keypoints, hidden, photo
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
  """Places in the photo, and what makes errors larger.

  Args:
    keypoints: `[B, 137, 2]` person sizes.
    hidden: `[B, 137]` 1 where something is in front.
    photo: `[B, 4]` left, top, right, bottom, person sizes.

  Returns:
    The true places, or those on the border that are nearest, `[B, 25, 2]`;
    whether they are hidden, `[B, 25]` bool; whether they are beyond the border,
    and how far, `[B, 25, 2]`.
  """
  true = keypoints[:, table.BODY]
  place = tf.clip_by_value(true, photo[:, None, :2], photo[:, None, 2:])
  far = tf.norm(true - place, axis=-1)
  beyond = tf.cast(far > 0.0, tf.float32)
  covered = (hidden[:, table.BODY] > 0.0) & (far <= 0.0)
  far = tf.minimum(far, FARTHEST)
  return place, covered, tf.stack([beyond, far], axis=-1)


def corrupt_body(
  draws: Draws,
  keypoints: tf.Tensor,
  hidden: tf.Tensor,
  photo: tf.Tensor,
  errors: KeypointErrors | None = None,
) -> tuple[tf.Tensor, tf.Tensor]:
  """What the detector reports of the body's keypoints.

  Args:
    draws: random stream.
    keypoints: `[B, 137, 2]` person sizes.
    hidden: `[B, 137]` 1 where something is in front.
    photo: `[B, 4]` left, top, right, bottom, person sizes.
    errors: of `load`; without it those of the package.

  Returns:
    `[B, 25, 2]` person sizes and confidences `[B, 25]`, 0 for keypoints that
    are not reported.
  """
  errors = KeypointErrors(*(np.float32(x) for x in errors or shipped()))
  batch = keypoints.shape[0]
  place, covered, beyond = circumstances(keypoints, hidden, photo)

  def by_kind(values):
    return tf.where(covered, values[:, 1], values[:, 0])

  offset = tf.einsum("ka,bac->bkc", errors.offset, axes(keypoints))
  by_person, by_limb, own = errors.deviation
  logarithm = by_kind(errors.size) + tf.linalg.matvec(beyond, errors.beyond)
  logarithm += by_person * draws.normal([batch, 1], 3.0)
  limb = draws.normal([batch, LIMB_COUNT], 3.0)
  logarithm += by_limb * tf.gather(limb, LIMBS, axis=1)
  logarithm += own * draws.normal([batch, COUNT], 3.0)
  shared = tf.gather(draws.normal([batch, LIMB_COUNT, 2]), LIMBS, axis=1)
  way = np.sqrt(errors.alike) * shared
  way += np.sqrt(1.0 - errors.alike) * draws.normal([batch, COUNT, 2])
  way = tf.math.l2_normalize(way, axis=-1)
  far = tf.exp(tf.minimum(logarithm, 0.0))
  points = place + offset + far[..., None] * way

  odds = by_kind(errors.doubt) + errors.slope * tf.math.log(far + NEAR)
  odds += tf.linalg.matvec(beyond, errors.doubt_beyond)
  odds += errors.vague[0] * draws.normal([batch, 1], 3.0)
  odds += errors.vague[1] * draws.normal([batch, COUNT], 3.0)
  chance = by_kind(errors.reported)
  chance = tf.where(beyond[..., 0] > 0.0, errors.reported[:, 2], chance)
  reported = draws.uniform([batch, COUNT]) < chance
  return points, tf.where(reported, tf.sigmoid(odds), 0.0)


def draw(
  draws: Draws,
  keypoints: tf.Tensor,
  hidden: tf.Tensor,
  photo: tf.Tensor,
  share: float,
) -> MeasuredBody:
  """`corrupt_body` of a share of the people, by the package's errors."""
  chosen = draws.happens([keypoints.shape[0], 1], share)
  return MeasuredBody(chosen, *corrupt_body(draws, keypoints, hidden, photo))
