"""What clicks on the page correct."""

import numpy as np
import pytest

import hund_tf
from hund_tf.demo import steering
from hund_tf.demo.steering import Moves
from tests.demo.people import Model


@pytest.fixture(name="model")
def _model(body_model):
  return Model(body_model)


@pytest.fixture(name="people")
def _people(model):
  return model(hund_tf.demo_photo("cameraman"), focal_px=None)


def _at(people, person: int, name: str) -> np.ndarray:
  return people[person].keypoints_2d[people[person].keypoint_names.index(name)]


def test_two_clicks_move_a_keypoint(people):
  x, y = _at(people, 1, "l_wrist")
  one = steering.clicked(Moves(), people, x + 2, y - 1)
  assert one == Moves(picked=(1, "l_wrist"))
  assert steering.told(one) == "\nClick where l_wrist of person 1 is."
  two = steering.clicked(one, people, 30, 40)
  assert two.picked is None and two.of(1) == {"l_wrist": (30.0, 40.0)}
  assert not two.of(0)
  assert "l_wrist of person 1 to (30, 40)" in steering.told(two)
  # Moved again, the last place counts.
  again = steering.clicked(Moves((1, "l_wrist"), two.places), people, 50, 60)
  assert again.of(1) == {"l_wrist": (50.0, 60.0)}


def test_marks_are_where_clicks_were(people):
  x, y = np.rint(_at(people, 0, "nose")).astype(int)
  picture = steering.drawn(people.image, people, Moves())
  assert (picture[y, x] == 255).all() and (people.image[y, x] < 255).all()
  moved = Moves(places=((0, "nose", 30.0, 40.0),))
  picture = steering.drawn(people.image, people, moved)
  red, green, blue = picture[40, 30].astype(int)
  assert green > red + 50 and green > blue + 50


def test_only_who_is_meant_goes_on(model, people):
  moves = Moves(places=((1, "nose", 30.0, 40.0),))
  found = steering.resume(model, people, moves, height_m=1.7, locked=["pelvis"])
  assert model.resumed == [
    {
      "keypoints": {"nose": (30.0, 40.0)},
      "locked": ("pelvis",),
      "focal_px": None,
      "height_m": 1.7,
    }
  ]
  assert found[0] is people[0]
  assert np.abs(found[1].vertices - people[1].vertices).max() > 0.1


def test_a_focal_length_is_of_everybody(model, people):
  steering.resume(model, people, Moves(places=((1, "nose", 3.0, 4.0),)), 700.0)
  assert [one["focal_px"] for one in model.resumed] == [700.0, 700.0]
  assert "keypoints" not in model.resumed[0]


def test_a_height_without_moves_is_of_everybody(model, people):
  steering.resume(model, people, Moves(), height_m=1.7)
  assert [one["height_m"] for one in model.resumed] == [1.7, 1.7]


def test_nothing_to_correct_is_an_error(model, people):
  with pytest.raises(ValueError, match="nothing is corrected"):
    steering.resume(model, people, Moves(), locked=["pelvis"])
  with pytest.raises(ValueError, match="nobody to correct"):
    steering.resume(model, people[:0], Moves(), 700.0)
  assert steering.clicked(Moves(), people[:0], 1, 2) == Moves()
