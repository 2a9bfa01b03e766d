"""Fits the errors of 3D landmarks to people whose truth is known."""

from collections.abc import Sequence

import numpy as np
from scipy import optimize, special
from scipy.spatial.transform import Rotation

from hund_tf.body import keypoints as table
from hund_tf.files import atomic_path
from hund_tf.synthetic.landmark_noise import ASSET, NEAR, GroupErrors

_WRONG = np.radians(75.0)  # from which on a turn is a wrong one
_MEDIAN = 0.6745  # of |x| of a normal deviate x
_RANKS = {"body": 10, "hand": 6, "face": 4}  # of the factors
_LEAST_PEOPLE = 20
_CLIP = 3e-3  # of weights, before their logit is taken


def fit(
  seen: np.ndarray,
  truth: np.ndarray,
  hidden: np.ndarray,
  names: Sequence[str] = ("body", "face", "hand"),
) -> dict[str, GroupErrors]:
  """The errors of groups.

  Args:
    seen: `[N, 137, 4]` x, y, z (metres) and weight of a front end.
    truth: `[N, 137, 3]` metres, of `body.landmarks_3d.viewed_landmarks`.
    hidden: `[N, 137]` 1 where something is in front.
    names: of the groups.

  Raises:
    ValueError: if a group was seen of fewer than 20 people.
  """
  sides = table.RIGHT_HAND, table.LEFT_HAND
  # A left hand is a mirrored right one.
  mirror = np.array([-1.0, 1.0, 1.0, 1.0])
  hands = [
    np.concatenate([array[:, rows] * sign for rows, sign in pairs])
    for array, pairs in (
      (seen, zip(sides, (1.0, mirror), strict=True)),
      (truth, zip(sides, (1.0, mirror[:3]), strict=True)),
      (hidden, zip(sides, (1.0, 1.0), strict=True)),
    )
  ]
  whole = {
    "body": (table.BODY, [a[:, table.BODY] for a in (seen, truth, hidden)]),
    "face": (table.FACE, [a[:, table.FACE] for a in (seen, truth, hidden)]),
    "hand": (table.RIGHT_HAND, hands),
  }
  found = {}
  for name in names:
    rows, arrays = whole[name]
    ever = (arrays[0][..., 3] > 0).any(axis=0)
    people = (arrays[0][..., 3] > 0).sum(axis=1) > 0.5 * ever.sum()
    if people.sum() < _LEAST_PEOPLE:
      raise ValueError(
        f"3D landmarks: the {name} was seen of {people.sum()} people, expected "
        f"at least {_LEAST_PEOPLE}"
      )
    known = np.arange(len(table.NAMES))[rows][ever]
    group = [a[people][:, ever].astype(np.float64) for a in arrays]
    found[name] = _fit_group(known, *group, rank=_RANKS[name])
  return found


def save(groups: dict[str, GroupErrors], path=ASSET) -> None:
  """Writes what `landmark_noise.load` reads."""
  arrays = {
    f"{name}/{field}": value
    if field == "rows"
    else np.asarray(value, np.float32)
    for name, group in groups.items()
    for field, value in group._asdict().items()
  }
  with atomic_path(path) as temporary, open(temporary, "wb") as file:
    np.savez_compressed(file, **arrays)


