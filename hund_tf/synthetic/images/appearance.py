"""A person's looks: skin, face, hair and clothes as layers over the body."""

from typing import NamedTuple

import numpy as np

from hund_tf.rendering import patterns
from hund_tf.rendering.patterns import Pattern
from hund_tf.rendering.surfaces import Material
from hund_tf.synthetic.images import colors, garments
from hund_tf.synthetic.images.body_surface import BodySurface
from hund_tf.synthetic.images.garments import Garment, SkirtCut

_IRIS_RADIUS, _PUPIL_RADIUS = 0.0062, 0.0028  # metres


class Appearance(NamedTuple):
  """What covers a body's vertices."""

  layers: np.ndarray  # [V, L - 1] positive where the layer is
  materials: tuple[Material, ...]  # L, the last is the skin's
  offset: np.ndarray  # [V] metres off the skin, along the normals
  skirt: SkirtCut | None


def sample_appearance(
  random: np.random.Generator, body: BodySurface
) -> Appearance:
  """Draws the looks of a person."""
  skin = colors.skin(random)
  hair = colors.hair(random)
  outfit = garments.dress(random, body)
  layers = [_hat(random, body), _hair(random, body, hair)]
  layers += [outfit.jacket, outfit.top, outfit.bottom]
  layers += [outfit.shoes, outfit.socks]
  layers += _face(random, body, skin, hair)
  worn = [layer for layer in layers if layer is not None]
  base = Material(
    skin,
    second=colors.scaled(skin, random.uniform(0.85, 1.1)),
    pattern=Pattern.BLOTCHES,
    frequency=(25.0, 25.0, 25.0),
    grain=0.05,
    gloss=random.uniform(0.02, 0.12),
    seed=int(random.integers(1 << 20)),
  )
  offset = np.max([layer.offset for layer in worn], axis=0)
  return Appearance(
    np.stack([layer.field for layer in worn], axis=1).astype(np.float32),
    (*(layer.material for layer in worn), base),
    offset.astype(np.float32),
    outfit.skirt,
  )


def _flat(field: np.ndarray, material: Material) -> Garment:
  """A layer that is painted on."""
  return Garment(field, np.zeros_like(field), material)


def _hat(random: np.random.Generator, body: BodySurface) -> Garment | None:
  """A cap or a beanie, on some heads."""
  if random.random() >= 0.12:
    return None
  field = body.scalp - random.uniform(0.0, 0.03)
  field = np.where(body.rest[:, 1] > random.uniform(0.68, 0.71), field, -1.0)
  material = Material(
    colors.cloth(random),
    second=colors.cloth(random),
    pattern=Pattern(random.choice([Pattern.PLAIN, Pattern.STRIPES])),
    frequency=(0.0, random.uniform(10, 40), 0.0),
    grain=0.15,
    wrinkles=0.2,
    seed=int(random.integers(1 << 20)),
  )
  rise = np.clip(field / 0.01, 0.0, 1.0)
  return Garment(field, rise * random.uniform(0.015, 0.03), material)


def _hair(
  random: np.random.Generator, body: BodySurface, color: colors.Color
) -> Garment | None:
  """Short, full or long hair; none on some heads."""
  kind = random.choice(
    ["none", "stubble", "short", "full", "long"], p=[0.06, 0.1, 0.34, 0.2, 0.3]
  )
  if kind == "none":
    return None
  field = body.scalp + random.uniform(-0.012, 0.008)
  thick = {
    "stubble": 0.0,
    "short": random.uniform(0.006, 0.018),
    "full": random.uniform(0.018, 0.045),
    "long": random.uniform(0.012, 0.03),
  }[str(kind)]
  if kind == "long":
    end = random.uniform(0.3, 0.5)
    field = np.maximum(field, np.minimum(body.nape, body.rest[:, 1] - end))
  seed = int(random.integers(1 << 20))
  noise = patterns.noise_at(body.rest, random.uniform(20.0, 60.0), seed)
  field = field + 0.012 * noise
  offset = np.clip(field / 0.02, 0.0, 1.0) * thick * (1.0 + 1.2 * noise)
  streaks = random.uniform(0.6, 1.6)
  material = Material(
    color,
    second=colors.scaled(color, streaks),
    pattern=Pattern.BLOTCHES,
    frequency=(220.0, 40.0, 220.0),
    grain=0.35,
    grain_frequency=400.0,
    wrinkles=random.uniform(0.3, 0.8),
    wrinkle_frequency=random.uniform(60.0, 150.0),
    gloss=random.uniform(0.0, 0.2),
    seed=seed,
  )
  return Garment(field, np.maximum(offset, 0.0), material)


def _face(
  random: np.random.Generator,
  body: BodySurface,
  skin: colors.Color,
  hair: colors.Color,
) -> list[Garment]:
  """Lips, brows, eyes and perhaps a beard."""
  red = np.array(skin) * (random.uniform(0.7, 1.0), 0.5, 0.5)
  if random.random() < 0.2:  # lipstick
    red = np.array((random.uniform(0.3, 0.6), 0.03, 0.06))
  lips = Material(tuple(red.tolist()), gloss=0.15)
  brow = Material(colors.scaled(hair, 0.7), grain=0.3)
  white = Material((0.75, 0.73, 0.7), gloss=0.3)
  result = [
    _flat(body.lips, lips),
    _flat(body.brows + random.uniform(0.0035, 0.006), brow),
  ]
  if random.random() < 0.25:
    noise = patterns.noise_at(body.rest, 40.0, int(random.integers(1 << 20)))
    field = body.jaw + 0.01 * noise + random.uniform(-0.02, 0.0)
    rise = np.clip(field / 0.01, 0.0, 1.0) * random.uniform(0.0, 0.012)
    beard = Material(
      colors.scaled(hair, 0.9), grain=0.4, wrinkles=0.5, wrinkle_frequency=120
    )
    result.append(Garment(field, rise, beard))
  result += [
    _flat(body.iris + _PUPIL_RADIUS, Material((0.01, 0.01, 0.01), gloss=0.5)),
    _flat(body.iris + _IRIS_RADIUS, Material(colors.iris(random), gloss=0.3)),
    _flat(body.eye, white),
  ]
  return result
