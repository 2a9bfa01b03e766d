"""Errors of hands and faces against closed forms."""

import numpy as np
import pytest
from scipy import optimize
from scipy.spatial.transform import Rotation

from hund_tf.body import keypoints, parts
from hund_tf.evaluation import part_metrics


def _hand(shape=(21, 3), seed=0):
  return np.random.default_rng(seed).normal(size=shape)


def test_what_each_alignment_takes_away():
  truth = _hand()
  turned = 0.7 * truth @ Rotation.random(random_state=1).as_matrix().T + [
    1,
    2,
    3,
  ]
  errors = part_metrics.hand_errors(turned, truth)
  assert errors["pa_mpjpe"] == pytest.approx(0.0, abs=1e-9)
  assert errors["scaled_mpjpe"] > 0.1
  grown = 1.3 * truth + [0, 5, 0]
  errors = part_metrics.hand_errors(grown, truth)
  assert errors["scaled_mpjpe"] == pytest.approx(0.0, abs=1e-9)
  lengths = np.linalg.norm(truth - truth[0], axis=-1)
  assert errors["mpjpe"] == pytest.approx(0.3 * lengths.mean())


def test_the_scale_is_of_least_squares():
  joints, truth = _hand(seed=1), _hand(seed=2)
  weights = np.random.default_rng(3).uniform(0.2, 1, 21)
  found = part_metrics.hand_errors(joints, truth, weights)["scaled_mpjpe"]
  own, true = joints - joints[0], truth - truth[0]

  def square(scale):
    return (weights[:, None] * (scale * own - true) ** 2).sum()

  scale = optimize.minimize_scalar(square).x
  distances = np.linalg.norm(scale * own - true, axis=-1)
  assert found == pytest.approx((weights * distances).sum() / weights.sum())


def test_missing_joints_do_not_count():
  joints, truth = _hand((2, 21, 3)), _hand((2, 21, 3), seed=5)
  weights = np.ones((2, 21))
  weights[0, 4] = 0
  weights[1, 0] = 0
  joints[0, 4] = np.nan
  truth[1, 0] = np.nan
  errors = part_metrics.hand_errors(joints, truth, weights)
  keep = np.arange(21) != 4
  alone = part_metrics.hand_errors(joints[0, keep], truth[0, keep])
  for name, values in errors.items():
    assert values[0] == pytest.approx(alone[name])
  assert np.isfinite(errors["pa_mpjpe"][1])
  assert np.isnan(errors["mpjpe"][1]) and np.isnan(errors["scaled_mpjpe"][1])


def test_regions_of_the_mesh(body_model):
  asset = body_model.asset
  found = {
    r: part_metrics.region_vertices(asset, r) for r in part_metrics.REGIONS
  }
  left, right = found["left_hand"], found["right_hand"]
  np.testing.assert_array_equal(np.sort(asset.mirror[left]), right)
  for region, name in (
    ("left_hand", "l_hand"),
    ("right_hand", "r_hand"),
    ("face", "head"),
  ):
    labels = asset.parts[found[region]]
    assert np.mean(labels == parts.INDEX[name]) > 0.9, region
  # The face looks forward: its vertices lie before the middle of the head.
  face = asset.template[found["face"]]
  head = asset.template[asset.parts == parts.INDEX["head"]]
  assert 500 < len(face) < len(head)
  assert face[:, 2].mean() > head[:, 2].mean() + 0.01
  with pytest.raises(ValueError, match="region is 'foot', expected one of"):
    part_metrics.region_vertices(asset, "foot")


def test_pve_of_a_region_moves_it_alone():
  truth = _hand((50, 3))
  region = np.arange(10, 20)
  vertices = _hand((50, 3), seed=9)
  vertices[region] = truth[region] + [3.0, 0.0, 0.0]
  errors = part_metrics.region_pve(vertices, truth, region)
  assert errors["pve"] == pytest.approx(0.0, abs=1e-9)
  vertices[10] += [0.0, 0.0, 1.0]
  # The mean moves by a tenth: one vertex is off by 0.9, nine by 0.1.
  errors = part_metrics.region_pve(vertices, truth, region)
  assert errors["pve"] == pytest.approx(0.18)
  turn = Rotation.random(random_state=3).as_matrix()
  errors = part_metrics.region_pve(2.0 * truth @ turn.T, truth, region)
  assert errors["pa_pve"] == pytest.approx(0.0, abs=1e-9) and errors["pve"] > 1


def test_pixels_in_units_of_hand_and_face():
  annotated = np.zeros((21, 2))
  points = annotated + [3.0, 4.0]
  box = np.array([1.0, 1.0, 20.0, 50.0])
  np.testing.assert_allclose(
    part_metrics.box_distances(points, annotated, box), 0.1
  )
  assert np.isnan(
    part_metrics.box_distances(points, annotated, np.zeros(4))
  ).all()
  face = np.random.default_rng(0).uniform(0, 100, (68, 2))
  # Outer corners: the first of the right eye's and the fourth of the left's.
  face[36], face[45] = [10, 10], [40, 50]
  moved = face + [0, 5.0]
  moved[0] = np.nan
  distances = part_metrics.eye_distances(moved, face)
  np.testing.assert_allclose(distances[1:], 0.1)
  assert np.isnan(distances[0])


def test_eye_corners_are_mirror_images(body_model):
  right, left = (
    keypoints.FACE.start + k for k in part_metrics.OUTER_EYE_CORNERS
  )
  assert keypoints.MIRROR[right] == left
  rest = body_model.asset
  face = rest.keypoint_vertex_weights[25:95] @ rest.template[rest.keypoint_ids]
  wide = np.abs(face[36:48, 0])
  assert wide[0] == wide[:6].max() and wide[9] == wide[6:].max()
  assert face[45, 0] > 0 > face[36, 0]  # the left is at x > 0
