"""Weights files: round trip, settings, errors."""

import numpy as np
import pytest

from hund_tf.losses.alignment import AlignmentObjective, ObjectiveConfig
from hund_tf.models.hund import weights
from hund_tf.models.hund.config import HundConfig
from hund_tf.models.hund.model import HundModel


@pytest.fixture(scope="module")
def model(body_model):
  config = ObjectiveConfig(part_weight=0.0, pose_prior_weight=0.03)
  return HundModel(AlignmentObjective(body_model, config))


def test_round_trip_restores_weights_and_settings(model, body_model, tmp_path):
  weights.save(model, tmp_path / "model.npz")
  again = weights.load(body_model, tmp_path / "model.npz")
  assert again.objective.config == model.objective.config
  assert again.config == model.config
  for one, other in zip(
    model.trainable_variables, again.trainable_variables, strict=True
  ):
    assert one.name == other.name
    np.testing.assert_array_equal(one, other)
  assert [p.name for p in tmp_path.iterdir()] == ["model.npz"]


def test_a_damaged_file_is_named(body_model, tmp_path):
  path = tmp_path / "broken.npz"
  path.write_bytes(b"nothing")
  with pytest.raises(weights.WeightsError, match="broken.npz: cannot be read"):
    weights.load(body_model, path)
  with pytest.raises(weights.WeightsError, match="missing.npz"):
    weights.load(body_model, tmp_path / "missing.npz")


def _values(model):
  return {v.name: v.numpy() for v in model.trainable_variables}


def test_weights_of_another_size_are_refused_and_change_nothing(
  model, tmp_path
):
  small = HundModel(model.objective, HundConfig(units=8, context_size=8))
  weights.save(small, tmp_path / "small.npz")
  before = _values(model)
  with pytest.raises(weights.WeightsError, match="the model expects"):
    weights.assign_fitting(model, tmp_path / "small.npz")
  for name, value in _values(model).items():
    np.testing.assert_array_equal(value, before[name])


def test_another_embedding_begins_anew_where_it_must(model, tmp_path):
  filters = model.config.filters
  config = HundConfig(filters=(filters[0] + 1, *filters[1:]))
  other = HundModel(model.objective, config)
  weights.save(other, tmp_path / "other.npz")
  before, found = _values(model), _values(other)
  new = weights.assign_fitting(model, tmp_path / "other.npz")
  assert new == [
    "context_embedding/conv1/kernel:0",
    "context_embedding/conv1/bias:0",
    "context_embedding/conv2/kernel:0",
  ]
  for name, value in _values(model).items():
    expected = before if name in new else found
    np.testing.assert_array_equal(value, expected[name])


def test_inputs_that_a_file_lacks_start_with_zeros(model, tmp_path):
  """Kernels of fewer inputs are widened; the model does as the old one did."""
  weights.save(model, tmp_path / "all.npz")
  with np.load(tmp_path / "all.npz") as file:
    arrays = dict(file)
  dense = "context_embedding/dense/kernel:0"
  project = model.cell.input_kernel.name
  for name, missing in ((dense, 84), (project, 28)):
    arrays[name] = arrays[name][:-missing]
  np.savez(tmp_path / "older.npz", **arrays)
  found = _values(model)
  assert weights.assign_fitting(model, tmp_path / "older.npz") == []
  for name, value in _values(model).items():
    missing = {dense: 84, project: 28}.get(name)
    if missing:
      assert not value[-missing:].any()
      np.testing.assert_array_equal(value[:-missing], found[name][:-missing])
    else:
      np.testing.assert_array_equal(value, found[name])


def test_kernels_after_a_smaller_layer_begin_anew(model, tmp_path):
  """Their inputs are others, not the same and some more."""
  *filters, last = model.config.filters
  fewer = HundConfig(filters=(*filters, last - 8))
  weights.save(HundModel(model.objective, fewer), tmp_path / "fewer.npz")
  before = _values(model)
  new = weights.assign_fitting(model, tmp_path / "fewer.npz")
  assert new == [
    "context_embedding/conv6/kernel:0",
    "context_embedding/conv6/bias:0",
    "context_embedding/dense/kernel:0",
  ]
  for name in new:
    np.testing.assert_array_equal(_values(model)[name], before[name])


def _branch(model):
  return [v.numpy() for v in model.cell.term_branch.variables]


def test_the_branch_for_terms_is_saved_and_left_out_where_there_is_none(
  model, body_model, tmp_path
):
  for variable in model.cell.term_branch.variables:
    variable.assign_add(np.full(variable.shape, 0.5))
  path = tmp_path / "with.npz"
  weights.save(model, path)
  for one, other in zip(
    _branch(model), _branch(weights.load(body_model, path)), strict=True
  ):
    np.testing.assert_array_equal(one, other)
  without = HundModel(model.objective, HundConfig(term_units=0))
  assert weights.assign_fitting(without, path) == []
  np.testing.assert_array_equal(
    without.initial_state.kernel, model.initial_state.kernel
  )
  weights.save(without, tmp_path / "without.npz")
  kept = _branch(model)
  new = weights.assign_fitting(model, tmp_path / "without.npz")
  assert new and all("term_branch" in name for name in new)
  for one, other in zip(kept, _branch(model), strict=True):
    np.testing.assert_array_equal(one, other)
