"""The branch for terms: it adds nothing without them, and trains alone."""

import numpy as np
import pytest

from hund_tf.body import keypoints as keypoint_table
from hund_tf.compat import tf, tf_keras
from hund_tf.losses.alignment import AlignmentObjective
from hund_tf.losses.term_wishes import MOVES, Asked
from hund_tf.losses.terms import Term
from hund_tf.models.hund import weights
from hund_tf.models.hund.config import HundConfig
from hund_tf.models.hund.model import HundModel
from hund_tf.models.hund.term_branch import TermBranch

_SMALL = HundConfig(
  num_stages=2, units=16, context_size=8, filters=(4,) * 6, term_units=8
)


def _floor(body):
  return body.joints[:, :4, 1] - 1.0


@pytest.fixture(scope="module")
def new_model(keypoint_objective):
  """Models of the same weights, which move and heed terms."""

  def make(terms=(), weight=0.05, config=_SMALL):
    objective = AlignmentObjective(
      keypoint_objective.body_model, keypoint_objective.config, terms
    )
    tf_keras.utils.set_random_seed(0)
    model = HundModel(objective, config)
    rng = np.random.default_rng(0)
    for v in model.variables:
      if v.name.startswith("hund_cell/update"):
        v.assign(rng.normal(0.0, 0.05, v.shape))
    for v in model.cell.term_branch.variables:
      if "update" in v.name:
        v.assign(rng.normal(0.0, weight, v.shape))
    return model

  return make


def _coordinates(model, observed):
  begun = model.begin(*observed)
  return model.descend_from(*begun).trace().state.body_pose.numpy()


@pytest.mark.usefixtures("eager")
def test_without_terms_it_adds_nothing(new_model, observed):
  with_branch = _coordinates(new_model(), observed)
  np.testing.assert_array_equal(
    with_branch, _coordinates(new_model(weight=0.0), observed)
  )


@pytest.mark.usefixtures("eager")
def test_terms_move_states_by_the_branch_alone(new_model, observed):
  """Without an update of its own, a term changes nothing but the total."""
  plain = _coordinates(new_model(), observed)
  term = (Term("floor", _floor, 1e3),)
  unheeded = new_model(term, weight=0.0)
  np.testing.assert_allclose(
    _coordinates(unheeded, observed), plain, rtol=1e-3, atol=1e-4
  )
  nothing = (Term("nan", lambda b: tf.math.log(-1.0 - 0.0 * _floor(b))),)
  np.testing.assert_array_equal(
    _coordinates(new_model(nothing), observed), plain
  )
  moved = _coordinates(new_model(term), observed)
  np.testing.assert_array_equal(moved[:, 0], plain[:, 0])
  assert np.abs(moved[:, 1:] - plain[:, 1:]).max() > 0.01


def test_what_it_does_fades_with_the_value():
  branch = TermBranch(4, 5)
  branch.build([None, 3])
  for v in branch.variables:
    v.assign(tf.random.stateless_normal(v.shape, [1, 2]))
  known = tf.ones([3, 3])
  value = tf.constant([0.0, 1e-6, 1e9])
  update = branch(known, Asked(value, tf.ones([3, MOVES]))).numpy()
  assert not update[0].any() and update[2].any()
  assert np.abs(update[1]).max() < 1e-4 * np.abs(update[2]).max()


def test_it_is_trained_by_random_terms_only(new_model):
  model = new_model()
  assert not any("term_branch" in v.name for v in model.trainable_variables)
  model.train_terms(alone=False)
  assert len(model.trainable_variables) == len(model.variables)
  model.train_terms(alone=True)
  assert {v.name for v in model.trainable_variables} == {
    v.name for v in model.cell.term_branch.variables
  }


def test_a_model_without_a_branch_cannot_train_it(keypoint_objective):
  model = HundModel(keypoint_objective, HundConfig(term_units=0))
  with pytest.raises(ValueError, match="term_units: got 0, expected"):
    model.train_terms(alone=True)


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("as_value", [False, True])
def test_released_stages_bring_a_wrist_to_a_place(
  body_model, observed, as_value
):
  """Two people's wrists, 20 cm farther along the ray of the picture."""
  row = keypoint_table.INDEX["r_wrist"]

  def wrists(terms=()) -> tf.Tensor:
    model = weights.load(body_model, terms=terms)
    descent = model.descend(*observed, parts="none")
    return descent.stages[-1].body.keypoints[:, row]

  alone = wrists()
  places = alone + 0.2 * tf.math.l2_normalize(alone, axis=-1)

  def missed(body):
    each = len(body.keypoints) // len(places)
    error = body.keypoints[:, row] - tf.repeat(places, each, axis=0)
    return tf.reduce_sum(error**2, axis=-1) if as_value else error

  told = wrists([Term("wrist", missed, 1e3)])
  after = np.linalg.norm(told - places, axis=-1)
  assert after.max() < 0.5 * 0.2
