"""Patterns in space, for surfaces without texture coordinates.

Everything is a pure function of a position, so patterns need no pictures and
look the same from everywhere.
"""

import enum
import math

import numpy as np

from hund_tf.rendering.compiled import compiled


class Pattern(enum.IntEnum):
  """How the two colours of a material are mixed."""

  PLAIN = 0  # the first colour only
  STRIPES = 1  # level surfaces of x + y + z
  CHECKS = 2
  BLOTCHES = 3  # camouflage, stains, hair
  DOTS = 4
  PLAID = 5
  BRICKS = 6
  PRINT = 7  # a blotchy disc around the origin


# Plain numbers for the compiled code.
_STRIPES = int(Pattern.STRIPES)
_CHECKS = int(Pattern.CHECKS)
_BLOTCHES = int(Pattern.BLOTCHES)
_DOTS = int(Pattern.DOTS)
_PLAID = int(Pattern.PLAID)
_BRICKS = int(Pattern.BRICKS)
_PRINT = int(Pattern.PRINT)


@compiled
def _lattice(x, y, z, seed):
  """A value in [0, 1) of an integer lattice point."""
  h = np.uint32(x) * np.uint32(374761393)
  h += np.uint32(y) * np.uint32(668265263)
  h += np.uint32(z) * np.uint32(2147483647) + np.uint32(seed)
  h = (h ^ (h >> np.uint32(13))) * np.uint32(1274126177)
  h = h ^ (h >> np.uint32(16))
  return np.float32(h & np.uint32(0xFFFFFF)) / np.float32(16777216.0)


@compiled
def value_noise(x, y, z, seed):
  """Smooth noise in [0, 1] with features of about unit size."""
  fx, fy, fz = math.floor(x), math.floor(y), math.floor(z)
  ix, iy, iz = np.int64(fx), np.int64(fy), np.int64(fz)
  u, v, w = x - fx, y - fy, z - fz
  u, v, w = u * u * (3 - 2 * u), v * v * (3 - 2 * v), w * w * (3 - 2 * w)
  total = 0.0
  for i in range(2):
    along_x = u if i else 1 - u
    for j in range(2):
      along_y = v if j else 1 - v
      near = _lattice(ix + i, iy + j, iz, seed)
      far = _lattice(ix + i, iy + j, iz + 1, seed)
      total += along_x * along_y * (near * (1 - w) + far * w)
  return total


@compiled
def noise_at(points, frequency, seed):
  """`value_noise` of `points` [N, 3] times `frequency`, minus 0.5: [N]."""
  result = np.empty(points.shape[0], np.float32)
  for i in range(points.shape[0]):
    x, y, z = points[i, 0], points[i, 1], points[i, 2]
    noise = value_noise(x * frequency, y * frequency, z * frequency, seed)
    result[i] = noise - 0.5
  return result


@compiled
def _fraction(x):
  return x - math.floor(x)


@compiled
def mixing(pattern, x, y, z, seed):
  """Share of the second colour in [0, 1] at a point in units of the pattern."""
  if pattern == _STRIPES:
    return 1.0 if _fraction(x + y + z) < 0.5 else 0.0
  if pattern == _CHECKS:
    odd = math.floor(x) + math.floor(y) + math.floor(z)
    return 1.0 if _fraction(odd * 0.5) > 0.25 else 0.0
  if pattern == _BLOTCHES:
    noise = 0.65 * value_noise(x, y, z, seed)
    noise += 0.35 * value_noise(2.3 * x, 2.3 * y, 2.3 * z, seed + 1)
    return min(max((noise - 0.45) * 8.0, 0.0), 1.0)
  if pattern == _DOTS:
    u, v = _fraction(x) - 0.5, _fraction(y) - 0.5
    return 1.0 if u * u + v * v < 0.08 else 0.0
  if pattern == _PLAID:
    first = 0.5 if _fraction(x) < 0.4 else 0.0
    return first + (0.5 if _fraction(y) < 0.4 else 0.0)
  if pattern == _BRICKS:
    shifted = x + 0.5 * (math.floor(y * 2) % 2)
    gap = _fraction(shifted) < 0.06 or _fraction(y * 2) < 0.1
    return 1.0 if gap else 0.0
  if pattern == _PRINT:
    if x * x + y * y > 1.0:
      return 0.0
    return 1.0 if value_noise(3 * x, 3 * y, 0.0, seed) > 0.42 else 0.0
  return 0.0