def aligned(
  seen: np.ndarray, truth: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
  """Scale `[N]` and turn `[N, 3, 3]` about the root that bring truth to seen.

  The least-squares solution (Umeyama) for points `[N, n, 3]`.
  """
  u, values, v = np.linalg.svd(np.einsum("bni,bnj->bij", seen, truth))
  signs = np.ones_like(values)
  signs[:, 2] = np.linalg.det(u @ v)
  turn = np.einsum("bij,bj,bjk->bik", u, signs, v)
  scale = (values * signs).sum(1) / np.square(truth).sum((1, 2))
  return np.maximum(scale, 1e-2), turn


def _fit_group(rows, seen, truth, hidden, rank) -> GroupErrors:
  """The errors of one group, of `[N, n, 4]`, `[N, n, 3]` and `[N, n]`."""
  points = seen[..., :3]
  scale, turn = aligned(points, truth)
  moved = np.einsum("bij,bnj->bni", turn, truth) * scale[:, None, None]
  left = points - moved
  vector = Rotation.from_matrix(turn).as_rotvec()
  usual = np.linalg.norm(vector, axis=1) < _WRONG
  more, pull = _of_hidden(points[usual], moved[usual], hidden[usual])
  unit = left / (1.0 + more * hidden)[..., None]
  log_spread = 0.5 * np.log(np.square(unit).sum(-1).mean(1) + 1e-12)
  spread = np.array([log_spread.mean(), log_spread.std()])
  z = (log_spread - spread[0]) / spread[1]
  lean = np.median(vector[usual], axis=0)
  log_scale = np.log(scale)
  slope = line(z[usual], log_scale[usual])[1]
  mean = np.array([np.median((log_scale - slope * z)[usual]), slope])
  away = log_scale - mean[0] - mean[1] * z
  unit = (unit / np.exp(log_spread)[:, None, None])[usual]
  factor, rest = low_rank(unit.reshape(len(unit), -1), rank)
  weight, offset = _of_weights(seen, truth, hidden, z)
  return GroupErrors(
    rows=rows,
    spread=spread,
    lean=lean,
    turn=np.stack(
      [log_deviation(z[usual], (vector - lean)[usual, i]) for i in range(3)]
    ),
    flip=logistic(z, ~usual),
    scale=np.stack([mean, log_deviation(z[usual], away[usual])]),
    factor=factor,
    rest=rest,
    hidden=np.array([more, pull]),
    weight=weight,
    offset=offset,
  )


def _of_hidden(points, moved, hidden) -> tuple[float, float]:
  """How much more hidden joints err, and are pulled to the root."""
  out = hidden > 0.5
  if not out.any() or out.all():
    return 0.0, 0.0

  def slope(rows):
    return (points[rows] * moved[rows]).sum() / np.square(moved[rows]).sum()

  def size(rows):
    return np.sqrt(np.square(points[rows] - moved[rows]).mean())

  more = max(size(out) / size(~out) - 1.0, 0.0)
  return more, float(np.clip(1.0 - slope(out) / slope(~out), 0.0, 0.5))


def line(x: np.ndarray, y: np.ndarray) -> np.ndarray:
  """Constant and slope `[2]` of the least-squares line."""
  return np.polynomial.polynomial.polyfit(x, y, 1)


def log_deviation(z: np.ndarray, values: np.ndarray) -> np.ndarray:
  """Constant and slope `[2]` in z of the log deviation of values about 0.

  Half of the values are within so many deviations as half of normal ones.
  """
  size = np.log(np.abs(values) + 1e-4)
  slope = line(z, size)[1]
  return np.array([np.median(size - slope * z) - np.log(_MEDIAN), slope])


def logistic(z: np.ndarray, happened: np.ndarray) -> np.ndarray:
  """Constant and slope `[2]` of a logit, with a little ridge."""

  def loss(line):
    logit = line[0] + line[1] * z
    likely = -np.logaddexp(0.0, np.where(happened, -logit, logit)).sum()
    return 0.05 * np.square(line).sum() - likely

  return optimize.minimize(loss, np.array([-3.0, 0.0])).x


def low_rank(unit: np.ndarray, rank: int) -> tuple[np.ndarray, np.ndarray]:
  """Low-rank factor `[D, rank]` and own deviations `[D]` of rows `[N, D]`."""
  second = unit.T @ unit / len(unit)
  values, vectors = np.linalg.eigh(second)
  top = slice(-rank, None)
  factor = vectors[:, top] * np.sqrt(np.maximum(values[top], 0.0))
  own = np.diag(second) - np.square(factor).sum(1)
  return factor, np.sqrt(np.maximum(own, 0.0))


def _of_weights(seen, truth, hidden, z) -> tuple[np.ndarray, np.ndarray]:
  """The linear function of the logit of weights; see `GroupErrors`."""
  logit = special.logit(np.clip(seen[..., 3], _CLIP, 1.0 - _CLIP))
  far = np.linalg.norm(seen[..., :3] - truth, axis=-1)
  count = logit.shape[1]
  columns = [
    np.repeat(z[:, None], count, 1),
    np.log(far + NEAR),
    np.asarray(hidden, np.float64),
  ]
  design = np.stack([x.ravel() for x in columns], axis=1)
  design = np.concatenate([design, np.tile(np.eye(count), (len(z), 1))], axis=1)
  # A little ridge: nothing may be hidden.
  normal = design.T @ design + 1e-3 * np.eye(design.shape[1])
  solved = np.linalg.solve(normal, design.T @ logit.ravel())
  away = logit - (design @ solved).reshape(logit.shape)
  person = away.mean(1)
  own = (away - person[:, None]).std()
  return np.array([*solved[:3], person.std(), own]), solved[3:]
