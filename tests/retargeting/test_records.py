"""What records are fitted to, and what a fit writes into them."""

import numpy as np
import pytest

from hund_tf.body.adapters import smpl_models
from hund_tf.compat import tf
from hund_tf.records.schema import MESH, PersonRecord
from hund_tf.retargeting import correspondence, point_sets
from hund_tf.retargeting import records as retargeted
from hund_tf.retargeting.fit import (
  RetargetingConfig,
  RetargetingResult,
)
from hund_tf.types import state_from_vector
from tests.body.adapters import smpl_like
from tests.retargeting import retargeting_cases

_CONFIG = RetargetingConfig()


class _Found:
  """A fitter that returns the true states with given residuals."""

  def __init__(self, state, residuals):
    self._state, self._residuals = state, np.array(residuals)

  def __call__(self, target, initial):
    assert initial is None and target == "target"
    state = tf.nest.map_structure(lambda x: x.numpy(), self._state)
    return RetargetingResult(state, self._residuals, None)


class _Source:
  def __init__(self, fitter, rows):
    self._fit = retargeted.Fit(rows, fitter, "target", None)

  def fits(self, records):
    yield self._fit


def test_a_fit_fills_the_record(body_model):
  state = retargeting_cases.states(body_model)
  records = [PersonRecord(f"r{i}", "d", frame=i) for i in range(4)]
  source = _Source(_Found(state, [2.0, 99.0, np.nan]), rows=[3, 0, 1])
  filled = retargeted.fit_records(records, source, body_model, 40.0)
  assert [r.key for r in filled] == ["r0", "r1", "r2", "r3"]
  assert filled[2] is records[2] and filled[1] is records[1]
  good, bad = filled[3], filled[0]
  assert (good.state_weight, good.residual_mm) == (1.0, 2.0)
  assert (bad.state_weight, bad.residual_mm) == (0.0, 99.0)
  body = body_model.decode(state, MESH)
  np.testing.assert_allclose(good.vertices, body.vertices[0], atol=1e-5)
  np.testing.assert_allclose(good.body_joints, body.joints[0], atol=1e-5)
  back = state_from_vector(tf.constant(good.state))
  np.testing.assert_allclose(back.shape, state.shape[0], atol=1e-6)


def test_joints_are_taken_by_their_set(body_model):
  source = retargeted.JointSource(body_model, _CONFIG)
  joints = lambda n: {
    "joints": np.full([n, 3], n, np.float32),
    "joint_weights": np.full([n], 0.5, np.float32),
  }
  records = [
    PersonRecord("a", "d", joint_set="smpl_24", **joints(24)),
    PersonRecord("b", "d"),
    PersonRecord("c", "d", joint_set="h36m_17", **joints(17)),
    PersonRecord("d", "d", joint_set="smpl_24", **joints(24)),
    PersonRecord("e", "d", joint_set="hands_42", **joints(42)),
  ]
  assert [source.measured(r) for r in records] == [
    True,
    False,
    True,
    True,
    False,
  ]
  fits = {fit.target.points.shape[1]: fit for fit in source.fits(records)}
  assert fits[24].rows == [0, 3] and fits[17].rows == [2]
  reliability = point_sets.JOINT_TERMS["smpl_24"].reliability["pelvis"]
  assert fits[24].target.weights[0, 0] == 0.5 * reliability
  assert fits[24].target.weights[0, 4] == 0.5  # left knee
  again = {f.target.points.shape[1]: f for f in source.fits(records)}
  assert again[24].fitter is fits[24].fitter  # compiled once


def test_markers_are_found_by_name_and_key(body_model, tmp_path):
  path = tmp_path / "markers.npz"
  positions = np.arange(24, dtype=float).reshape(2, 4, 3)
  positions[1, 1] = np.nan
  np.savez(
    path,
    keys=np.array(["x", "y"]),
    names=np.array(["A", "B", "C", "D"]),
    positions=positions,
  )
  read = retargeted.read_measurements(path, "markers")
  placed = {"D": (5, 0.0), "B": (9, 0.01), "A": (70, 0.0), "Z": (1, 0.0)}
  source = retargeted.MarkerSource(body_model, _CONFIG, placed, read)
  records = [PersonRecord("other", "d"), PersonRecord("y", "d")]
  (fit,) = source.fits(records)
  assert fit.rows == [1]
  np.testing.assert_array_equal(fit.target.points[0, 0], positions[1, 3])
  np.testing.assert_array_equal(fit.target.weights, [[1, 0, 1]])
  with pytest.raises(retargeted.MeasurementError, match="2 of the"):
    retargeted.MarkerSource(
      body_model, _CONFIG, {"A": (1, 0.0), "B": (2, 0.0)}, read
    )


def test_meshes_come_from_parameters(body_model, tmp_path):
  body_path, path = tmp_path / "SMPL.npz", tmp_path / "parameters.npz"
  np.savez(body_path, **smpl_like.arrays(body_model, 24))
  models = smpl_models.load([body_path])
  smpl = models.male
  faces = smpl.faces()
  number = len(smpl.file.template)
  rows = np.arange(number)
  table = correspondence.Correspondence(
    MESH,
    number,
    np.stack([rows, rows, rows], axis=1),
    np.tile(np.float32([1, 0, 0]), [number, 1]),
    np.linspace(0, 1, number, dtype=np.float32),
    np.zeros(number, np.float32),
  )
  pose = np.random.default_rng(0).normal(0, 0.2, (2, 72))
  arrays = {
    "keys": np.array(["b", "a"]),
    "pose": pose,
    "betas": np.zeros([2, 10]),
    "translation": np.array([[0, 0, 2.0], [1, 0, 3.0]]),
  }
  np.savez(path, **arrays)
  read = retargeted.read_measurements(path, "smpl")
  source = retargeted.MeshSource(body_model, _CONFIG, models, table, read)
  records = [PersonRecord("a", "d"), PersonRecord("c", "d")]
  (fit,) = source.fits(records)
  assert fit.rows == [0]
  points, weights = fit.target
  assert points.shape == (1, number + 63, 3) and faces.max() < number
  np.testing.assert_allclose(weights[0, :number], table.weights)
  assert (weights[0, number:] == 0).all()
  middle = points[0, :number].mean(axis=0)
  assert np.linalg.norm(middle - [1, 0, 3]) < 0.6  # placed by `a`, not `b`
  np.testing.assert_allclose(
    fit.initial.translation[0],
    smpl.file.joint_regressor[0] @ smpl.file.template + [1, 0, 3],
    atol=1e-4,
  )


@pytest.mark.parametrize(
  ("change", "message"),
  [
    ({"pose": np.zeros([3, 72])}, "pose has shape"),
    ({"betas": np.full([2, 10], np.nan)}, "betas has values"),
    ({"translation": None}, "translation"),
    ({"genders": np.array(["m"])}, "genders has shape"),
  ],
)
def test_bad_measurements_are_refused(tmp_path, change, message):
  arrays = {
    "keys": np.array(["b", "a"]),
    "pose": np.zeros([2, 72]),
    "betas": np.zeros([2, 10]),
    "translation": np.zeros([2, 3]),
  } | change
  path = tmp_path / "bad.npz"
  np.savez(path, **{k: v for k, v in arrays.items() if v is not None})
  with pytest.raises(retargeted.MeasurementError, match=message):
    retargeted.read_measurements(path, "smpl")
