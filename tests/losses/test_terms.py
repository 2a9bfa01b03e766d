"""Terms of users: what they count, and what they are told of errors."""

import numpy as np
import pytest

from hund_tf.body import poses
from hund_tf.compat import tf
from hund_tf.losses.alignment import AlignmentObjective
from hund_tf.losses.heatmaps import target_from_features
from hund_tf.losses.terms import Term
from hund_tf.models.hund.config import HundConfig
from hund_tf.models.hund.model import blank_inputs


@pytest.fixture(scope="module")
def body(body_model):
  state = poses.a_pose(body_model)
  return body_model.decode(state, "proxy_1500")


def test_residuals_count_by_their_squares(body):
  term = Term("xy", lambda b: b.joints[:, 3, :2], 4.0)
  expected = np.asarray(body.joints)[:, 3, :2]
  np.testing.assert_allclose(term.residuals(body), 2.0 * expected)
  np.testing.assert_allclose(term.value(body), 4.0 * (expected**2).sum(-1))


def test_a_value_counts_as_it_is_and_gives_no_residuals(body):
  term = Term("x", lambda b: b.joints[:, 3, 0], 4.0)
  np.testing.assert_allclose(term.value(body), 4.0 * body.joints[:, 3, 0])
  assert term.residuals(body) is None


def test_errors_name_the_term(body):
  with pytest.raises(ValueError, match="'t': gives .* expected residuals"):
    Term("t", lambda b: b.joints).value(body)
  with pytest.raises(ValueError, match="'t': weight is -1"):
    Term("t", tf.identity, -1.0)
  with pytest.raises(ValueError, match="'t': 3 is not a function"):
    Term("t", 3)
  with pytest.raises(ValueError, match="name is ''"):
    Term("", tf.identity)


def test_the_objective_counts_its_terms(body_model, keypoint_objective):
  features, intrinsics = blank_inputs(HundConfig())
  state = poses.a_pose(body_model)
  target = target_from_features(features)
  far = lambda body: body.joints[:, 0, 2] - 1.0
  objective = AlignmentObjective(
    body_model, keypoint_objective.config, [Term("far", far, 2.0)]
  )
  given = state, target, intrinsics
  plain, more = keypoint_objective(*given), objective(*given)
  depth = float(body_model.decode(state, "proxy_1500").joints[0, 0, 2])
  np.testing.assert_allclose(
    more.total - plain.total, [2.0 * (depth - 1.0)], rtol=1e-4
  )
  np.testing.assert_array_equal(more.keypoint, plain.keypoint)
