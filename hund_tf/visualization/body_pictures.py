"""Pictures of the body model itself: its parts, shapes and poses."""

import numpy as np
from PIL import Image, ImageDraw

from hund_tf import types
from hund_tf.body import parts, skeleton
from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.geometry import rotation
from hund_tf.rendering.rasterize import rasterize

_SKIN = (0.80, 0.74, 0.70)
_LIGHT = np.array([-0.35, -0.45, -0.82])  # towards the light, camera frame
_AMBIENT = 0.35
_PART_COLORS = np.array(
  [
    (255, 255, 255),
    (225, 105, 100),
    (240, 150, 50),
    (235, 215, 80),
    (150, 200, 60),
    (50, 120, 40),
    (30, 170, 60),
    (110, 225, 180),
    (40, 205, 220),
    (70, 140, 220),
    (50, 60, 200),
    (140, 110, 225),
    (150, 40, 200),
    (225, 130, 225),
    (220, 50, 130),
  ],
  np.float32,
)
# Facing the camera; the other views turn the body about the vertical.
_FRONT = np.diag([1.0, -1.0, -1.0]).astype(np.float32)
# Joint -> rotation vector in degrees. The left side is spelled out; '*_' means
# both sides, the right being the mirror image.
_POSES = {
  "zero": {},
  "elbows 90": {"*_elbow": (0, -90, 0)},
  "arms down": {"*_shoulder": (0, 0, -75)},
  "arms up": {"*_shoulder": (0, 0, 60), "*_clavicle": (0, 0, 20)},
  "arms rolled 90": {"*_shoulder": (90, 0, 0)},
  "wrists rolled 90": {"*_wrist": (90, 0, 0)},
  "sitting": {"*_hip": (-90, 0, 0), "*_knee": (90, 0, 0)},
  "legs apart, turned": {"*_hip": (0, 45, 25)},
  "bending": {
    **{f"spine{k}": (20, 0, 0) for k in (1, 2, 3, 4)},
    "*_shoulder": (0, -70, 0),
  },
  "spine turned": {f"spine{k}": (0, 18, 0) for k in (1, 2, 3, 4)},
  "head": {"neck1": (10, 20, 0), "neck2": (10, 20, 0), "head": (5, 20, 15)},
  "fists": {
    f"*_{finger}{k}": (0, 0, -70)
    for finger in skeleton.FINGERS[1:]
    for k in (1, 2, 3)
  },
}


def turned(degrees: float) -> np.ndarray:
  """`[3, 3]` body to camera, the body turned about the vertical."""
  angle = np.radians(degrees)
  c, s = np.cos(angle), np.sin(angle)
  turn = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]], np.float32)
  return _FRONT @ turn


def draw_body(
  vertices: np.ndarray,
  faces: np.ndarray,
  colors: np.ndarray,
  size: tuple[int, int],
  metres: float,
  oversample: int = 2,
) -> np.ndarray:
  """Draws a mesh from the front, without perspective, on white.

  Args:
    vertices: `[V, 3]` metres, camera frame, centred at the picture's middle.
    faces: `[F, 3]`.
    colors: `[F, 3]` in 0..255.
    size: height and width of the picture, pixels.
    metres: height of the picture, metres.
    oversample: samples per pixel along each side.

  Returns:
    `[H, W, 3]` uint8.
  """
  height, width = (oversample * n for n in size)
  scale = height / metres
  corners = vertices[faces]
  normals = np.cross(
    corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
  )
  normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-12
  shade = _AMBIENT + (1 - _AMBIENT) * np.clip(normals @ _LIGHT, 0, 1)
  points = vertices * [scale, scale, 1.0] + [width / 2, height / 2, 10.0]
  seen = rasterize(points, faces, height, width).triangle_index
  lit = np.concatenate([colors * shade[:, None], [[255.0] * 3]])
  picture = lit[seen].reshape(size[0], oversample, size[1], oversample, 3)
  return picture.mean(axis=(1, 3)).clip(0, 255).astype(np.uint8)


