"""Errors of fits to points of known bodies."""

import numpy as np

from hund_tf.motion import pose_library
from hund_tf.records.schema import MESH
from hund_tf.retargeting import accuracy
from hund_tf.retargeting.accuracy import Accuracy
from hund_tf.retargeting.fit import RetargetingConfig


def test_targets_are_points_of_the_body(body_model):
  found = accuracy.targets(body_model)
  assert [target.name for target in found] == [
    "63 joints",
    "24 joints of SMPL",
    "17 joints of Human3.6M",
    "752 vertices",
  ]
  for target, count in zip(found, (63, 24, 17, 752), strict=True):
    assert (target.weights > 0).sum() == count
    assert len(target.weights) == len(target.point_set.anchors)


def test_people_differ_and_can_be_drawn_again(body_model):
  draw = lambda seed: accuracy.people(body_model, pose_library.empty(), 3, seed)
  first, again, other = draw(0), draw(0), draw(1)
  for field, same, different in zip(first, again, other, strict=True):
    np.testing.assert_array_equal(field, same)
    assert np.abs(field - different).max() > 0
    assert np.ptp(field.numpy(), axis=0).max() > 0  # from person to person


def test_errors_are_those_of_the_fitted_bodies(body_model):
  truth = accuracy.people(body_model, pose_library.empty(), 2)
  all_targets = accuracy.targets(body_model)
  (found,) = accuracy.measure(
    body_model,
    truth,
    all_targets[:1],
    RetargetingConfig(batch_size=2),
  )
  assert found.target == "63 joints"
  # All joints are fitted to with one weight: the residual is their error.
  np.testing.assert_allclose(found.residual_mm, found.joints_mm, rtol=0.01)
  assert (found.joints_mm < 8.0).all() and (found.vertices_mm < 30.0).all()
  count = len(body_model.mesh_ids(MESH))
  assert found.vertices_mm.shape == (2,) and count == 752
  assert found.seconds > 0


def test_the_table_has_means_and_percentiles():
  values = np.arange(21.0)  # mean 10, 95th percentile 19
  row = Accuracy("x", values, 2 * values, 3 * values, 0.125, 11.6)
  (*_, last) = accuracy.table([row]).splitlines()
  assert last == ("| x | 10.0 / 19.0 | 20.0 / 38.0 | 30.0 / 57.0 | 0.12 | 12 |")
