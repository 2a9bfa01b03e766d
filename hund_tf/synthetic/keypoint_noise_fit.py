"""Fits `keypoint_noise` to what a detector says of people whose truth is known.

By least squares and moments; people and limbs that are exchanged left for right
are left out, for `detector_noise` exchanges them.
"""

from pathlib import Path

import numpy as np

from hund_tf.body import keypoints as table
from hund_tf.compat import tf
from hund_tf.files import atomic_path
from hund_tf.synthetic import keypoint_noise as model
from hund_tf.synthetic.keypoint_noise import COUNT, LIMBS, NEAR, KeypointErrors

_CLOSE = 0.08  # person sizes: errors that offsets are fitted to
_EXCHANGED = 0.6  # of the distance straight, that across
_RARE = 30  # keypoints of a kind from which on their share counts
_SURE = 0.995  # of confidences at most, before their log-odds are taken


def fit(
  points: np.ndarray,
  confidence: np.ndarray,
  truth: np.ndarray,
  hidden: np.ndarray,
  photo: np.ndarray,
) -> KeypointErrors:
  """The errors of N people.

  Args:
    points: `[N, 137, 2]` as detected, person sizes.
    confidence: `[N, 137]`, 0 where not reported.
    truth: `[N, 137, 2]` person sizes, of all keypoints.
    hidden: `[N, 137]` 1 where something is in front.
    photo: `[N, 4]` left, top, right, bottom, person sizes.

  Raises:
    ValueError: if few keypoints are reported.
  """
  truth = np.float32(truth)
  kept = ~exchanged(points, truth)
  points, confidence, truth = points[kept], confidence[kept], truth[kept]
  around = model.circumstances(
    tf.constant(truth), tf.constant(np.float32(hidden[kept])), photo[kept]
  )
  place, covered, beyond = (value.numpy() for value in around)
  confidence = confidence[:, table.BODY]
  error = points[:, table.BODY] - place
  known = confidence > 0
  clear = known & ~covered & ~beyond.any(axis=-1)
  kinds = (known & ~covered).sum(), (known & covered).sum()
  if min(kinds) < _RARE * COUNT:
    raise ValueError(
      f"errors of keypoints: got {kinds[0]} seen and {kinds[1]} hidden ones, "
      f"expected at least {_RARE * COUNT} of each; give more people"
    )
  offset = _offsets(error, model.axes(truth).numpy(), clear)
  error -= np.einsum("ka,nac->nkc", offset, model.axes(truth).numpy())
  far = np.linalg.norm(error, axis=-1)
  logarithm = np.log(far + NEAR)
  size, added = _regress(logarithm, covered, beyond, known)
  rest = logarithm - _by_kind(size, covered) - beyond @ added
  # Tails are long on the right: the middle is to be right.
  size += np.array([np.median(rest[known & c]) for c in (~covered, covered)])
  odds = np.clip(confidence, 1e-3, _SURE)
  odds = np.log(odds / (1.0 - odds))
  causes = np.concatenate([logarithm[..., None], beyond], axis=-1)
  doubt, slopes = _regress(odds, covered, causes, known)
  vague = odds - _by_kind(doubt, covered) - causes @ slopes
  by_person, _, total = _variances(vague, known)
  return KeypointErrors(
    offset=offset,
    size=size,
    beyond=added,
    deviation=_deviations(rest, known),
    alike=_alike(error, known),
    doubt=doubt,
    slope=slopes[0],
    doubt_beyond=slopes[1:],
    vague=np.sqrt([by_person, total - by_person]),
    reported=_reported(known, covered, beyond[..., 0] > 0),
  )


def save(errors: KeypointErrors, path: Path) -> None:
  """Writes the file that `keypoint_noise.load` reads."""
  rounded = {
    name: np.float32(value).round(4) for name, value in errors._asdict().items()
  }
  with atomic_path(path) as temporary, temporary.open("wb") as file:
    np.savez(file, **rounded)


def exchanged(points: np.ndarray, truth: np.ndarray) -> np.ndarray:
  """People `[N]` of whom both legs or both arms are exchanged."""
  found = np.zeros(len(points), bool)
  for names in (("hip", "knee", "ankle"), ("shoulder", "elbow", "wrist")):
    left, right = (
      [table.INDEX[f"{side}_{name}"] for name in names] for side in "lr"
    )

    straight = across = 0.0
    for one, other in ((left, right), (right, left)):
      straight += _apart(points[:, one], truth[:, one])
      across += _apart(points[:, one], truth[:, other])
    found |= across < _EXCHANGED * straight
  return found


