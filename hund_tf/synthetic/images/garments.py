"""Clothes: which layer covers which vertex, how thick, of what material.

Heights are those of the mean body at rest, see `body_surface`.
"""

import dataclasses

import numpy as np

from hund_tf.rendering import patterns
from hund_tf.rendering.patterns import Pattern
from hund_tf.rendering.surfaces import Material
from hund_tf.synthetic.images import colors
from hund_tf.synthetic.images.body_surface import BodySurface

_NECK = np.array([0.0, 0.49, 0.015])  # middle of necklines
_WAIST, _CROTCH, _KNEE, _ANKLE = 0.06, -0.11, -0.405, -0.80
_EDGE = 0.03  # metres over which cloth rises from the skin
_LONG_SLEEVE = 0.45


@dataclasses.dataclass(frozen=True)
class Garment:
  """A layer of cloth over the body's vertices."""

  field: np.ndarray  # [V] metres, positive inside
  offset: np.ndarray  # [V] metres off the skin
  material: Material


@dataclasses.dataclass(frozen=True)
class SkirtCut:
  """A skirt that hangs from the waist."""

  hem: float  # height, metres
  flare: float  # metres wider at the hem
  material: Material


@dataclasses.dataclass(frozen=True)
class Outfit:
  """What a person wears, from the outside to the inside."""

  jacket: Garment | None
  top: Garment
  bottom: Garment
  shoes: Garment | None
  socks: Garment | None
  skirt: SkirtCut | None


def dress(random: np.random.Generator, body: BodySurface) -> Outfit:
  """Draws the clothes of a person."""
  skirt = None
  kind = random.choice(
    ["trousers", "shorts", "tight", "skirt", "dress"],
    p=[0.45, 0.2, 0.12, 0.13, 0.1],
  )
  waist = _WAIST + random.uniform(-0.05, 0.06)
  cloth = _material(random)
  if kind in ("skirt", "dress"):
    hem = random.uniform(_KNEE - 0.05, _CROTCH - 0.06)
    skirt = SkirtCut(hem, random.uniform(0.0, 0.12), cloth)
    bottom = _bottom(random, body, waist, hem + 0.08, 0.003, cloth)
  else:
    cut = _ANKLE + random.uniform(-0.04, 0.08)
    if kind == "shorts" or (kind == "tight" and random.random() < 0.3):
      cut = random.uniform(_KNEE - 0.04, _CROTCH - 0.04)
    loose = 0.004 if kind == "tight" else random.uniform(0.006, 0.028)
    bottom = _bottom(random, body, waist, cut, loose, cloth)
  tucked = kind in ("skirt", "dress") or random.random() < 0.3
  hem = waist - 0.02 if tucked else random.uniform(-0.12, waist - 0.02)
  top = _top(random, body, hem, cloth if kind == "dress" else _material(random))
  jacket = None
  if random.random() < 0.25 and kind != "dress":
    jacket = _jacket(random, body, hem - random.uniform(0.0, 0.15))
  shoes = _shoes(random, body) if random.random() < 0.85 else None
  socks = None
  if shoes is not None and random.random() < 0.6:
    height = random.uniform(-0.76, -0.5)
    field = np.where(body.arm, -1.0, height - body.rest[:, 1])
    socks = _garment(random, body, field, 0.003, _material(random, plain=0.8))
  return Outfit(jacket, top, bottom, shoes, socks, skirt)


def _material(random: np.random.Generator, plain: float = 0.5) -> Material:
  """Cloth of one or two colours."""
  pattern = Pattern.PLAIN
  if random.random() >= plain:
    pattern = Pattern(
      random.choice(
        [Pattern.STRIPES, Pattern.CHECKS, Pattern.BLOTCHES, Pattern.PLAID]
        + [Pattern.DOTS]
      )
    )
  base = np.exp(random.uniform(np.log(8.0), np.log(45.0)))
  frequency = np.full(3, base)
  if pattern == Pattern.STRIPES:  # upright, level or slanted
    frequency *= random.choice(
      [(1, 0, 0), (0, 1, 0), (1, 1, 0)], p=[0.3, 0.6, 0.1]
    )
  elif pattern == Pattern.DOTS:
    frequency[2] = 0.0
  return Material(
    colors.cloth(random),
    second=colors.cloth(random),
    pattern=pattern,
    frequency=tuple(frequency.tolist()),
    grain=random.uniform(0.02, 0.2),
    grain_frequency=random.uniform(80.0, 500.0),
    wrinkles=random.uniform(0.1, 0.7),
    wrinkle_frequency=random.uniform(12.0, 45.0),
    gloss=random.uniform(0.0, 0.1) if random.random() < 0.3 else 0.0,
    seed=int(random.integers(1 << 20)),
  )


