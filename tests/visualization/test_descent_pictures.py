"""Pictures of descents: which states they show, where, and the files."""

import numpy as np
import pytest
import trimesh
from PIL import Image

from hund_tf.body import poses
from hund_tf.compat import tf
from hund_tf.detection.interface import Detection
from hund_tf.geometry import camera
from hund_tf.reconstruction.reconstructor import Person
from hund_tf.types import AlignmentTerms, RefinementState
from hund_tf.visualization import descent_pictures
from hund_tf.visualization.descent_pictures import Descent, shown_states

_HEIGHT, _WIDTH = 480, 960
_RADIUS = 0.3
_BALL = trimesh.creation.icosphere(subdivisions=2, radius=_RADIUS)


def _descent(places, box=(0, 0, 480, 480)) -> Descent:
  """A ball that goes from place to place, metres."""
  vertices = np.array(_BALL.vertices) + np.array(places)[:, None]
  return Descent(
    vertices.astype(np.float32),
    np.array(_BALL.faces),
    np.array(box, np.float32),
  )


@pytest.fixture
def photo():
  return np.full([_HEIGHT, _WIDTH, 3], 40, np.uint8)


@pytest.fixture
def intrinsics():
  return camera.default_intrinsics(_HEIGHT, _WIDTH)  # f = 960


def _middle(picture, background=40):
  """Mean pixel (x, y) of what differs from the background."""
  rows, columns = np.nonzero(np.abs(picture.astype(int) - background).max(-1))
  return np.array([columns.mean(), rows.mean()]) + 0.5


@pytest.mark.parametrize("count", [1, 2, 7, 8, 9, 12, 41, 300])
@pytest.mark.parametrize("limit", [2, 8, 40])
def test_shown_states_reach_from_the_first_to_the_last(count, limit):
  states = shown_states(count, limit)
  assert len(states) == min(count, limit)
  assert states[0] == 0 and states[-1] == count - 1
  steps = np.diff(states)
  assert (steps >= 1).all()
  if len(steps) > 2:
    assert steps[-1] >= steps[0]


def test_no_states_or_no_room_are_refused():
  with pytest.raises(ValueError, match="expected at least 1"):
    shown_states(0, 8)
  with pytest.raises(ValueError, match="room for 1"):
    shown_states(5, 1)


def test_decoded_descents_are_the_bodies_of_all_states(body_model):
  count = 3
  a_pose = poses.a_pose(body_model)
  states = tf.nest.map_structure(
    lambda x: np.repeat(np.asarray(x), count, axis=0), a_pose
  )
  states.translation[:, 2] = [2.0, 3.0, 4.0]
  zeros = np.zeros([count], np.float32)
  person = Person(
    detection=Detection(np.zeros(4), 0.5, np.zeros([137, 3])),
    crop_box=np.array([0, 0, 100, 100], np.float32),
    state=tf.nest.map_structure(lambda x: x[-1], states),
    body=None,
    keypoints_2d=None,
    trace=RefinementState(states, AlignmentTerms(*[zeros] * 5), zeros, zeros),
  )
  (descent,) = descent_pictures.decode_descents([person], body_model)
  last = tf.nest.map_structure(lambda x: tf.constant(x[-1:]), states)
  expected = body_model.decode(last, mesh="lite").vertices[0].numpy()
  assert descent.vertices.shape == (count, *expected.shape)
  np.testing.assert_allclose(descent.vertices[-1], expected, atol=1e-5)
  away = descent.vertices[1] - descent.vertices[0]
  np.testing.assert_allclose(away.mean(0), [0, 0, 1], atol=1e-4)


def test_stages_show_each_state_where_the_crop_shows_it(photo, intrinsics):
  # At depth 4 a metre is 240 photo pixels and, with a crop of 480 on 240
  # pixels, 120 pixels of the strip.
  places = [(-1.0, 0.0, 4.0), (-1.0, 0.25, 4.0), (-0.75, 0.25, 4.0)]
  box = (0.0, 0.0, 480.0, 480.0)  # its middle is at x = -1
  strip = descent_pictures.draw_stages(
    photo, [_descent(places, box)], intrinsics
  )
  assert strip.shape == (240, 240 * (1 + 3 + 3), 3)
  panels = np.split(strip, 7, axis=1)
  assert (panels[0] == 40).all()
  for panel, (x, y) in zip(
    panels[1:4], [(120, 120), (120, 150), (150, 150)], strict=True
  ):
    body = panel.copy()
    body[:40, :40] = 40  # the label
    np.testing.assert_allclose(_middle(body), (x, y), atol=2.0)
  for panel in panels[4:]:
    np.testing.assert_allclose(_middle(panel, 255), (120, 120), atol=2.0)


def test_people_have_a_row_each_and_colours_of_their_own(photo, intrinsics):
  short = _descent([(0.0, 0.0, 4.0)] * 2, (240, 0, 480, 480))
  long = _descent([(0.0, 0.0, 4.0)] * 30, (240, 0, 480, 480))
  strip = descent_pictures.draw_stages(photo, [short, long], intrinsics)
  assert strip.shape == (480, 240 * (1 + 8 + 3), 3)
  assert (strip[:240, 240 * 6 :] == 255).all()  # the short row ends in white
  first, second = strip[120, 360].astype(int), strip[360, 360].astype(int)
  assert first[2] > first[0] and second[0] > second[2]  # blue, orange


def test_frames_follow_the_longest_descent(photo, intrinsics):
  descents = [
    _descent([(-1.0, 0.0, 4.0), (-1.0, 0.25, 4.0)]),
    _descent([(1.0, 0.1 * i, 4.0) for i in range(4)]),
  ]
  frames = descent_pictures.draw_descent_frames(photo, descents, intrinsics)
  assert len(frames) == 4
  assert {frame.shape for frame in frames} == {(320, 640, 3)}
  # 240 photo pixels a metre, scaled by 2 / 3.
  for i, frame in enumerate(frames):
    left, right = frame[:, :320], frame[:, 320:]
    np.testing.assert_allclose(
      _middle(left), (160, 160 + 40 * min(i, 1)), atol=1.5
    )
    np.testing.assert_allclose(_middle(right), (160, 160 + 16 * i), atol=1.5)


def test_an_animation_rests_on_its_last_frame(tmp_path):
  random = np.random.default_rng(0)
  frames = [random.integers(0, 255, [30, 50, 3], dtype="u1") for _ in range(6)]
  path = tmp_path / "a.gif"
  descent_pictures.write_animation(path, frames)
  assert [p.name for p in tmp_path.iterdir()] == ["a.gif"]
  with Image.open(path) as animation:
    assert animation.size == (50, 30)
    assert animation.n_frames == 6
    assert animation.info["loop"] == 0
    durations = []
    for i in range(6):
      animation.seek(i)
      durations.append(animation.info["duration"])
  assert durations == [400] * 5 + [2000]


def test_nobody_and_frames_of_two_sizes_are_refused(
  photo, intrinsics, tmp_path
):
  with pytest.raises(ValueError, match="none"):
    descent_pictures.draw_stages(photo, [], intrinsics)
  with pytest.raises(ValueError, match="none"):
    descent_pictures.draw_descent_frames(photo, [], intrinsics)
  with pytest.raises(ValueError, match="one size"):
    descent_pictures.write_animation(
      tmp_path / "a.gif", [photo, photo[:100], photo]
    )
  assert not list(tmp_path.iterdir())
