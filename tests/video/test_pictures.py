"""Pictures of figures: where they are, what hides what, and the side view."""

import numpy as np

from hund_tf.types import Intrinsics
from hund_tf.video import pictures
from hund_tf.video.pictures import Figure

_CAMERA = Intrinsics(np.array([100.0, 100.0]), np.array([50.0, 40.0]))
_GREY = np.full((80, 100, 3), 128, np.uint8)


def _square(number, x, depth, size=0.5):
  """A square that faces the camera."""
  half = size / 2
  corners = [(-half, -half), (half, -half), (half, half), (-half, half)]
  vertices = np.array([(x + a, b, depth) for a, b in corners])
  return Figure(number, vertices, np.array([[0, 2, 1], [0, 3, 2]]))


def _changed(image):
  return np.any(image != _GREY, axis=-1)


def test_figures_are_where_the_camera_sees_them():
  rows, columns = np.nonzero(
    _changed(pictures.draw(_GREY, [_square(0, 0.25, 2.0)], _CAMERA))
  )
  # x from 0 to 0.5 m at 2 m: pixels 50 to 75; y from -0.25 m: 27.5 to 52.5.
  assert abs(columns.min() - 50) <= 1 and abs(columns.max() - 74) <= 1
  assert abs(rows.min() - 27) <= 1 and abs(rows.max() - 52) <= 1


def test_the_nearer_hides_the_farther():
  near, far = _square(0, 0.0, 2.0, 0.2), _square(1, 0.0, 4.0, 1.0)
  for order in ([near, far], [far, near]):
    image = pictures.draw(_GREY, order, _CAMERA, 1.0).astype(float)
    shade = image[40, 50] / image[40, 50].max()
    color = np.array(pictures.color_of(0))
    np.testing.assert_allclose(shade, color / color.max(), atol=0.02)


def test_backs_and_what_is_behind_the_camera_are_not_drawn():
  figure = _square(0, 0.0, 2.0)
  turned = figure._replace(faces=figure.faces[:, ::-1])
  assert not _changed(pictures.draw(_GREY, [turned], _CAMERA)).any()
  assert not _changed(pictures.draw(_GREY, [_square(0, 0, -1)], _CAMERA)).any()
  assert not _changed(pictures.draw(_GREY, [], _CAMERA)).any()


def test_the_side_view_shows_depth_across():
  view = pictures.SideView(np.array([-1, 0, 2.0]), np.array([1, 0, 6.0]), 200)
  turn = np.array([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]])
  empty = view.draw([]).astype(int)

  def column(depth):
    square = _square(0, 0.0, 0.0)
    # It faces the view, from -x.
    turned = square.vertices @ turn.T + [0.0, 0.0, depth]
    image = view.draw([square._replace(vertices=turned)]).astype(int)
    return np.nonzero(np.abs(image - empty).sum(axis=-1))[1].mean()

  assert column(2.5) > 110 > 90 > column(5.5)