def _garment(random, body, field, loose, material, extra=0.0) -> Garment:
  """Cloth `loose` metres off the skin, waved, flat at its edge."""
  seed, frequency = int(random.integers(1 << 20)), random.uniform(6.0, 14.0)
  waves = patterns.noise_at(body.rest, frequency, seed)
  rise = np.clip(field / _EDGE, 0.0, 1.0)
  offset = rise * (loose * (1.0 + 1.2 * waves) + extra)
  return Garment(field, np.maximum(offset, 0.0), material)


def _bottom(random, body, waist, cut, loose, material) -> Garment:
  height = body.rest[:, 1]
  field = np.where(body.arm, -1.0, np.minimum(waist - height, height - cut))
  flare = random.choice([0.0, 0.0, 0.02]) * (loose > 0.005)
  extra = flare * np.clip((_KNEE + 0.1 - height) / 0.4, 0.0, 1.0)
  return _garment(random, body, field, loose, material, extra)


def _torso(body, hem, sleeve, neckline) -> np.ndarray:
  """Field of cloth around the torso, down to `hem`, with sleeves."""
  below = np.where(body.arm, 1.0, body.rest[:, 1] - hem)
  neck = np.linalg.norm(body.rest - _NECK, axis=1) - neckline
  field = np.minimum(np.minimum(below, sleeve - body.sleeve), neck)
  return np.where(body.head | (body.eye > 0), -1.0, field)


def _top(random, body, hem, material) -> Garment:
  sleeve = random.choice(
    ["none", "short", "half", "long"], p=[0.2, 0.4, 0.1, 0.3]
  )
  length = {
    "none": random.uniform(-0.05, 0.0),
    "short": random.uniform(0.07, 0.2),
    "half": random.uniform(0.2, 0.36),
    "long": _LONG_SLEEVE + random.uniform(-0.02, 0.02),
  }[str(sleeve)]
  field = _torso(body, hem, length, random.uniform(0.07, 0.12))
  if random.random() < 0.25:  # a V at the neck
    x, y, z = body.rest.T
    low, wide = random.uniform(0.28, 0.38), random.uniform(0.3, 0.6)
    cut = np.abs(x) - wide * (y - low)
    field = np.where(z > 0, np.minimum(field, np.maximum(cut, low - y)), field)
  if random.random() < 0.25:
    material = dataclasses.replace(
      material,
      pattern=Pattern.PRINT,
      origin=(0.0, random.uniform(0.25, 0.33), 0.1),
      frequency=(random.uniform(8, 16), random.uniform(8, 16), 0.0),
    )
  loose = random.uniform(0.004, 0.022)
  return _garment(random, body, field, loose, material)


def _jacket(random, body, hem) -> Garment:
  """A long-sleeved layer that may stand open in front."""
  field = _torso(body, hem, _LONG_SLEEVE, random.uniform(0.075, 0.1))
  if random.random() < 0.7:
    gap = np.abs(body.rest[:, 0]) - random.uniform(0.01, 0.06)
    front = (body.rest[:, 2] > 0.03) & ~body.arm
    field = np.where(front, np.minimum(field, gap), field)
  material = _material(random, plain=0.75)
  return _garment(random, body, field, random.uniform(0.012, 0.03), material)


def _shoes(random, body) -> Garment:
  height = random.choice(
    [random.uniform(-0.85, -0.81), random.uniform(-0.8, -0.65)], p=[0.75, 0.25]
  )
  field = np.where(body.arm, -1.0, height - body.rest[:, 1])
  material = _material(random, plain=0.7)
  return _garment(random, body, field, random.uniform(0.006, 0.014), material)
