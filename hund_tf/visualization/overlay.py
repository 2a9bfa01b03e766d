"""Pictures of reconstructed people: over the photo, and from the side."""

import itertools
from collections.abc import Sequence

import numpy as np
from PIL import Image

from hund_tf.export.meshes import PERSON_COLORS, PersonMesh
from hund_tf.rendering import shading
from hund_tf.types import Intrinsics

_ALPHA = 0.85
_VIEW_DEGREES = (0.0, 60.0, 120.0)
_VIEW_HEIGHT = 480  # pixels


def _coloured(meshes: Sequence[PersonMesh]) -> list[shading.Mesh]:
  """Meshes in the colours that the exported files have."""
  return [
    shading.Mesh(
      mesh.vertices, mesh.faces, np.array(mesh.color or color) / 255.0
    )
    for mesh, color in zip(meshes, itertools.cycle(PERSON_COLORS), strict=False)
  ]


def draw_overlay(
  image: np.ndarray, meshes: Sequence[PersonMesh], intrinsics: Intrinsics
) -> np.ndarray:
  """Everybody shaded over the photo, the nearer over the farther.

  Args:
    image: `[H, W, 3]` uint8 RGB.
    meshes: of all people, camera frame of the photo, metres.
    intrinsics: of the photo, fields `[2]`, pixels.

  Returns:
    `[H, W, 3]` uint8 RGB, of the photo's resolution.
  """
  return shading.render_meshes(
    _coloured(meshes),
    intrinsics,
    *image.shape[:2],
    background=image,
    alpha=_ALPHA,
  )


def draw_views(
  image: np.ndarray, overlay: np.ndarray, meshes: Sequence[PersonMesh]
) -> np.ndarray:
  """A strip: photo, overlay, and everybody from the front and turned.

  Args:
    image: `[H, W, 3]` uint8 RGB.
    overlay: `[H, W, 3]` uint8 RGB, from `draw_overlay`.
    meshes: of all people, at least one, camera frame of the photo, metres.

  Returns:
    `[480, N, 3]` uint8 RGB.
  """
  width = max(1, round(image.shape[1] * _VIEW_HEIGHT / image.shape[0]))
  panels = [
    np.asarray(
      Image.fromarray(picture).resize(
        (width, _VIEW_HEIGHT), Image.Resampling.LANCZOS
      )
    )
    for picture in (image, overlay)
  ]
  for degrees in _VIEW_DEGREES:
    panels.append(
      shading.render_orbit(
        _coloured(meshes), degrees, _VIEW_HEIGHT, _VIEW_HEIGHT * 3 // 4
      )
    )
  return np.concatenate(panels, axis=1)
