"""Which definition joints have, and what it costs to mistake it."""

import numpy as np
import pytest

from hund_tf.body import joint_regressors
from hund_tf.body.joint_sets import LSP_14
from hund_tf.compat import tf
from hund_tf.evaluation import joint_definitions, joint_floor, metrics, real3d
from hund_tf.evaluation.compared_joints import head_top_vertex
from hund_tf.retargeting.fit import RetargetingConfig
from hund_tf.types import STATE_SIZE, state_from_vector


def _people(body_model, regressor, shape_size=0.5, count=4):
  """LSP's joints of random people by a regressor, metres, camera frame."""
  random = np.random.default_rng(0)
  state = state_from_vector(
    tf.constant(random.normal(0.0, 0.3, [count, STATE_SIZE]), tf.float32)
  )
  state = state._replace(
    shape=tf.constant(random.normal(0, shape_size, [count, 16]), tf.float32),
    translation=tf.constant([[0.0, 0.0, 4.0]] * count),
  )
  body = body_model.decode(state, "proxy_1500")
  top = body.vertices.numpy()[:, head_top_vertex(body_model, "proxy_1500")]
  joints = body.joints.numpy()
  return joint_regressors.regress(regressor, LSP_14, joints, top)


@pytest.mark.parametrize("regressor", ["own", "h36m", "3dhp", "smpl"])
def test_bone_lengths_tell_the_definition(body_model, regressor):
  truth = _people(body_model, regressor)
  assert joint_definitions.nearest(truth, body_model) == regressor
  assert joint_definitions.nearest(1.3 * truth, body_model) == regressor
  truth[:, LSP_14.index("neck")] = np.nan
  truth[0] = np.nan
  assert joint_definitions.nearest(truth, body_model) == regressor


def test_few_bones_do_not_tell(body_model):
  truth = np.full([2, 14, 3], np.nan)
  truth[:, :3] = [[0, 0, 0], [0, 1, 0], [0, 2, 0]]
  assert joint_definitions.nearest(truth, body_model) == "h36m"


def test_what_is_asked_goes_before_what_is_stated(body_model):
  truth = _people(body_model, "3dhp")
  groups = ("dome", "dome", "studio", "studio")
  choose = joint_definitions.choose
  stated = {"dome": "", "studio": "smpl"}
  found = choose("auto", stated, truth, groups, body_model)
  assert found == {"dome": "3dhp", "studio": "smpl"}
  assert joint_definitions.described(found) == "dome: 3dhp, studio: smpl"
  found = choose("own", stated, truth, groups, body_model)
  assert found == {"dome": "own", "studio": "own"}


@pytest.mark.slow  # its quick sibling: the points of fits, test_point_sets.py
def test_the_floor_is_the_definition(body_model):
  """Of the mean body: none by its own definition, much by another."""
  truth = _people(body_model, "h36m", shape_size=0.0, count=2)
  photos = [
    real3d.PhotoPeople(None, "d", None, ("0", "1"), None, truth, "h36m")
  ]
  config = RetargetingConfig(
    shape_prior_weight=1e5, batch_size=2, start_iterations=8, max_iterations=8
  )
  errors = {
    name: metrics.pa_mpjpe(
      joint_floor.fitted(real3d.to_truth(photos), body_model, name, config),
      truth,
    ).mean()
    for name in ("h36m", "own")
  }
  assert errors["h36m"] < 0.004
  assert errors["own"] > 0.015
