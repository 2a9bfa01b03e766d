"""Joints of datasets: published bone lengths, and joints that move along."""

import numpy as np
import pytest

from hund_tf.body import joint_regressors, joint_sets, skeleton
from hund_tf.evaluation.compared_joints import head_top_vertex

_SETS = {
  "own": joint_sets.H36M_17,
  "h36m": joint_sets.H36M_17,
  "lsp": joint_sets.LSP_14,
  "3dhp": joint_sets.MPI_INF_3DHP_17,
  "smpl": joint_sets.SMPL_24,
}


def _body(body_model, count=1, seed=None):
  """Joints and tops of heads: the mean body's T-pose, or random ones."""
  random = np.random.default_rng(seed)
  shape = np.zeros([count, 16], np.float32)
  rotations = np.tile(np.eye(3, dtype=np.float32), [count, 63, 1, 1])
  if seed is not None:
    shape = random.normal(size=shape.shape).astype(np.float32)
    turns = random.normal(size=[count, 63, 3, 3])
    rotations = np.linalg.qr(turns)[0].astype(np.float32)
    rotations *= np.sign(np.linalg.det(rotations))[..., None, None]
  body = body_model.pose(
    rotations,
    shape,
    np.zeros([count, 20], np.float32),
    rotations[:, 0],
    np.zeros([count, 3], np.float32),
  )
  top = head_top_vertex(body_model)
  return body.joints.numpy(), body.vertices.numpy()[:, top]


def _lengths(regressor, bones, joints, head_top):
  ends = joint_regressors.regress(
    regressor, [name for bone in bones for name in bone], joints, head_top
  )
  return np.linalg.norm(ends[..., ::2, :] - ends[..., 1::2, :], axis=-1)


@pytest.mark.parametrize("regressor", list(joint_regressors.BONES))
def test_the_mean_skeleton_has_the_published_bone_lengths(
  body_model, regressor
):
  published = joint_regressors.BONES[regressor]
  found = _lengths(regressor, list(published), *_body(body_model))[0]
  ratios = found / np.array(list(published.values()))
  ratios /= ratios.mean()
  assert np.abs(ratios - 1).max() < 0.02, dict(
    zip(published, ratios, strict=True)
  )
  # This body's own skeleton is another one.
  own = [bone for bone in published if "jaw" not in bone and "head" not in bone]
  ratios = _lengths("own", own, *_body(body_model))[0] / np.array(
    [published[bone] for bone in own]
  )
  assert np.abs(ratios / ratios.mean() - 1).max() > 0.1


@pytest.mark.parametrize("regressor", list(_SETS))
def test_weights_sum_to_one_and_are_symmetric(regressor):
  names = _SETS[regressor]
  weights = joint_regressors.matrix(regressor, names)
  np.testing.assert_allclose(weights.sum(1), 1.0, atol=1e-6)
  assert (weights != 0).sum(1).max() <= 4
  mirror = [*skeleton.MIRROR, 63]
  table = list(joint_sets.mirror_table(names))
  np.testing.assert_array_equal(weights[table], weights[:, mirror])


def test_hips_are_rigid_and_everything_moves_with_the_body(body_model):
  hips = [("l_hip", "r_hip"), ("pelvis", "l_hip")]
  posed = _body(body_model, 3, seed=0)
  straight = _body(body_model)
  for regressor in ("h36m", "3dhp", "smpl"):
    mean = _lengths(regressor, hips, *straight)[0]
    joints, top = posed
    found = _lengths(regressor, hips, joints, top)
    # Shapes differ, poses do not matter: the same as in a turned body.
    turned = np.linalg.qr(np.random.default_rng(1).normal(size=[3, 3]))[0]
    again = _lengths(regressor, hips, joints @ turned + 1.0, top @ turned + 1)
    np.testing.assert_allclose(found, again, rtol=1e-4)
    np.testing.assert_allclose(found / mean, 1.0, atol=0.35)


def test_own_joints_and_the_top_of_the_head(body_model):
  joints, top = _body(body_model)
  found = joint_regressors.regress("own", joint_sets.LSP_14, joints, top)[0]
  names = joint_sets.LSP_14
  np.testing.assert_allclose(found[names.index("head_top")], top[0])
  for name, own in (("l_wrist", "l_wrist"), ("neck", "neck1")):
    expected = joints[0, skeleton.INDEX[own]]
    np.testing.assert_allclose(found[names.index(name)], expected)
  h36m = joint_regressors.regress("h36m", names, joints, top)[0]
  hips = names.index("l_hip"), names.index("r_hip")
  widths = [np.linalg.norm(x[hips[0]] - x[hips[1]]) for x in (h36m, found)]
  assert 1.15 < widths[0] / widths[1] < 1.3
  lsp = joint_regressors.regress("lsp", names, joints, top)[0]
  np.testing.assert_array_equal(lsp, h36m)


def test_what_cannot_be_regressed_is_refused():
  with pytest.raises(ValueError, match="'coco': is not one of own, h36m"):
    joint_regressors.matrix("coco", ["pelvis"])
  with pytest.raises(ValueError, match="joint 'tail': is none of"):
    joint_regressors.matrix("own", ["tail"])
