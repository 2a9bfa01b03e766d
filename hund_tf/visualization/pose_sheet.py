"""A sheet of bodies in poses sampled from the pose priors."""

import os

import numpy as np
from tensorflow_graphics.geometry.representation.mesh import normals

from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.files import write_png
from hund_tf.rendering.rasterize import rasterize

_CELL = (240, 200)  # pixels, height and width
_ROWS, _COLUMNS = 5, 8
_DISTANCE = 4.0  # metres from the camera to the pelvis
_FOCAL = 420.0  # pixels
_SKIN = np.array([222.0, 184.0, 158.0])
_LIGHT = np.array([-0.35, -0.5, -0.8])  # towards the light, camera frame


def draw_samples(
  model: BodyModel, path: str | os.PathLike, seed: int = 7
) -> None:
  """Draws 40 bodies with latents from N(0, I), facing the camera.

  Args:
    model: the body; its pose priors are sampled.
    path: the PNG to write.
    seed: of the latents; the same seed gives the same picture.
  """
  count = _ROWS * _COLUMNS
  latents = [
    tf.random.stateless_normal([count, flow.config.dim], [seed, i])
    for i, flow in enumerate(model.pose_prior.flows)
  ]
  draw_poses(model, model.pose_prior.decode(*latents), path)


def draw_poses(
  model: BodyModel, rotations: tf.Tensor, path: str | os.PathLike
) -> None:
  """Draws poses `[N, 63, 3, 3]` as a sheet of 8 columns."""
  count = rotations.shape[0]
  # Half a turn about x: the body's y up, z forward faces the camera.
  facing = tf.tile(tf.linalg.diag([[1.0, -1.0, -1.0]]), [count, 1, 1])
  posed = model.pose(
    rotations,
    tf.zeros([count, 16]),
    tf.zeros([count, 20]),
    facing,
    tf.tile([[0.0, 0.0, _DISTANCE]], [count, 1]),
    mesh="lite",
  )
  faces = model.faces("lite")
  shading = np.asarray(
    normals.vertex_normals(posed.vertices, tf.tile(faces[None], [count, 1, 1]))
  )
  height, width = _CELL
  rows = -(-count // _COLUMNS)
  sheet = np.full((rows * height, _COLUMNS * width, 3), 255, np.uint8)
  for i, vertices in enumerate(posed.vertices.numpy()):
    y, x = divmod(i, _COLUMNS)
    sheet[y * height : (y + 1) * height, x * width : (x + 1) * width] = (
      _draw_body(vertices, faces, shading[i])
    )
  write_png(path, sheet)


def _draw_body(
  vertices: np.ndarray, faces: np.ndarray, shading: np.ndarray
) -> np.ndarray:
  """One shaded body, `[H, W, 3]` uint8, on white."""
  height, width = _CELL
  middle = 0.5 * (vertices[:, :2].min(0) + vertices[:, :2].max(0))
  center = np.array([width / 2, height / 2]) - _FOCAL * middle / _DISTANCE
  projected = vertices.copy()
  projected[:, :2] = _FOCAL * vertices[:, :2] / vertices[:, 2:] + center
  seen = rasterize(projected, faces, height, width)
  corners = faces[np.maximum(seen.triangle_index, 0)]
  normal = np.einsum("hwk,hwkc->hwc", seen.barycentrics, shading[corners])
  light = _LIGHT / np.linalg.norm(_LIGHT)
  lit = 0.35 + 0.65 * np.clip(normal @ light, 0.0, 1.0)
  color = np.where(
    seen.triangle_index[..., None] >= 0, lit[..., None] * _SKIN, 255
  )
  return color.astype(np.uint8)
