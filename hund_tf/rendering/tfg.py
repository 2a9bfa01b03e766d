"""Part maps through tensorflow_graphics' rasterize-then-splat.

The second backend of Eq. 5, for comparison with `soft` (Cole et al., ICCV 2021:
the nearest faces are rasterized, and the samples are splatted with a 3x3
Gaussian through which the gradient flows). Only faces that are seen get a
gradient. Needs the compiled op (`tfg_op`), runs on the CPU, and cannot be
compiled by XLA or exported.
"""

import math

import numpy as np
from tensorflow_graphics.rendering import interpolate, splat

from hund_tf.compat import tf
from hund_tf.rendering import tfg_op
from hund_tf.rendering.config import SoftRasterizerConfig
from hund_tf.rendering.faces import FAR, NEAR
from hund_tf.rendering.mesh import check_labelled_mesh
from hund_tf.types import NUM_PARTS

_MAX_COORDINATE = 1e4  # map pixels; positions are clipped to it
_COLOURS = 3  # channels next to alpha that are splatted at once


class TfgPartRenderer:
  """Renders part maps of one mesh topology, as `SoftPartRenderer` does."""

  def __init__(
    self,
    faces: np.ndarray,
    vertex_parts: np.ndarray,
    config: SoftRasterizerConfig | None = None,
  ):
    """Prepares the mesh; see `SoftPartRenderer`. Only `map_size` matters here.

    Raises:
      tfg_op.RasterizerOpError: if the compiled op is missing.
    """
    self._library = tfg_op.rasterization_backend()
    self._faces, parts = check_labelled_mesh(faces, vertex_parts)
    self.config = config or SoftRasterizerConfig()
    self.num_vertices = len(parts)
    self._passes = math.ceil((NUM_PARTS - 1) / _COLOURS)
    self._labels = np.eye(self._passes * _COLOURS, dtype=np.float32)[parts - 1]

  def __call__(self, vertices: tf.Tensor) -> tf.Tensor:
    """Renders part probabilities and visibility, one image at a time.

    Args:
      vertices: [B, V, 3] x, y in pixels of the map and depth in metres.

    Returns:
      [B, S, S, 16] float32, with the channels of `SoftPartRenderer`.

    Raises:
      ValueError: if the shape does not fit the mesh.
    """
    vertices = tf.cast(vertices, tf.float32)
    expected = [None, self.num_vertices, 3]
    if not vertices.shape.is_compatible_with(expected):
      raise ValueError(f"vertices: shape {vertices.shape}, expected {expected}")
    side = self.config.map_size
    signature = tf.TensorSpec([side, side, NUM_PARTS + 1], tf.float32)
    return tf.map_fn(self._render, vertices, fn_output_signature=signature)

  @tf.autograph.experimental.do_not_convert
  def _render(self, vertices):
    """Maps [S, S, 16] of one image, `vertices` [V, 3]."""
    side = self.config.map_size
    points, faces, matrix = self._clip_space(vertices)
    frame = self._library.rasterize(
      points[tf.newaxis],
      faces,
      matrix[tf.newaxis],
      (side, side),
      enable_cull_face=False,
      backend=self._library.RasterizationBackends.CPU,
    )
    clip = tf.matmul(_homogeneous(points), matrix, transpose_b=True)
    clip = interpolate.interpolate_vertex_attribute(
      clip[tf.newaxis], frame, (0.0, 0.0, 1.0, 1.0)
    ).value[0]  # [1, S, S, 4]
    scale = 0.5 * np.array([side, side, 1.0], np.float32)
    position = (clip[..., :3] / clip[..., 3:] + 1.0) * scale
    labels = interpolate.interpolate_vertex_attribute(self._labels, frame)
    mask = frame.foreground_mask[0]

    def splat_pass(colours):
      rgba = tf.concat([colours, mask], axis=-1)
      return splat.splat_at_pixel_centers((position, rgba))[0]

    passes = [
      splat_pass(colours)
      for colours in tf.split(labels.value[0], self._passes, axis=-1)
    ]
    alpha = passes[0][..., _COLOURS:]
    colours = tf.concat([image[..., :_COLOURS] for image in passes], axis=-1)
    parts = colours[..., : NUM_PARTS - 1]
    return tf.concat([1.0 - alpha, parts, alpha], axis=-1)

  def _clip_space(self, vertices):
    """Points [V, 3], faces [F, 3] and matrix [4, 4] for tensorflow_graphics.

    Faces that are not to be drawn are collapsed to a point. Depths are scaled
    to at most 1, where the op is most accurate; rows follow +y of NDC.
    """
    side = float(self.config.map_size)
    finite = tf.reduce_all(tf.math.is_finite(vertices), axis=-1, keepdims=True)
    vertices = tf.where(finite, vertices, 0.0)
    xy = tf.clip_by_value(vertices[:, :2], -_MAX_COORDINATE, _MAX_COORDINATE)
    depth = tf.clip_by_value(vertices[:, 2:], NEAR, FAR)
    corners = tf.gather(tf.stop_gradient(xy), self._faces)
    on_map = (tf.reduce_max(corners, axis=1) > 0.0) & (
      tf.reduce_min(corners, axis=1) < side
    )
    in_front = tf.gather(vertices[:, 2] > NEAR, self._faces)
    drawn = tf.reduce_all(tf.concat([on_map, in_front], axis=1), axis=1)
    faces = tf.where(drawn[:, tf.newaxis], self._faces, 0)
    depth /= tf.stop_gradient(tf.reduce_max(depth))
    near = 0.99 * tf.stop_gradient(tf.reduce_min(depth))
    far = 1.01
    stretch = 1.0 / (far - near)
    zero, one = tf.zeros([]), tf.ones([])
    matrix = tf.stack(
      [
        tf.stack([one, zero, zero, zero]),
        tf.stack([zero, one, zero, zero]),
        tf.stack(
          [zero, zero, (far + near) * stretch, -2 * far * near * stretch]
        ),
        tf.stack([zero, zero, one, zero]),
      ]
    )
    points = tf.concat([(xy * (2.0 / side) - 1.0) * depth, depth], axis=-1)
    return points, faces, matrix


def _homogeneous(points):
  return tf.concat([points, tf.ones_like(points[..., :1])], axis=-1)
