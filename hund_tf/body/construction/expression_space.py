"""The space of facial expressions: 20 components of the face units."""

import numpy as np

_EXCLUDED = ("eyeLook", "tongueOut")  # eyes turn by their joints; no tongue
_ACTIVE_SHARE = 0.25  # how often a unit takes part in an expression
# Expressions by name: how much of which face units. Whole blinks carry the
# upper lid beyond the lower one. Of raised brows the 20 components hold two
# thirds at the brows' keypoints, so more is taken.
NAMED: dict[str, tuple[float, tuple[str, ...]]] = {
  "mouth_open": (1.0, ("jawOpen",)),
  "smile": (1.0, ("mouthSmileLeft", "mouthSmileRight")),
  "frown": (1.0, ("mouthFrownLeft", "mouthFrownRight")),
  "blink": (0.7, ("eyeBlinkLeft", "eyeBlinkRight")),
  "wink": (0.7, ("eyeBlinkLeft",)),
  "brows_up": (1.5, ("browInnerUp", "browOuterUpLeft", "browOuterUpRight")),
  "brows_down": (1.0, ("browDownLeft", "browDownRight")),
  "pucker": (1.0, ("mouthPucker",)),
  "cheek_puff": (1.0, ("cheekPuff",)),
}
_DECIMALS = 3


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


def project(basis: np.ndarray, offsets: np.ndarray) -> np.ndarray:
  """Coefficients `[E]` of the nearest face in the space.

  Args:
    basis: `[E, V, 3]` metres per unit coefficient.
    offsets: `[V, 3]` metres, of a face from the neutral one.
  """
  flat = basis.reshape(len(basis), -1).astype(np.float64)
  return np.linalg.lstsq(flat.T, offsets.reshape(-1), rcond=None)[0]


def named_latents(
  units: dict[str, np.ndarray], basis: np.ndarray, signs: np.ndarray
) -> dict[str, list[float]]:
  """Latents of the expressions in `NAMED`, by name.

  Args:
    units: name -> `[V, 3]` metres, of the vertices of the basis.
    basis: `[E, V, 3]` metres per unit coefficient.
    signs: `[E]` of each component under mirroring, +1 or -1.

  Returns:
    E numbers each; those of expressions that are their own mirror image have
    no antisymmetric part.
  """
  latents = {}
  for name, (amount, parts) in NAMED.items():
    values = amount * project(basis, sum(units[part] for part in parts))
    if {_mirror_name(part) for part in parts} == set(parts):
      values = np.where(signs > 0, values, 0.0)
    latents[name] = (np.round(values, _DECIMALS) + 0.0).tolist()
  return latents
