"""The space of facial expressions: 20 components of the face units."""

import numpy as np

_EXCLUDED = ("eyeLook", "tongueOut")  # eyes turn by their joints; no tongue
_ACTIVE_SHARE = 0.25  # how often a unit takes part in an expression


def used_units(units: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
  """The units that shape the skin and are no gaze or tongue movement."""
  return {
    name: offsets
    for name, offsets in units.items()
    if not name.startswith(_EXCLUDED)
  }


def _mirror_name(name: str) -> str:
  if name.endswith("Left"):
    return name[:-4] + "Right"
  return name[:-5] + "Left" if name.endswith("Right") else name


def expression_basis(
  units: dict[str, np.ndarray],
  mirror: np.ndarray,
  num_components: int,
  count: int,
  rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, float]:
  """Components of expressions drawn from the units, about the neutral face.

  Left and right units are drawn alike, so components are either symmetric or
  antisymmetric, and are made exactly so: mirroring a face changes the sign of
  the antisymmetric ones.

  Args:
    units: name -> `[V, 3]` metres.
    mirror: `[V]` mirror image of every vertex.
    num_components: E.
    count: number of expressions drawn.
    rng: source of randomness.

  Returns:
    Basis `[E, V, 3]` in metres per unit coefficient (second moment one over
    the draws), signs `[E]` of +1 or -1 under mirroring, and the RMS distance in
    metres over moved vertices and draws that the components leave.
  """
  names = list(units)
  size = len(mirror)
  offsets = np.stack([units[name] for name in names])
  flipped = offsets[:, mirror] * [-1, 1, 1]
  partner = [
    names.index(m) if (m := _mirror_name(n)) in names else names.index(n)
    for n in names
  ]
  offsets = 0.5 * (offsets + flipped[partner])  # exactly mirrored units
  active = rng.uniform(size=(count, len(names))) < _ACTIVE_SHARE
  draws = active * rng.uniform(size=active.shape)
  draws = np.concatenate([draws, draws[:, partner]])
  moment = draws.T @ draws / len(draws)

  values, maps, signs = [], [], []
  flat = offsets.reshape(len(names), -1)
  permutation = np.eye(len(names))[partner]
  for sign in (1, -1):
    half = 0.5 * (np.eye(len(names)) + sign * permutation)
    root = np.linalg.cholesky(moment + 1e-12 * np.eye(len(names))).T @ half
    eigenvalues, vectors = np.linalg.eigh(root @ flat @ flat.T @ root.T)
    values += list(eigenvalues.clip(0))
    maps += list((root.T @ vectors).T)
    signs += [sign] * len(eigenvalues)
  order = np.argsort(values)[::-1]
  kept = order[:num_components]
  # A unit direction is map @ flat / sqrt(value), its spread sqrt(value).
  basis = np.stack([maps[i] for i in kept]) @ flat
  signs = np.array([signs[i] for i in kept])
  basis = basis.reshape(num_components, size, 3)
  moved = (np.abs(offsets).sum(axis=(0, 2)) > 0).sum()
  left = sum(values[i] for i in order[num_components:])
  return basis, signs, float(np.sqrt(left / moved))
