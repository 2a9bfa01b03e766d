"""Colours of skin, hair and cloth, in linear RGB."""

import colorsys

import numpy as np

Color = tuple[float, float, float]

# sRGB in [0, 255], from fair to dark.
_SKIN = ((250, 218, 196), (230, 185, 154), (196, 145, 108), (141, 95, 66))
_DARK_SKIN = ((105, 68, 48), (66, 42, 32))
_HAIR = (
  (18, 14, 12),
  (45, 30, 22),
  (90, 60, 40),
  (140, 100, 60),
  (200, 165, 110),
  (120, 55, 30),
  (150, 148, 145),
  (225, 222, 218),
)
_IRIS = ((70, 45, 28), (110, 80, 45), (80, 110, 80), (90, 125, 160))
_CLOTH = (
  (240, 240, 238),
  (25, 25, 28),
  (120, 120, 125),
  (45, 62, 98),
  (88, 110, 145),
  (190, 170, 140),
  (80, 70, 55),
)


def to_linear(srgb: np.ndarray) -> np.ndarray:
  """Linear values in [0, 1] of sRGB values in [0, 255]."""
  values = np.asarray(srgb, np.float32) / np.float32(255.0)
  low = values / np.float32(12.92)
  high = ((values + np.float32(0.055)) / np.float32(1.055)) ** np.float32(2.4)
  return np.where(values <= 0.04045, low, high)


def to_srgb(linear: np.ndarray) -> np.ndarray:
  """sRGB values in [0, 255] of linear values, clipped; float32."""
  values = np.clip(linear, 0.0, 1.0).astype(np.float32)
  high = np.float32(1.055) * values ** np.float32(1 / 2.4) - np.float32(0.055)
  return np.float32(255.0) * np.where(values <= 0.0031308, 12.92 * values, high)


def _linear(srgb) -> Color:
  red, green, blue = to_linear(np.clip(srgb, 0, 255)).tolist()
  return red, green, blue


def _pick(random: np.random.Generator, table, spread: float) -> Color:
  base = np.array(table[random.integers(len(table))], float)
  return _linear(base * random.normal(1.0, spread, 3) + random.normal(0, 4, 3))


def skin(random: np.random.Generator) -> Color:
  """A colour between two neighbours of the table, dark ones as often."""
  table = np.array(_SKIN + _DARK_SKIN, float)
  place = random.uniform(0, len(table) - 1)
  first = int(place)
  share = place - first
  base = (1 - share) * table[first] + share * table[first + 1]
  return _linear(base * random.normal(1.0, 0.03, 3))


def hair(random: np.random.Generator) -> Color:
  """A natural hair colour, rarely a dyed one."""
  if random.random() < 0.04:
    return cloth(random)
  return _pick(random, _HAIR, 0.08)


def iris(random: np.random.Generator) -> Color:
  """A colour of the iris."""
  return _pick(random, _IRIS, 0.1)


def cloth(random: np.random.Generator) -> Color:
  """White, black, grey, denim and beige half of the time, else any hue."""
  if random.random() < 0.5:
    return _pick(random, _CLOTH, 0.08)
  rgb = colorsys.hsv_to_rgb(
    random.random(), random.uniform(0.2, 0.95), random.uniform(0.25, 0.95)
  )
  return _linear(255.0 * np.array(rgb))


def scaled(color: Color, factor: float) -> Color:
  """The colour made darker or brighter, at most 1."""
  red, green, blue = (min(factor * value, 1.0) for value in color)
  return red, green, blue
