"""Numbers of the JSON result, rounded to what they are worth."""

import numpy as np
from scipy.spatial.transform import Rotation

# Decimals kept: 0.01 mm, 0.001 pixels, 1e-6 of a latent or a rotation.
METRES, PIXEL, LATENT = 5, 3, 6


def rotation_vectors(rotations: np.ndarray) -> list:
  """`[63, 3, 3]` matrices to axis times angle (radians) `[63, 3]`."""
  rotations = np.asarray(rotations, np.float64)
  if not np.isfinite(rotations).all():
    return rotations[..., 0].tolist()  # refused by the check, with its name
  return rounded(Rotation.from_matrix(rotations).as_rotvec(), LATENT)


def rounded(values: np.ndarray, decimals: int) -> list:
  """Values as (nested) lists of so many decimals."""
  # Adding zero turns -0.0 into 0.0.
  return (np.round(np.asarray(values, np.float64), decimals) + 0.0).tolist()


def significant(values: np.ndarray, digits: int = 6) -> list[float]:
  """Values `[N]` of so many significant digits."""
  return [float(f"{v:.{digits}g}") for v in np.asarray(values, np.float64)]


def latents(state) -> dict[str, list]:
  """The fields of a state as lists."""
  return {k: rounded(v, LATENT) for k, v in state._asdict().items()}
