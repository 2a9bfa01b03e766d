"""Close-ups of faces and hands: what they show, and words in their place."""

import numpy as np
import pytest

from hund_tf.body import keypoints, poses
from hund_tf.compat import tf
from hund_tf.detection.interface import Detection
from hund_tf.geometry import camera
from hund_tf.reconstruction.reconstructor import Person
from hund_tf.types import AlignmentTerms, RefinementState
from hund_tf.visualization import part_pictures

_SIZE = 800  # of the photo, pixels
_COLOR = np.array([0.2, 0.3, 0.9], np.float32)
_SKY = 40


@pytest.fixture(scope="module", name="person")
def _person(body_model) -> Person:
  """An A-pose 3 m away, that sinks from 10 cm higher; its right hand hidden."""
  state = tf.nest.map_structure(
    lambda x: np.repeat(np.asarray(x), 3, axis=0), poses.a_pose(body_model)
  )
  state.translation[:, 1] = [-0.1, -0.05, 0.0]
  last = tf.nest.map_structure(lambda x: tf.constant(x[-1:]), state)
  body = tf.nest.map_structure(lambda x: x[0].numpy(), body_model.decode(last))
  intrinsics = camera.default_intrinsics(_SIZE, _SIZE)
  places = camera.project(tf.constant(body.keypoints), intrinsics).numpy()
  seen = np.concatenate([places, np.full([137, 1], 0.9)], axis=1)
  seen[keypoints.RIGHT_HAND, 2] = 0.0
  zeros = np.zeros([3], np.float32)
  return Person(
    detection=Detection(np.zeros(4), 0.5, seen.astype(np.float32)),
    crop_box=np.array([0, 0, _SIZE, _SIZE], np.float32),
    state=tf.nest.map_structure(lambda x: x[-1], state),
    body=body,
    keypoints_2d=places,
    trace=RefinementState(
      state, AlignmentTerms(*[zeros] * 5), zeros, np.arange(3.0)
    ),
  )


@pytest.fixture(name="photo")
def _photo():
  return np.full([_SIZE, _SIZE, 3], _SKY, np.uint8)


def _rows_of_body(picture) -> np.ndarray:
  """Rows that the body covers, below the label."""
  covered = (np.abs(picture.astype(int) - _SKY).max(axis=-1) > 20)[30:]
  return 30 + np.flatnonzero(covered.any(axis=1))


def test_close_ups_show_the_parts_or_say_why_not(person, photo, body_model):
  intrinsics = camera.default_intrinsics(_SIZE, _SIZE)
  face, left, right = part_pictures.draw_close_ups(
    photo, person, body_model.faces(), intrinsics, _COLOR
  )
  for picture in (face, left, right):
    assert picture.shape == (240, 240, 3) and picture.dtype == np.uint8
  for picture in (face, left):
    middle = picture[90:150, 90:150].astype(int)
    assert (middle[..., 2] > middle[..., 0]).mean() > 0.5  # the body's colour
  # A crop of 1.6 times the hand: the finger tips end before the border.
  assert 150 < _rows_of_body(left)[-1] < 225
  assert (right[100:] == 255).all() and (right[:100] < 200).any()


def test_parts_have_a_row_each_and_follow_the_states(person, photo, body_model):
  intrinsics = camera.default_intrinsics(_SIZE, _SIZE)
  sheet = part_pictures.draw_parts(photo, [person], [body_model], intrinsics)
  assert sheet.shape == (240 + 240 + 30, 240 * 4, 3)
  crop, *states = np.split(sheet[240:480], 4, axis=1)  # the left hand
  assert (crop[40:] == _SKY).all()
  # The hand is 0.17 m high: 5 cm are 240 / 1.6 * 0.05 / 0.17 = 44 pixels.
  ends = [_rows_of_body(state)[-1] for state in states]
  assert ends[0] < ends[1] < ends[2]
  np.testing.assert_allclose(np.diff(ends), 44, atol=12)
  assert (sheet[480:] == 255).mean() > 0.9  # a line of words
  with pytest.raises(ValueError, match="none"):
    part_pictures.draw_parts(photo, [], [], intrinsics)
