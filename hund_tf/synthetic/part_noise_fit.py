"""Fits the errors of hands and faces to close-ups whose truth is known."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import special

from hund_tf.compat import tf
from hund_tf.draws import Draws
from hund_tf.files import atomic_path
from hund_tf.records.seen_parts import SeenPart
from hund_tf.synthetic import landmark_noise_fit, part_noise
from hund_tf.synthetic.landmark_noise_fit import (
  line,
  log_deviation,
  logistic,
  low_rank,
)
from hund_tf.synthetic.part_noise import (
  ASSET,
  NEAR,
  ROWS,
  USUAL_PIXELS,
  Errors,
  Group,
  PartErrors,
)

_RANKS = {"hand": 8, "face": 8}
_LEAST_PARTS = 20
_WRONG_TURN = np.radians(75.0)
_WRONG_SHIFT = 0.6  # sides
_WRONG_SCALE = 0.8  # of the logarithm
_REFLECTED = 0.6  # of the residual: the reflected part is the better fit
_SAME = 0.005  # confidences that differ by less are the same
_CENSORED = 0.2  # share at the greatest confidence from which on it is a bound
_CLIP = 3e-3  # of confidences, before their logit is taken


class Observed(NamedTuple):
  """N parts as they are and as they were seen; left hands are mirrored."""

  points: np.ndarray  # [N, n, 2] true, pixels
  seen: np.ndarray  # [N, n, 2]
  confidence: np.ndarray  # [N]
  pixels: np.ndarray  # [N] larger side of the true points


def observe(
  parts: Iterable[SeenPart],
) -> tuple[dict[str, Observed], dict[str, np.ndarray]]:
  """The found hands and faces, and what was looked at.

  Args:
    parts: whole ones, found or not.

  Returns:
    Of "hand" and "face" those that were found; and of all, `[M, 2]` pixels
    and whether they were found.

  Raises:
    ValueError: if fewer than 20 of a group were found.
  """
  rows = {name: [] for name in ROWS}
  looked = {name: [] for name in ROWS}
  for part in parts:
    group = "face" if part.name == "face" else "hand"
    looked[group].append((part.pixels, part.found))
    if part.found:
      sign = np.array([-1.0 if part.name == "left_hand" else 1.0, 1.0])
      rows[group].append(
        (
          part.points * sign,
          part.seen[:, :2] * sign,
          part.seen[:, 2].mean(),
          part.pixels,
        )
      )
  for name, found in rows.items():
    if len(found) < _LEAST_PARTS:
      raise ValueError(
        f"close-ups: {name}s were found {len(found)} times, expected at least "
        f"{_LEAST_PARTS}"
      )
  return (
    {
      name: Observed(*map(np.array, zip(*found, strict=True)))
      for name, found in rows.items()
    },
    {name: np.array(all_of, np.float64) for name, all_of in looked.items()},
  )


def fit(
  flat: dict[str, Observed],
  landmarks: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> Errors:
  """The errors of hands and faces.

  Args:
    flat: of `observe`.
    landmarks: 3D landmarks, truth and hidden, for `landmark_noise_fit.fit`.

  Raises:
    ValueError: if too few parts were seen.
  """
  return Errors(
    {name: fit_part(observed, name) for name, observed in flat.items()},
    landmark_noise_fit.fit(*landmarks, names=tuple(ROWS)),
  )


def save(errors: Errors, path: Path = ASSET) -> None:
  """Writes what `part_noise.load` reads."""
  arrays = {
    f"{place}/{name}/{field}": value
    if field == "rows"
    else np.asarray(value, np.float32)
    for place, groups in errors._asdict().items()
    for name, group in groups.items()
    for field, value in group._asdict().items()
  }
  with atomic_path(path) as temporary, open(temporary, "wb") as file:
    np.savez_compressed(file, **arrays)


def distances(points: np.ndarray, seen: np.ndarray) -> np.ndarray:
  """Errors `[N, n]` in sides of the parts `[N, n, 2]`."""
  side = np.ptp(points, axis=1).max(axis=-1)
  return np.linalg.norm(seen - points, axis=-1) / side[:, None]


def modelled(
  observed: Observed,
  group: Group,
  errors: PartErrors,
  seed: int = 0,
  repeats: int = 1,
) -> Observed:
  """The same parts, each `repeats` times, with errors of the model."""
  many = Observed(*(np.repeat(x, repeats, axis=0) for x in observed))
  seen, confidence = part_noise.corrupt_part(
    Draws(tf.constant(seed), tf.constant(0)),
    tf.constant(many.points, tf.float32),
    tf.constant(many.pixels[:, None], tf.float32),
    group,
    1.0,
    errors,
  )
  return many._replace(seen=seen.numpy(), confidence=confidence.numpy()[:, 0])


def fit_part(observed: Observed, group: Group) -> PartErrors:
  """The errors in 2D of found parts."""
  frame, middle, side = (
    x.numpy().astype(np.float64)
    for x in part_noise.part_frame(
      tf.constant(observed.points, tf.float32), group
    )
  )

  def local(points):
    return np.einsum("bji,bnj->bni", frame, points - middle) / side

  own, seen = local(observed.points), local(observed.seen)
  shift, by, reflected, left = _similarity(own, seen)
  turn, log_scale = np.angle(by), np.log(np.abs(by) + 1e-6)
  wrong = reflected | (np.abs(turn) > _WRONG_TURN)
  wrong |= np.linalg.norm(shift, axis=1) > _WRONG_SHIFT
  wrong |= np.abs(log_scale) > _WRONG_SCALE
  usual = ~wrong
  place = np.median(shift[usual], axis=0)
  bias = np.median(left[usual], axis=0)
  left = left - bias
  larger = np.log(observed.pixels / USUAL_PIXELS)
  log_spread = 0.5 * np.log(np.square(left).sum(-1).mean(1) + 1e-12)
  mean = line(larger, log_spread)
  away = log_spread - mean[0] - mean[1] * larger
  z = away / away.std()
  lean = np.median(turn[usual])
  stretch = line(z[usual], log_scale[usual])
  stretched = log_scale - stretch[0] - stretch[1] * z
  unit = (left / np.exp(log_spread)[:, None, None])[usual]
  factor, rest = low_rank(unit.reshape(len(unit), -1), _RANKS[group])
  others = np.column_stack([shift - place, turn, log_scale, reflected])[wrong]
  return PartErrors(
    spread=np.array([*mean, away.std()]),
    shift=np.stack(
      [log_deviation(z[usual], (shift - place)[usual, i]) for i in range(2)]
    ),
    turn=log_deviation(z[usual], (turn - lean)[usual]),
    scale=np.stack([stretch, log_deviation(z[usual], stretched[usual])]),
    lean=np.array([lean]),
    wrong=logistic(z, wrong),
    others=others if len(others) else np.zeros([1, 5]),
    offset=place + bias,
    factor=factor,
    rest=rest,
    confidence=_confidence(observed, z, larger, own, seen),
  )


def _similarity(own: np.ndarray, seen: np.ndarray):
  """What brings parts `[N, n, 2]` to where they are seen.

  Returns:
    Shift `[N, 2]`, turn and scale as complex numbers `[N]`, whether the part is
    reflected first `[N]`, and what is left `[N, n, 2]`.
  """
  shift = seen.mean(axis=1)
  truth = own[..., 0] + 1j * own[..., 1]
  found = (seen - shift[:, None]) @ np.array([1.0, 1j])
  size = np.square(np.abs(truth)).sum(1)
  fits = []
  for start in (truth, truth.conj()):
    by = (start.conj() * found).sum(1) / size
    fits.append((by, found - by[:, None] * start))
  residuals = [np.abs(left).mean(1) for _, left in fits]
  reflected = residuals[1] < _REFLECTED * residuals[0]
  by = np.where(reflected, fits[1][0], fits[0][0])
  left = np.where(reflected[:, None], fits[1][1], fits[0][1])
  return shift, by, reflected, np.stack([left.real, left.imag], axis=-1)


def _confidence(observed, z, larger, own, seen) -> np.ndarray:
  """The linear function of the logit of confidences; see `PartErrors`."""
  sure = observed.confidence
  logit = special.logit(np.clip(sure, _CLIP, 1.0 - _CLIP))
  error = np.linalg.norm(seen - own, axis=-1).mean(1)
  design = np.stack([np.ones_like(z), np.log(error + NEAR), z, larger], axis=1)
  normal = design.T @ design + 1e-3 * np.eye(4)
  solved = np.linalg.solve(normal, design.T @ logit)
  likely = design @ solved
  deviation = (logit - likely).std()
  # As many as are at the greatest confidence are to be beyond it.
  most = np.mean(sure > sure.max() - _SAME)
  noise = deviation * np.random.default_rng(0).normal(size=[99, 1])
  if most > _CENSORED:
    beyond = np.quantile(likely + noise, 1.0 - most)
    solved[0] += special.logit(sure.max()) - beyond
  return np.array([*solved, deviation, sure.min(), sure.max()])
