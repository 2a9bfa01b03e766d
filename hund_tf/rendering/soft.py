"""Differentiable part maps of a mesh, for Eq. 5, in pure TensorFlow.

A soft rasterizer in the manner of SoftRas (Liu et al., ICCV 2019): every face
covers every pixel near it to a degree that falls off with the distance to the
face, and the faces of a pixel are blended by a softmax over depth. A face
touches few pixels, so each is evaluated on a square *window* of pixels around
it, and the windows are reduced into the maps with segment sums and maxima.
Shapes are static and the gradient is written by hand (`face_windows`): it
recomputes the terms of the pairs (face, pixel) and stores sums per pixel only.

With d the distance in pixels from a pixel's centre to a face's outline, s = 1
inside and -1 outside, and c the cut-off:

  coverage  D = max(sigmoid(s d^2 / sigma) - sigmoid(-c), 0)
                / (1 - sigmoid(-c))
  alpha       = 1 - prod_faces (1 - D)
  part        = alpha * sum_faces w * label / sum_faces w
  w           = D exp(-depth / gamma)

where label and depth are interpolated perspective-correctly. D reaches zero at
the cut-off without a step, so the maps are continuous in the vertices.
"""

import numpy as np

from hund_tf.compat import tf
from hund_tf.rendering.config import SoftRasterizerConfig
from hund_tf.rendering.face_windows import accumulate, accumulate_gradient
from hund_tf.rendering.faces import (
  NUM_LABELS,
  FaceEquations,
  assign_windows,
  gather_gradient,
  prepare_faces,
)
from hund_tf.rendering.mesh import check_labelled_mesh

__all__ = ["SoftPartRenderer", "SoftRasterizerConfig"]


class SoftPartRenderer:
  """Renders soft part maps of one mesh topology (Eq. 5)."""

  def __init__(
    self,
    faces: np.ndarray,
    vertex_parts: np.ndarray,
    config: SoftRasterizerConfig | None = None,
  ):
    """Prepares the mesh.

    Args:
      faces: [F, 3] vertex indices; the winding does not matter.
      vertex_parts: [V] part of each vertex, 1..14 (`hund_tf.body.parts`).
      config: settings.

    Raises:
      ValueError: if a shape, an index or a part is out of range.
    """
    faces, parts = check_labelled_mesh(faces, vertex_parts)
    corner_parts = parts[faces] - 1
    mixed = (corner_parts != corner_parts[:, :1]).any(axis=1)
    # Faces of a single part come last: they add to one label, not to three.
    order = np.argsort(~mixed, kind="stable")
    self.config = config or SoftRasterizerConfig()
    self.num_vertices = len(parts)
    self._faces = faces[order]
    # Edge k lies opposite to corner k + 2.
    self._labels = np.roll(corner_parts[order], 1, axis=1)
    self._num_mixed = int(mixed.sum())

  def __call__(self, vertices: tf.Tensor) -> tf.Tensor:
    """Renders part probabilities and visibility.

    Computed in float32 whatever the type of `vertices`. Vertices that are not
    finite, and faces with a vertex less than `faces.NEAR` in front of
    the camera, are left out.

    Args:
      vertices: [B, V, 3] x, y in pixels of the map (from its top left corner)
        and depth in metres.

    Returns:
      [B, S, S, 16] float32, S = map_size: channels 0..14 are the part
      probabilities (0 background = 1 - alpha; they sum to 1, except where a
      pixel is touched by faces without area only), channel 15 is the
      visibility alpha.

    Raises:
      ValueError: if the shape does not fit the mesh.
    """
    vertices = tf.cast(vertices, tf.float32)
    expected = [None, self.num_vertices, 3]
    if not vertices.shape.is_compatible_with(expected):
      raise ValueError(f"vertices: shape {vertices.shape}, expected {expected}")
    equations, placement = prepare_faces(vertices, self._faces, self.config)
    colours, alpha = self._blend(equations, placement)
    batch = vertices.shape[0] or tf.shape(vertices)[0]
    side = self.config.map_size
    colours = tf.reshape(colours, [batch, side, side, NUM_LABELS])
    alpha = tf.reshape(alpha, [batch, side, side, 1])
    return tf.concat([1.0 - alpha, colours * alpha, alpha], axis=-1)

  def is_exact(self, vertices: tf.Tensor) -> tf.Tensor:
    """Whether all faces fit their windows, so that nothing is cut off.

    Args:
      vertices: [B, V, 3], as for rendering.

    Returns:
      [B] bool.
    """
    vertices = tf.cast(vertices, tf.float32)
    equations, placement = prepare_faces(vertices, self._faces, self.config)
    windows = assign_windows(
      equations, placement, self._labels, self._num_mixed, self.config
    )
    fits = [
      tf.reduce_all(part.extent <= float(part.side), axis=1) for part in windows
    ]
    return tf.reduce_all(fits, axis=0)

  def _blend(self, equations, placement):
    """Colours [B S^2, 14] and alpha [B S^2], with the gradient by hand."""

    @tf.custom_gradient
    def blend(*equations):
      windows = assign_windows(
        FaceEquations(*equations),
        placement,
        self._labels,
        self._num_mixed,
        self.config,
      )
      sums = accumulate(windows, self.config)

      def gradient(colours_gradient, alpha_gradient):
        gradients = accumulate_gradient(
          windows,
          sums,
          tf.pad(colours_gradient, [[0, 1], [0, 0]]),
          tf.pad(alpha_gradient, [[0, 1]]),
          self.config,
        )
        return tuple(gather_gradient(windows, gradients, len(self._faces)))

      return (sums.colours[:-1], 1.0 - sums.transparency[:-1]), gradient

    return blend(*equations)
