"""Pictures of people in videos, fast: flat-shaded triangles, far ones first."""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from hund_tf.export.meshes import PERSON_COLORS
from hund_tf.types import Intrinsics

MESH = "lite"
_NEAR = 0.05  # metres; triangles nearer than this are not drawn
_ALPHA = 0.8
_LIGHT = np.array([-0.4, -0.6, -0.7]) / np.linalg.norm([-0.4, -0.6, -0.7])
_AMBIENT = 0.45
_SHIFT = 3  # bits of the fractions of pixels
_BACK = (242, 242, 238)
_LINE = (205, 205, 200)


class Figure(NamedTuple):
  """A person to draw."""

  id: int
  vertices: np.ndarray  # [V, 3] metres, camera frame
  faces: np.ndarray  # [F, 3]


def color_of(number: int) -> tuple[int, int, int]:
  """The colour of the person of a number, sRGB."""
  return PERSON_COLORS[number % len(PERSON_COLORS)]


def draw(
  image: np.ndarray,
  figures: Sequence[Figure],
  intrinsics: Intrinsics,
  alpha: float = _ALPHA,
) -> np.ndarray:
  """People over a picture, the nearer over the farther.

  Args:
    image: `[H, W, 3]` uint8 RGB.
    figures: people.
    intrinsics: of the picture, fields `[2]`, pixels.
    alpha: how much of the people is seen, against what is behind them.

  Returns:
    `[H, W, 3]` uint8 RGB.
  """
  drawn = image.copy()
  for figure in sorted(figures, key=lambda f: -np.median(f.vertices[:, 2])):
    _fill(drawn, figure, intrinsics)
  if alpha < 1.0:
    drawn = cv2.addWeighted(drawn, alpha, image, 1.0 - alpha, 0.0)
  return drawn


def _fill(image: np.ndarray, figure: Figure, intrinsics: Intrinsics) -> None:
  """Draws a person's triangles that face the camera."""
  vertices = np.asarray(figure.vertices, np.float64)
  corners = vertices[figure.faces]  # [F, 3, 3]
  normals = np.cross(
    corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
  )
  facing = np.einsum("fk,fk->f", normals, corners[:, 0]) < 0.0
  corners, normals = corners[facing], normals[facing]
  seen = corners[..., 2].min(axis=1) > _NEAR
  corners, normals = corners[seen], normals[seen]
  if not len(corners):
    return
  normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
  shade = _AMBIENT + (1 - _AMBIENT) * np.maximum(normals @ _LIGHT, 0.0)
  colors = np.array(color_of(figure.id)) * shade[:, None]
  focal, center = (np.asarray(x, np.float64) for x in intrinsics)
  # Pixel centres are at whole numbers for OpenCV, at halves for us.
  pixels = corners[..., :2] / corners[..., 2:] * focal + center - 0.5
  limit = 4.0 * max(image.shape)
  pixels = np.clip(pixels, -limit, limit)
  points = np.round(pixels * (1 << _SHIFT)).astype(np.int32)
  order = np.argsort(-corners[..., 2].mean(axis=1))
  for i in order:
    cv2.fillConvexPoly(image, points[i], colors[i].tolist(), cv2.LINE_8, _SHIFT)


def label(
  image: np.ndarray, texts: Sequence[tuple[int, str, np.ndarray]]
) -> None:
  """Writes numbers of people at places `[2]`, pixels, into a picture."""
  size = max(image.shape[0] / 1200.0, 0.4)
  for number, text, place in texts:
    where = tuple(np.round(place).astype(int).tolist())
    font = cv2.FONT_HERSHEY_SIMPLEX
    cv2.putText(image, text, where, font, size, (0, 0, 0), 4, cv2.LINE_AA)
    cv2.putText(
      image, text, where, font, size, color_of(number), 2, cv2.LINE_AA
    )


def overlay(
  image: np.ndarray, figures: Sequence[Figure], intrinsics: Intrinsics
) -> np.ndarray:
  """People with their numbers over a picture; arguments as of `draw`."""
  drawn = draw(image, figures, intrinsics)
  places = [_above(figure.vertices, intrinsics) for figure in figures]
  label(
    drawn,
    [(f.id, str(f.id), x) for f, x in zip(figures, places, strict=True)],
  )
  return drawn


def _above(vertices: np.ndarray, intrinsics: Intrinsics) -> np.ndarray:
  """Where the number of a person goes, pixels."""
  top = vertices[np.argmin(vertices[:, 1])]
  depth = max(float(top[2]), 0.1)
  focal, center = (np.asarray(x, np.float64) for x in intrinsics)
  return top[:2] / depth * focal + center - [6.0, 10.0]


class SideView:
  """The scene from the left of the camera, from outside of everything."""

  def __init__(self, low: np.ndarray, high: np.ndarray, side: int = 540):
    """Places the view.

    Args:
      low: `[3]` least coordinates of pelvises of everybody, camera frame.
      high: `[3]` greatest ones.
      side: of the pictures, pixels.
    """
    self._side = side
    self._middle = (low + high) / 2.0
    extent = max(float(np.max(high - low)) + 2.2, 2.5)
    # Far away with a long lens, so that sizes hardly depend on the distance.
    self._distance = 6.0 * extent
    focal = 0.95 * side * self._distance / extent
    self._intrinsics = Intrinsics(
      np.array([focal, focal]), np.array([side / 2.0, side / 2.0])
    )
    self._floor = float(high[1]) + 0.95
    self._lines = self._grid(extent)

  def draw(self, figures: Sequence[Figure]) -> np.ndarray:
    """A picture `[S, S, 3]` uint8 RGB."""
    image = np.full((self._side, self._side, 3), _BACK, np.uint8)
    for ends in self._lines:
      first, second = (tuple(e.tolist()) for e in ends)
      cv2.line(image, first, second, _LINE, 1, cv2.LINE_AA)
    turned = [f._replace(vertices=self._turned(f.vertices)) for f in figures]
    return draw(image, turned, self._intrinsics, 1.0)

  def _turned(self, points: np.ndarray) -> np.ndarray:
    """Points in the frame of the view, which looks along +x."""
    x, y, z = np.moveaxis(np.asarray(points) - self._middle, -1, 0)
    return np.stack([-z, y, x + self._distance], axis=-1)

  def _grid(self, extent: float) -> list[np.ndarray]:
    """Lines on the floor a metre apart, as ends `[2, 2]` in pixels."""
    reach = np.ceil(extent)
    lines = []
    for shift in np.arange(-reach, reach + 1):
      for ends in (
        [(shift, -reach), (shift, reach)],
        [(-reach, shift), (reach, shift)],
      ):
        points = np.array([(x, self._floor, z) for x, z in ends])
        points[:, [0, 2]] += self._middle[[0, 2]]
        seen = self._turned(points)
        focal, center = self._intrinsics
        pixels = seen[:, :2] / seen[:, 2:] * focal + center
        lines.append(np.round(pixels).astype(int))
    return lines