def _apart(seen: np.ndarray, true: np.ndarray) -> np.ndarray:
  """Sums `[N]` of distances."""
  return np.linalg.norm(seen - true, axis=-1).sum(axis=1)


_MIRROR = np.array(table.MIRROR)[:COUNT]
_SIGN = np.float32([1.0, -1.0])  # of the shoulders' line, mirrored


def _both(values: np.ndarray) -> np.ndarray:
  """`[25]` the mean of both sides."""
  return (values + values[_MIRROR]) / 2.0


def _offsets(error, axes, clear) -> np.ndarray:
  """Shares `[25, 2]` of the axes `[N, 2, 2]` that errors `[N, 25, 2]` have."""
  found = np.zeros([COUNT, 2])
  near = clear & (np.linalg.norm(error, axis=-1) < _CLOSE)
  for row in range(COUNT):
    here = near[:, row]
    if here.sum() < _RARE:
      continue
    matrix = axes[here].transpose(0, 2, 1).reshape(-1, 2)
    found[row] = np.linalg.lstsq(matrix, error[here, row].ravel(), None)[0]
  return (found + found[_MIRROR] * _SIGN) / 2.0


def _by_kind(values, covered) -> np.ndarray:
  """`[N, 25]` of values `[25, 2]`: those of seen, or of hidden keypoints."""
  return np.where(covered, values[:, 1], values[:, 0])


def _regress(values, covered, causes, known) -> tuple[np.ndarray, np.ndarray]:
  """Means `[25, 2]` of values `[N, 25]`, and slopes in causes `[N, 25, C]`."""
  side = np.minimum(np.arange(COUNT), _MIRROR)
  rows = (side + COUNT * covered)[known]
  matrix = np.concatenate([np.eye(2 * COUNT)[rows], causes[known]], axis=1)
  found = np.linalg.lstsq(matrix, values[known], None)[0]
  return found[: 2 * COUNT].reshape(2, COUNT)[:, side].T, found[2 * COUNT :]


def _variances(rest, known) -> tuple[float, float, float]:
  """Covariance over a person, within limbs, and variance of `[N, 25]`."""
  weight = known.astype(np.float64)
  rest = np.where(known, rest, 0.0)
  together = rest.T @ rest
  pairs = np.maximum(weight.T @ weight, 1e-9)
  same = LIMBS[:, None] == LIMBS
  itself = np.eye(COUNT, dtype=bool)

  def mean(chosen):
    return float(together[chosen].sum() / pairs[chosen].sum())

  across = max(mean(~same), 0.0)
  return across, max(mean(same & ~itself), across), mean(itself)


def _deviations(rest, known) -> np.ndarray:
  across, within, total = _variances(rest, known)
  return np.sqrt([across, within - across, total - within])


def _alike(error, known) -> np.ndarray:
  """Correlation of directions; 4 / pi times the mean cosine, nearly."""
  way = error / np.maximum(np.linalg.norm(error, axis=-1, keepdims=True), 1e-9)
  way = np.where(known[..., None], way, 0.0)
  cosine = np.einsum("nic,njc->ij", way, way)
  pairs = known.T.astype(float) @ known
  same = (LIMBS[:, None] == LIMBS) & ~np.eye(COUNT, dtype=bool)
  mean = cosine[same].sum() / max(pairs[same].sum(), 1.0)
  return np.clip(4.0 / np.pi * mean, 0.0, 0.98)


def _reported(known, covered, beyond) -> np.ndarray:
  """Shares `[25, 3]`: seen, hidden, beyond the border."""
  columns = []
  for kind in (~covered & ~beyond, covered, beyond):
    count, right = kind.sum(0), (kind & known).sum(0)
    count, right = _both(count), _both(right)
    everywhere = right.sum() / max(count.sum(), 1.0)
    share = right / np.maximum(count, 1.0)
    columns.append(np.where(count < _RARE / 2, everywhere, share))
  return np.stack(columns, axis=1)
