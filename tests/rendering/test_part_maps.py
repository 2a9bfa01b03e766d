"""True part maps: closed forms, the other rasteriser, and bad input."""

import numpy as np
import pytest

from hund_tf.rendering import rasterize
from hund_tf.rendering.part_maps import PartMapDrawer
from hund_tf.types import NUM_PARTS
from tests.rendering import meshes

_SQUARE = np.array([[0, 1, 2], [0, 2, 3]])


def _square(left, top, right, bottom, depth):
  return np.array(
    [
      [left, top, depth],
      [right, top, depth],
      [right, bottom, depth],
      [left, bottom, depth],
    ]
  )


def test_cells_hold_the_shares_of_what_covers_them():
  """A square of part 3 behind one of part 7 that hides half a column."""
  points = np.r_[_square(10, 20, 14, 22, 3.0), _square(12.5, 20, 13, 21.5, 2.0)]
  faces = np.r_[_SQUARE, _SQUARE + 4]
  draw = PartMapDrawer(faces, np.repeat([3, 7], 4))
  maps = draw(points[None])[0]
  expected = np.zeros((60, 60, 16))
  expected[20:22, 10:14, 3] = 1.0
  expected[20, 12, [3, 7]] = 0.5
  expected[21, 12, [3, 7]] = 0.75, 0.25
  expected[20:22, 10:14, 15] = 1.0
  expected[..., 0] = 1.0 - expected[..., 15]
  np.testing.assert_array_equal(maps, expected)


def test_things_of_no_part_hide_what_is_behind_them():
  """The square of part 3, and before its right half one of no part."""
  points = np.r_[_square(10, 20, 14, 22, 3.0), _square(12, 20, 16, 22, 2.0)]
  faces = np.r_[_SQUARE, _SQUARE + 4]
  maps = PartMapDrawer(faces, np.repeat([3, 0], 4))(points[None])[0]
  expected = np.zeros((60, 60, 16))
  expected[20:22, 10:12, [3, 15]] = 1.0
  expected[..., 0] = 1.0 - expected[..., 15]
  np.testing.assert_array_equal(maps, expected)


def test_it_draws_what_the_other_rasteriser_draws(body_model):
  people = [meshes.body(body_model, "proxy_1500", yaw) for yaw in (0.0, 2.0)]
  _, faces, labels = people[0]
  maps = PartMapDrawer(faces, labels, samples=2)(
    np.stack([vertices for vertices, _, _ in people])
  )
  for drawn, (vertices, _, _) in zip(maps, people, strict=True):
    seen = rasterize.rasterize(vertices * [2, 2, 1], faces, 120, 120)
    corner = np.argmax(seen.barycentrics, axis=-1)
    part = labels[faces[seen.triangle_index, corner]]
    part = np.where(seen.triangle_index >= 0, part, 0)
    expected = np.eye(NUM_PARTS)[part]
    expected = expected.reshape(60, 2, 60, 2, -1).mean(axis=(1, 3))
    assert expected[..., 0].mean() < 0.95
    # Outlines and ties between corners may go to another sample.
    assert np.abs(drawn[..., :-1] - expected).mean() < 2e-4
    np.testing.assert_allclose(drawn[..., :-1].sum(-1), 1.0, atol=1e-6)
    np.testing.assert_allclose(drawn[..., -1], 1.0 - drawn[..., 0], atol=1e-6)


def test_faces_that_cannot_be_seen_are_left_out():
  draw = PartMapDrawer(_SQUARE, np.full(4, 2))
  behind = _square(10, 10, 20, 20, -1.0)
  broken = _square(10, 10, 20, np.nan, 1.0)
  beyond = _square(-30, -30, -10, 90, 1.0)
  maps = draw(np.stack([behind, broken, beyond]))
  np.testing.assert_array_equal(maps[..., 0], 1.0)
  np.testing.assert_array_equal(maps[..., 1:], 0.0)


def test_bad_input_is_refused():
  draw = PartMapDrawer(_SQUARE, np.full(4, 2))
  with pytest.raises(ValueError, match=r"vertices: shape \(4, 3\), expected"):
    draw(np.zeros([4, 3]))
  with pytest.raises(ValueError, match="samples: got 0"):
    PartMapDrawer(_SQUARE, np.full(4, 2), samples=0)
  with pytest.raises(ValueError, match="part"):
    PartMapDrawer(_SQUARE, np.full(4, 15))
