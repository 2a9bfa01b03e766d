"""The space of adult body shapes: sampling law and principal components.

A body is the base mesh plus morph targets, each weighted by a product of
MakeHuman's macro controls, or by a proportion of its own. Shapes are thus
linear in the target weights, and everything about them is computed from the
weights' covariance and the targets' Gram matrix, without making any mesh.
"""

import itertools
from typing import NamedTuple

import numpy as np

from hund_tf.body.construction.source import Source

_RACES = ("african", "asian", "caucasian")
_GENDERS = ("male", "female")
_AGES = ("young", "old")
_LEVELS = ("min", "average", "max")
# Proportions that vary besides the macro controls: their targets (which come as
# '-incr' and '-decr') and the standard deviation of their weight. It makes limb
# lengths vary by about 3.5%, breadths by 5% and the waist by 14 mm.
_PROPORTIONS = {
  "arms": (
    ("arms/measure-upperarm-length", "arms/measure-lowerarm-length"),
    0.12,
  ),
  "legs": (
    ("legs/measure-upperleg-height", "legs/measure-lowerleg-height"),
    0.15,
  ),
  "trunk": (("torso/measure-napetowaist-dist",), 0.25),
  "shoulders": (("torso/torso-vshape",), 0.3),
  "hips": (("hip/hip-scale-horiz",), 0.25),
  "waist": (("torso/measure-waist-circ",), 0.5),
}
_HEIGHT = 30.0  # Beta(30, 30): the control's ends are 1.2 and 2.5 m tall
_MIN_AGE, _YOUNG_AGE, _OLD_AGE = 18.0, 25.0, 90.0  # years


class MorphTargets(NamedTuple):
  """All targets that an adult can have."""

  keys: list[tuple[tuple[str, str], ...]]  # (control, level) per target
  offsets: np.ndarray  # [T, S, 3] metres


def read_targets(source: Source) -> MorphTargets:
  """Reads all targets."""
  keys, offsets = [], []

  def add(name: str, key: tuple[tuple[str, str], ...]) -> None:
    values = source.target(name)
    if values is not None:
      keys.append(key)
      offsets.append(values.astype(np.float32))

  for gender, age in itertools.product(_GENDERS, _AGES):
    base = (("gender", gender), ("age", age))
    for race in _RACES:
      name = f"macrodetails/{race}-{gender}-{age}"
      add(name, (("race", race), *base))
    for muscle, weight in itertools.product(_LEVELS, _LEVELS):
      stem = f"{gender}-{age}-{muscle}muscle-{weight}weight"
      key = (*base, ("muscle", muscle), ("weight", weight))
      add(f"macrodetails/universal-{stem}", key)
      for level in ("min", "max"):
        name = f"macrodetails/height/{stem}-{level}height"
        add(name, (*key, ("height", level)))
      for level in ("uncommon", "ideal"):
        name = f"macrodetails/proportions/{stem}-{level}proportions"
        add(name, (*key, ("proportions", level)))
      for cup, firm in itertools.product(_LEVELS, _LEVELS):
        name = f"breast/{stem}-{cup}cup-{firm}firmness"
        add(name, (*key, ("cup", cup), ("firmness", firm)))
  for control, (names, _) in _PROPORTIONS.items():
    for name, level in itertools.product(names, ("incr", "decr")):
      add(f"{name}-{level}", ((control, level),))
  return MorphTargets(keys, np.stack(offsets))


def _levels(name: str, value: np.ndarray) -> dict[tuple[str, str], np.ndarray]:
  """Piecewise linear weights of min, average and max for values in [0, 1]."""
  centred = 2.0 * value - 1.0
  return {
    (name, "min"): np.maximum(-centred, 0.0),
    (name, "average"): 1.0 - np.abs(centred),
    (name, "max"): np.maximum(centred, 0.0),
  }


