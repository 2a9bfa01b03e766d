"""The bodies of a descent over one background, side by side (as Fig. 6)."""

from collections.abc import Sequence

import numpy as np

from hund_tf.rendering import shading
from hund_tf.types import Intrinsics


def draw_stage_row(
  bodies: Sequence[np.ndarray],
  faces: np.ndarray,
  colors: Sequence[np.ndarray],
  intrinsics: Intrinsics,
  background: np.ndarray,
  alpha: float = 1.0,
) -> list[np.ndarray]:
  """The background alone, then each body over it.

  Args:
    bodies: vertices `[V, 3]` of each state, metres, camera frame.
    faces: `[F, 3]` vertex indices.
    colors: of each body, `[3]` RGB in [0, 1].
    intrinsics: of the background, fields `[2]`, pixels.
    background: `[H, W, 3]` uint8 RGB.
    alpha: opacity of the bodies in [0, 1].

  Returns:
    Pictures `[H, W, 3]` uint8 RGB, one more than bodies.

  Raises:
    ValueError: as `shading.render_meshes`, or if bodies and colours differ in
      number.
  """
  height, width = background.shape[:2]
  return [background] + [
    shading.render_meshes(
      [shading.Mesh(vertices, faces, color)],
      intrinsics,
      height,
      width,
      background,
      alpha,
      supersampling=1,
    )
    for vertices, color in zip(bodies, colors, strict=True)
  ]
