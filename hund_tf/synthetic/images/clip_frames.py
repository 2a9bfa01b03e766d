"""Frames of a clip of walking people, drawn like photos."""

from collections.abc import Iterator

import cv2
import numpy as np

from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.rendering import deferred
from hund_tf.rendering.deferred import Lighting
from hund_tf.rendering.surfaces import Surface, join
from hund_tf.rendering.zbuffer import draw_faces, vertex_normals
from hund_tf.synthetic.clips import HEIGHT, WIDTH, Clip
from hund_tf.synthetic.images import backgrounds, colors, placement
from hund_tf.synthetic.images.appearance import Appearance, sample_appearance
from hund_tf.synthetic.images.body_surface import make_body_surface
from hund_tf.types import state_from_vector

_FLOOR = 1.25  # metres below the camera
_LIGHT = Lighting(
  np.array([-0.45, -0.75, -0.49]) / np.linalg.norm([0.45, 0.75, 0.49]),
  np.array([1.0, 0.97, 0.92]),
  np.array([0.5, 0.52, 0.56]),
  np.array([0.3, 0.28, 0.26]),
  0.7,
)


def draw_clip(
  body_model: BodyModel, clip: Clip, seed: int = 0
) -> Iterator[np.ndarray]:
  """The frames `[720, 1280, 3]` uint8 RGB of a clip."""
  body = make_body_surface(body_model)
  looks = [_trousers(seed * 100 + i, body) for i in range(len(clip.states))]
  intrinsics = np.concatenate([np.asarray(x) for x in clip.intrinsics])
  behind = _background(seed, intrinsics)
  for frame in range(len(clip.seconds)):
    states = tf.constant(clip.states[:, frame], tf.float32)
    posed = body_model.decode(state_from_vector(states))
    scene = join(
      [
        _surface(body, look, vertices)
        for look, vertices in zip(looks, posed.vertices.numpy(), strict=True)
      ]
    )
    samples = placement.project(scene.vertices, 2.0 * intrinsics)
    seen = draw_faces(samples, scene.faces, 2 * HEIGHT, 2 * WIDTH)
    linear = deferred.shade(seen, scene, intrinsics, _LIGHT, behind)
    noise = np.random.default_rng([seed, frame]).normal(0, 2.0, linear.shape)
    srgb = colors.to_srgb(np.clip(linear, 0.0, 1.0)) + noise
    yield np.clip(np.round(srgb), 0, 255).astype(np.uint8)


def _trousers(seed: int, body) -> Appearance:
  """The looks of somebody without a skirt."""
  random = np.random.default_rng(seed)
  while (looks := sample_appearance(random, body)).skirt is not None:
    pass
  return looks


def _background(seed: int, intrinsics: np.ndarray) -> np.ndarray:
  """A room `[720, 1280, 3]` float32 linear RGB."""
  random = np.random.default_rng(seed)
  shifted = intrinsics + [0.0, 0.0, 0.0, (WIDTH - HEIGHT) / 2.0]
  image = backgrounds.procedural_background(random, WIDTH, shifted, _FLOOR)
  top = (WIDTH - HEIGHT) // 2
  return cv2.GaussianBlur(image[top : top + HEIGHT], (0, 0), 1.0)


def _surface(body, looks: Appearance, vertices: np.ndarray) -> Surface:
  normals = vertex_normals(vertices, body.faces)
  worn = vertices + looks.offset[:, None] * normals
  return Surface(
    worn,
    body.faces,
    vertex_normals(worn, body.faces),
    body.rest,
    looks.layers,
    looks.materials,
  )