def sample_controls(
  count: int, rng: np.random.Generator
) -> dict[tuple[str, str], np.ndarray]:
  """Draws adults: weight `[count]` of every level of every control.

  Gender and age (18-90 years) are uniform, origin is uniform over mixtures,
  the other macro controls follow Beta(2, 2), but for a narrower law of height
  (stature has a standard deviation of 9 cm within a gender), and proportions
  are Gaussian.
  """
  race = rng.dirichlet(np.ones(len(_RACES)), size=count)
  controls = {("race", r): race[:, i] for i, r in enumerate(_RACES)}
  gender = rng.uniform(size=count)
  controls |= {("gender", "male"): 1 - gender, ("gender", "female"): gender}
  years = rng.uniform(_MIN_AGE, _OLD_AGE, size=count)
  old = np.maximum(years - _YOUNG_AGE, 0.0) / (_OLD_AGE - _YOUNG_AGE)
  controls |= {("age", "young"): 1 - old, ("age", "old"): old}
  for name in ("muscle", "weight", "cup", "firmness"):
    controls |= _levels(name, rng.beta(2.0, 2.0, size=count))
  controls |= _levels("height", rng.beta(_HEIGHT, _HEIGHT, size=count))
  levels = _levels("proportions", rng.beta(2.0, 2.0, size=count))
  controls[("proportions", "uncommon")] = levels[("proportions", "min")]
  controls[("proportions", "ideal")] = levels[("proportions", "max")]
  for name, (_, deviation) in _PROPORTIONS.items():
    value = deviation * rng.normal(size=count)
    controls[(name, "incr")] = np.maximum(value, 0.0)
    controls[(name, "decr")] = np.maximum(-value, 0.0)
  return controls


def target_weights(
  targets: MorphTargets, controls: dict[tuple[str, str], np.ndarray]
) -> np.ndarray:
  """Weight of every target in every sample, `[count, T]`."""
  return np.stack(
    [np.prod([controls[c] for c in key], axis=0) for key in targets.keys],
    axis=1,
  )


class LinearShape(NamedTuple):
  """Principal components with unit-variance coefficients."""

  mean: np.ndarray  # [S, 3] metres, mean offset from the base mesh
  basis: np.ndarray  # [K, S, 3] metres per unit coefficient
  mean_weights: np.ndarray  # [T] target weights of the mean
  encoder: (
    np.ndarray
  )  # [T, K]: (weights - mean_weights) @ encoder = coefficients
  residual: float  # metres, RMS distance that K components leave on skin


def principal_components(
  offsets: np.ndarray,
  weights: np.ndarray,
  is_skin: np.ndarray,
  num_components: int,
) -> LinearShape:
  """PCA of `weights @ offsets` over the rows `is_skin`.

  The other rows (joints, caps) follow by the same linear map of the target
  weights onto the components, fitted by least squares.

  Args:
    offsets: `[T, S, 3]` metres.
    weights: `[N, T]` samples.
    is_skin: `[S]` bool.
    num_components: K.
  """
  count = len(weights)
  mean_weights = weights.mean(axis=0)
  centred = (weights - mean_weights) / np.sqrt(count - 1)
  skin = offsets[:, is_skin].reshape(len(offsets), -1).astype(np.float64)
  gram = skin @ skin.T
  # Eigenvectors of the samples' covariance lie in the span of the targets:
  # direction = map.T @ skin with map = root-covariance times eigenvector.
  _, singular, right = np.linalg.svd(centred, full_matrices=False)
  root = singular[:, None] * right
  values, vectors = np.linalg.eigh(root @ gram @ root.T)
  order = np.argsort(values)[::-1]
  kept = order[:num_components]
  scale = np.sqrt(values[kept])
  to_direction = (root.T @ vectors[:, kept]) / scale  # [T, K], orthonormal
  encoder = gram @ to_direction / scale
  encoder *= np.sign(
    encoder[np.argmax(np.abs(encoder), axis=0), range(len(kept))]
  )
  coefficients = (weights - mean_weights) @ encoder
  # Least squares of the weights on the coefficients gives the whole basis.
  solution = np.linalg.lstsq(coefficients, weights - mean_weights, rcond=None)
  basis = np.tensordot(solution[0], offsets, axes=1)
  residual = values[order[num_components:]].clip(0).sum() / is_skin.sum()
  return LinearShape(
    np.tensordot(mean_weights, offsets, axes=1),
    basis,
    mean_weights,
    encoder,
    float(np.sqrt(residual)),
  )
