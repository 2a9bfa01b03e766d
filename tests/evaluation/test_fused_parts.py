"""Errors of bodies with and without parts: zero at the truth, and paired."""

import numpy as np
import pytest

from hund_tf.compat import tf
from hund_tf.evaluation import fused_parts
from hund_tf.geometry import camera
from hund_tf.reconstruction.attention import PARTS
from hund_tf.reconstruction.reconstructor import Person
from hund_tf.records.schema import PersonRecord
from hund_tf.types import HumanState, Intrinsics, state_to_vector
from tests.reconstruction import part_truth


@pytest.fixture(scope="module")
def truth(body_model):
  """A record and the person who is exactly of it."""
  state = part_truth.person(body_model).state
  body = body_model.decode(state, "full")
  lens = Intrinsics(tf.fill([1, 2], 600.0), tf.fill([1, 2], 320.0))
  pixels = camera.project(body.keypoints, lens).numpy()[0]
  record = PersonRecord(
    "key",
    "set",
    keypoints=np.concatenate([pixels, np.ones([137, 1])], axis=1),
    state=state_to_vector(state).numpy()[0],
    state_weight=1.0,
  )
  row = lambda structure: tf.nest.map_structure(
    lambda x: np.asarray(x[0]), structure
  )
  person = Person(None, None, row(state), row(body), pixels, None)
  return record, person


def test_nothing_is_off_at_the_truth(body_model, truth):
  record, person = truth
  for name, values in fused_parts.errors(
    body_model, [record], [person]
  ).items():
    assert values.shape == (1,), name
    np.testing.assert_allclose(values, 0.0, atol=0.05, err_msg=name)


def test_an_expression_is_off_by_what_it_moves(body_model, truth):
  record, person = truth
  state = HumanState(*person.state)
  moved = state._replace(expression=state.expression + np.eye(20)[0])
  found = fused_parts.errors(
    body_model, [record], [person._replace(state=moved)]
  )
  basis = body_model.asset.dense_expression_basis()
  moving = np.abs(basis).sum(axis=(0, 2)) > 1e-4
  square = np.square(basis[0, moving]).sum(axis=-1)
  np.testing.assert_allclose(
    found["face points"], 1e3 * np.sqrt(square.mean()), rtol=1e-4
  )


def test_only_people_whose_part_is_used_are_counted():
  kinds = ("points", "picture", "angle")
  names = [f"{part} {kind}" for part in PARTS for kind in kinds]
  alone = {name: np.array([4.0, 8.0]) for name in [*names, "body"]}
  fused = {name: np.array([3.0, 1.0]) for name in alone}
  used = {
    "face": np.array([True, True]),
    "left_hand": np.array([True, False]),
    "right_hand": np.array([False, False]),
  }
  rows = {row.group: row for row in fused_parts.rows_of(alone, fused, used)}
  assert rows["left_hand difference"].figures["points"].value == -1.0
  assert rows["face difference"].figures["points"].value == -4.0
  assert rows["right_hand alone"].counts == {"used": 0}
  assert np.isnan(rows["right_hand alone"].figures["angle"].value)
