"""Poses beyond the captured ones: mirrored, recombined, and standing at rest.

Angles are `[N, 23, 3]` radians in the convention of `joint_limits.BODY`.
"""

import numpy as np

from hund_tf.body import skeleton

# Parts of the body that move independently enough to be exchanged.
_PARTS = (
  ("l_clavicle", "l_shoulder", "l_elbow", "l_wrist"),
  ("r_clavicle", "r_shoulder", "r_elbow", "r_wrist"),
  ("neck1", "neck2", "head"),
  tuple(f"{s}_{j}" for s in "lr" for j in ("hip", "knee", "ankle", "ball")),
)
_STANDING_NOISE = 4.0  # degrees


def _rows(names: tuple[str, ...]) -> list[int]:
  return [skeleton.BODY_JOINTS.index(name) for name in names]


def mirror_angles(angles: np.ndarray) -> np.ndarray:
  """Mirror image of body poses.

  Left and right joints have mirrored frames, so they swap; on the mid-line
  the turns about y and z change sign.
  """
  names = skeleton.BODY_JOINTS
  twins = [skeleton.NAMES[skeleton.MIRROR[skeleton.INDEX[n]]] for n in names]
  middle = np.array([n == twin for n, twin in zip(names, twins, strict=True)])
  signs = np.where(middle[:, None], (1.0, -1.0, -1.0), 1.0)
  return angles[:, _rows(tuple(twins))] * signs


def recombine(
  random: np.random.Generator, angles: np.ndarray, count: int
) -> np.ndarray:
  """Random poses with each part taken from another pose at 40 percent.

  Captured activities are few; arms of one with the legs of another are
  possible poses that a photo may show.
  """
  result = angles[random.integers(len(angles), size=count)].copy()
  for part in _PARTS:
    swapped = np.flatnonzero(random.random(count) < 0.4)
    donors = random.integers(len(angles), size=len(swapped))
    columns = _rows(part)
    result[np.ix_(swapped, columns)] = angles[np.ix_(donors, columns)]
  return result


def standing(random: np.random.Generator, count: int) -> np.ndarray:
  """Upright poses with the arms anywhere from hanging to a T-pose."""
  result = np.zeros((count, len(skeleton.BODY_JOINTS), 3))
  drop = random.uniform(0.0, 80.0, count)
  bend = random.uniform(0.0, 25.0, count)
  apart = random.uniform(0.0, 12.0, count)
  for side in "lr":  # right angles are mirrored left ones
    rows = _rows((f"{side}_shoulder", f"{side}_elbow", f"{side}_hip"))
    result[:, rows[0], 2] = -drop
    result[:, rows[1], 1] = -bend
    result[:, rows[2], 2] = apart
  result += random.normal(0.0, _STANDING_NOISE, result.shape)
  return np.radians(result)
