"""A picture of the 137 keypoints on the body, with their numbers."""

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from hund_tf import types
from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.visualization import body_pictures

_SKIN = (0.86, 0.82, 0.79)
_DOT, _TEXT, _TITLE = (200, 40, 40), (20, 20, 60), (60, 60, 60)
_HEIGHT, _WIDTH = 620, 520
# From above: the camera's x, y and z axes in the body frame.
_ABOVE = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]], np.float32)


class _Panel(NamedTuple):
  """A close-up of some keypoints."""

  title: str
  numbers: range
  metres: float  # height of the panel
  view: np.ndarray  # [3, 3] body to camera
  pose: dict


_PANELS = (
  _Panel(
    "BODY_25: 0-24",
    range(25),
    1.95,
    body_pictures.turned(15.0),
    {"*_shoulder": (0, 0, -40)},
  ),
  _Panel("face: 25-94", range(25, 95), 0.26, body_pictures.turned(0.0), {}),
  _Panel(
    "left hand from above: 95-115 (right: 116-136)",
    range(95, 116),
    0.25,
    _ABOVE,
    {},
  ),
)


def keypoints_picture(model: BodyModel) -> np.ndarray:
  """The body, its face and its left hand, each keypoint a numbered dot.

  Returns:
    `[H, W, 3]` uint8.
  """
  return np.concatenate([_draw(model, panel) for panel in _PANELS], axis=1)


def _draw(model: BodyModel, panel: _Panel) -> np.ndarray:
  rotations = body_pictures.rotations_of(panel.pose)
  body = model.pose(
    tf.constant(rotations[None], tf.float32),
    tf.zeros([1, types.SHAPE_DIM]),
    tf.zeros([1, types.EXPRESSION_DIM]),
    tf.constant(panel.view[None]),
    tf.zeros([1, 3]),
  )
  points = body.keypoints[0].numpy()[list(panel.numbers)]
  middle = (points.min(axis=0) + points.max(axis=0)) / 2
  faces = model.faces()
  colors = np.tile(255 * np.array(_SKIN), (len(faces), 1))
  vertices = body.vertices[0].numpy() - middle
  size = (_HEIGHT, _WIDTH)
  image = Image.fromarray(
    body_pictures.draw_body(vertices, faces, colors, size, panel.metres)
  )
  draw = ImageDraw.Draw(image)
  places = (points - middle)[:, :2] * _HEIGHT / panel.metres
  places += [_WIDTH / 2, _HEIGHT / 2]
  font = ImageFont.load_default(11)
  for number, (x, y) in zip(panel.numbers, places, strict=True):
    draw.ellipse((x - 2.5, y - 2.5, x + 2.5, y + 2.5), fill=_DOT)
    draw.text((x + 3, y - 11), str(number), fill=_TEXT, font=font)
  draw.text((6, 4), panel.title, fill=_TITLE, font=ImageFont.load_default(14))
  return np.asarray(image)
