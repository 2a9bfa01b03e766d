"""The bodies of a descent over one background, side by side (as Fig. 6)."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from hund_tf.compat import tf
from hund_tf.detection.features import crop_image
from hund_tf.geometry import camera
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


def draw_crop_row(
  image: np.ndarray,
  box: np.ndarray,
  size: int,
  bodies: Sequence[np.ndarray],
  faces: np.ndarray,
  color: np.ndarray,
  intrinsics: Intrinsics,
  alpha: float = 0.85,
) -> list[np.ndarray]:
  """A square crop of a photo alone, then each body over it.

  Args:
    image: `[H, W, 3]` uint8 RGB, the photo.
    box: `[4]` of the crop, photo pixels.
    size: of the pictures, pixels.
    bodies: vertices `[V, 3]` of each state, metres, camera frame of the photo.
    faces: `[F, 3]` vertex indices.
    color: of the bodies, `[3]` RGB in [0, 1].
    intrinsics: of the photo, fields `[2]`, pixels.
    alpha: opacity of the bodies in [0, 1].

  Returns:
    Pictures `[size, size, 3]` uint8 RGB, one more than bodies.
  """
  cameras = camera.crop_intrinsics(
    Intrinsics(*(tf.constant(x, tf.float32) for x in intrinsics)),
    tf.constant(box, tf.float32),
    size,
  )
  return draw_stage_row(
    bodies,
    faces,
    [color] * len(bodies),
    Intrinsics(*(x.numpy() for x in cameras)),
    crop_image(image, box, size),
    alpha,
  )


def labelled(picture: np.ndarray, text: str) -> np.ndarray:
  """A picture with white words on black in its upper left corner."""
  drawn = Image.fromarray(picture)
  ImageDraw.Draw(drawn).text(
    (5, 3),
    text,
    fill="white",
    stroke_fill="black",
    stroke_width=2,
    font=ImageFont.load_default(16),
  )
  return np.asarray(drawn)


def padded_rows(rows: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
  """Rows of pictures below one another; shorter rows end in white."""
  joined = [np.concatenate(row, axis=1) for row in rows]
  width = max(row.shape[1] for row in joined)
  return np.concatenate(
    [
      np.pad(
        row, [(0, 0), (0, width - row.shape[1]), (0, 0)], constant_values=255
      )
      for row in joined
    ]
  )
