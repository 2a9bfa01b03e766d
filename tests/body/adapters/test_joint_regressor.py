"""Regressors of joints: values, wrong files, and the public one of GHUM."""

import numpy as np
import pytest

from hund_tf.body.adapters import joint_regressor


def test_regressed_joints_are_weighted_means(tmp_path):
  regressor = np.zeros([17, 40])
  regressor[np.arange(17), np.arange(17)] = 0.25
  regressor[np.arange(17), 30] = 0.75
  np.save(tmp_path / "j.npy", regressor)
  loaded = joint_regressor.load(tmp_path / "j.npy")
  vertices = np.random.default_rng(0).normal(size=(3, 40, 3))
  joints = joint_regressor.regress(vertices, loaded)
  np.testing.assert_allclose(
    joints, 0.25 * vertices[:, :17] + 0.75 * vertices[:, 30:31], atol=1e-12
  )
  with pytest.raises(ValueError, match=r"expected \[N, 40, 3\]"):
    joint_regressor.regress(vertices[:, :39], loaded)


def test_wrong_regressors_are_named(tmp_path):
  for array, problem in (
    (np.ones([16, 5]) / 5, "expected .npy"),
    (np.ones([17, 5]), "rows sum to"),
  ):
    np.save(tmp_path / "bad.npy", array)
    with pytest.raises(ValueError, match=problem):
      joint_regressor.load(tmp_path / "bad.npy")
  with pytest.raises(ValueError, match="none.npy: cannot be read"):
    joint_regressor.load(tmp_path / "none.npy")


def test_the_public_regressor_of_ghum(shared):
  path = shared / "data/real/ghum/J_regressor_h36m_ghum.npy"
  regressor = joint_regressor.load(path)
  assert regressor.shape == (17, 10168)
  vertices = np.full([2, 10168, 3], [1.0, 2.0, 3.0])
  joints = joint_regressor.regress(vertices, regressor)
  np.testing.assert_allclose(joints, np.full([2, 17, 3], [1, 2, 3]), rtol=0.01)
