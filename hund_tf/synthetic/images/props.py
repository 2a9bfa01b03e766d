"""Things in the picture: in front of people, behind them and around them."""

import functools

import numpy as np
from scipy.spatial.transform import Rotation

from hund_tf.rendering.patterns import Pattern
from hund_tf.rendering.surfaces import Material, Surface
from hund_tf.rendering.zbuffer import vertex_normals
from hund_tf.synthetic.images import colors
from hund_tf.synthetic.solids import FACES


def prop_material(random: np.random.Generator) -> Material:
  """A material of any pattern and colours."""
  frequency = float(np.exp(random.uniform(np.log(3.0), np.log(40.0))))
  return Material(
    colors.cloth(random),
    second=colors.cloth(random),
    pattern=Pattern(random.integers(0, len(Pattern) - 1)),
    frequency=(frequency, frequency * random.uniform(0.3, 2.0), frequency),
    grain=random.uniform(0.0, 0.3),
    grain_frequency=random.uniform(20.0, 300.0),
    wrinkles=random.choice([0.0, random.uniform(0.0, 0.5)]),
    wrinkle_frequency=random.uniform(5.0, 40.0),
    gloss=random.choice([0.0, random.uniform(0.0, 0.4)]),
    seed=int(random.integers(1 << 20)),
  )


def sample_prop(
  random: np.random.Generator,
  center: np.ndarray,
  size: float,
  upright: bool = False,
) -> Surface:
  """A thing of a random shape.

  Args:
    random: stream.
    center: [3] metres, camera frame.
    size: of its larger sides, about, metres.
    upright: turned about the vertical only.
  """
  shape = random.choice(
    ["box", "post", "ball", "board"], p=[0.35, 0.2, 0.2, 0.25]
  )
  extent = size * np.exp(random.uniform(-0.7, 0.1, 3))
  if shape == "post":
    extent *= (0.2, 1.5, 0.2)
  if shape == "board":
    extent[2] *= 0.05
  vertices, faces = _box() if shape in ("box", "board") else _round(str(shape))
  rest = (vertices * extent).astype(np.float32)
  turn = Rotation.from_euler("y", random.uniform(0.0, 360.0), degrees=True)
  if not upright:
    turn = turn * Rotation.random(random_state=int(random.integers(1 << 31)))
  moved = (turn.apply(rest) + center).astype(np.float32)
  return Surface(
    moved,
    faces,
    vertex_normals(moved, faces),
    rest,
    np.zeros((len(rest), 0), np.float32),
    (prop_material(random),),
  )


def box_of(random: np.random.Generator, corners: np.ndarray) -> Surface:
  """A box of any material by its corners `[8, 3]` in the order of `solids`."""
  # Every face has corners of its own, so that edges are sharp.
  moved = corners[FACES].reshape(-1, 3).astype(np.float32)
  faces = np.arange(len(moved), dtype=np.int32).reshape(-1, 3)
  return Surface(
    moved,
    faces,
    vertex_normals(moved, faces),
    moved - moved[0],
    np.zeros((len(moved), 0), np.float32),
    (prop_material(random),),
  )


@functools.cache
def _box() -> tuple[np.ndarray, np.ndarray]:
  """A cube of side 1, each side with vertices of its own, for flat shading."""
  vertices, faces = [], []
  for axis in range(3):
    for sign in (-0.5, 0.5):
      start = len(vertices)
      for u, v in ((-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)):
        corner = np.empty(3)
        corner[axis], corner[axis - 2], corner[axis - 1] = sign, u, v
        vertices.append(corner)
      order = (0, 1, 2, 0, 2, 3) if sign > 0 else (0, 2, 1, 0, 3, 2)
      faces += [[start + k for k in order[:3]], [start + k for k in order[3:]]]
  return np.array(vertices), np.array(faces, np.int32)


@functools.cache
def _round(shape: str) -> tuple[np.ndarray, np.ndarray]:
  """A ball or a post of diameter 1 along y."""
  rings, angles = 9, 16
  polar = np.linspace(0.0, np.pi, rings)
  radius, height = np.sin(polar), -np.cos(polar)
  if shape == "post":
    radius = np.where(radius > 0.1, 1.0, 0.0)
  turn = np.arange(angles) * (2 * np.pi / angles)
  vertices = np.stack(
    [
      np.outer(radius, np.cos(turn)),
      np.repeat(height[:, None], angles, axis=1),
      np.outer(radius, np.sin(turn)),
    ],
    axis=-1,
  ).reshape(-1, 3)
  a = (np.arange(rings - 1)[:, None] * angles + np.arange(angles)).ravel()
  b = np.arange(rings - 1)[:, None] * angles + np.roll(np.arange(angles), -1)
  b = b.ravel()
  faces = np.concatenate(
    [
      np.stack([a, a + angles, b], axis=1),
      np.stack([b, a + angles, b + angles], axis=1),
    ]
  )
  return vertices / 2, faces.astype(np.int32)