def _posed(
  model: BodyModel,
  rotations: np.ndarray,
  shape: np.ndarray,
  view: float,
) -> np.ndarray:
  """Vertices `[V, 3]` of the full mesh, its middle at the origin."""
  output = model.pose(
    tf.constant(rotations[None], tf.float32),
    tf.constant(shape[None], tf.float32),
    tf.zeros([1, types.EXPRESSION_DIM]),
    tf.constant(turned(view)[None]),
    tf.zeros([1, 3]),
  )
  return output.vertices[0].numpy()


def rotations_of(pose: dict[str, tuple[float, float, float]]) -> np.ndarray:
  """`[63, 3, 3]` of rotation vectors in degrees by joint; `*_`: both sides."""
  vectors = np.zeros([types.NUM_JOINTS, 3], np.float32)
  for name, degrees in pose.items():
    vector = np.radians(degrees)
    if name.startswith("*_"):
      vectors[skeleton.INDEX["l_" + name[2:]]] = vector
      vectors[skeleton.INDEX["r_" + name[2:]]] = vector * [1, -1, -1]
    else:
      vectors[skeleton.INDEX[name]] = vector
  return rotation.from_rotation_vector(tf.constant(vectors)).numpy()


def _label(picture: np.ndarray, text: str) -> np.ndarray:
  image = Image.fromarray(picture)
  ImageDraw.Draw(image).text((6, 4), text, fill=(60, 60, 60))
  return np.asarray(image)


def _grid(pictures: list[np.ndarray], columns: int) -> np.ndarray:
  rows = [
    np.concatenate(pictures[i : i + columns], axis=1)
    for i in range(0, len(pictures), columns)
  ]
  return np.concatenate(rows, axis=0)


def parts_picture(model: BodyModel) -> np.ndarray:
  """The part labels from the front, the back and the left, with a legend."""
  faces = model.faces()
  labels = model.part_labels()[faces]
  face_labels = np.sort(labels, axis=1)[:, 1]
  colors = _PART_COLORS[face_labels]
  identity = rotations_of({"*_shoulder": (0, 0, -40)})
  shape = np.zeros(types.SHAPE_DIM)
  pictures = []
  for name, view in (("front", 0), ("back", 180), ("left", -90)):
    vertices = _posed(model, identity, shape, view)
    vertices = vertices - [0, 0.05, 0]
    picture = draw_body(vertices, faces, colors, (560, 440), 1.9)
    pictures.append(_label(picture, name))
  legend = Image.new("RGB", (200, 560), "white")
  draw = ImageDraw.Draw(legend)
  for i, name in enumerate(parts.NAMES[1:], start=1):
    color = tuple(int(c) for c in _PART_COLORS[i])
    draw.rectangle((10, 20 + 30 * i, 30, 40 + 30 * i), fill=color)
    draw.text((40, 25 + 30 * i), f"{i} {name}", fill=(60, 60, 60))
  return np.concatenate([*pictures, np.asarray(legend)], axis=1)


def shapes_picture(model: BodyModel, seed: int = 0) -> np.ndarray:
  """Sixteen bodies drawn from the shape prior, on one scale."""
  rng = np.random.default_rng(seed)
  faces = model.faces()
  colors = np.tile(255 * np.array(_SKIN), (len(faces), 1))
  pose = rotations_of({"*_shoulder": (0, 0, -60)})
  pictures = []
  for _ in range(16):
    vertices = _posed(model, pose, rng.normal(size=types.SHAPE_DIM), 20)
    vertices = vertices - [0, vertices[:, 1].max() - 1.0, 0]  # on the floor
    pictures.append(draw_body(vertices, faces, colors, (320, 180), 2.1))
  return _grid(pictures, 8)


def poses_picture(model: BodyModel) -> np.ndarray:
  """The mean body in poses that show each kind of joint bending."""
  faces = model.faces()
  colors = np.tile(255 * np.array(_SKIN), (len(faces), 1))
  pictures = []
  for name, pose in _POSES.items():
    vertices = _posed(model, rotations_of(pose), np.zeros(types.SHAPE_DIM), 25)
    picture = draw_body(vertices + [0, 0.08, 0], faces, colors, (380, 360), 2.3)
    pictures.append(_label(picture, name))
  return _grid(pictures, 4)
