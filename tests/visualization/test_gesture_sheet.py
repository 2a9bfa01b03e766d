"""Sheets of expressions and gestures: size, and what the pictures show."""

import numpy as np
import pytest

from hund_tf.body import expressions
from hund_tf.motion import hand_gestures
from hund_tf.visualization import gesture_sheet

_SIDE = 220


def _pictures(sheet, count) -> list[np.ndarray]:
  """The pictures below their labels, without the blank ones."""
  rows, columns = (n // _SIDE for n in sheet.shape[:2])
  cells = sheet.reshape(rows, _SIDE, columns, _SIDE, 3).swapaxes(1, 2)
  cells = cells.reshape(-1, _SIDE, _SIDE, 3)
  assert (cells[count:] == 255).all()
  return list(cells[:count, 22:])


@pytest.fixture(scope="module", name="faces")
def _faces(body_model):
  names = ["neutral", *expressions.names(), *gesture_sheet.GAZES]
  sheet = gesture_sheet.expressions_picture(body_model)
  return dict(zip(names, _pictures(sheet, len(names)), strict=True))


def _middle_row(faces, name) -> float:
  """The median row of the pixels that differ from the neutral face."""
  away = np.abs(faces[name].astype(int) - faces["neutral"]).max(axis=2)
  rows = np.nonzero(away > 40)[0]
  assert len(rows) > 20
  return float(np.median(rows))


def test_faces_change_where_the_expression_is(faces):
  eyes = _middle_row(faces, "blink")
  assert (
    _middle_row(faces, "brows_up") < eyes < _middle_row(faces, "smile") - 30
  )
  for name in gesture_sheet.GAZES:
    assert abs(_middle_row(faces, name) - eyes) < 5


def test_every_gesture_has_a_picture_of_its_own(body_model):
  names = [*hand_gestures.GESTURES]
  sheet = gesture_sheet.gestures_picture(body_model)
  hands = dict(zip(names, _pictures(sheet, len(names)), strict=True))
  drawn = {n: (hand < 200).any(axis=-1) for n, hand in hands.items()}
  # Upright hands: straight fingers reach higher, and a thumb to the right.
  top = {n: np.flatnonzero(hand.any(axis=1))[0] for n, hand in drawn.items()}
  assert top["flat"] < top["relaxed"] < top["fist"]
  right = {n: np.flatnonzero(hand.any(axis=0))[-1] for n, hand in drawn.items()}
  assert right["fist"] + 30 < right["thumbs_up"]
