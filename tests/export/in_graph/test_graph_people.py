"""The detector's logic on tensors against that on arrays."""

import numpy as np
import pytest

from hund_tf.compat import tf
from hund_tf.detection import detector as reference
from hund_tf.detection import features, finding, fusion, mapping, masks, thunder
from hund_tf.detection import landmarks_3d as spatial
from hund_tf.detection import pose as looks
from hund_tf.detection.interface import Detection
from hund_tf.detection.roi import Roi
from hund_tf.export.in_graph import (
  candidates,
  detector,
  joints,
  keypoints,
  pose,
)
from hund_tf.export.in_graph import features as graph_features
from hund_tf.export.in_graph import masks as graph_masks
from hund_tf.export.in_graph.parts import Part

_BOX = np.array([20.0, 30.0, 60.0, 120.0])


def _rng():
  return np.random.default_rng(4)


def _people(*shape, rng=None):
  """Joints [..., 17, 3] in and around the box."""
  rng = rng or _rng()
  places = rng.uniform([10, 20], [90, 160], (*shape, 17, 2))
  return np.concatenate([places, rng.uniform(0, 1, (*shape, 17, 1))], axis=-1)


def test_looks_agree():
  rng = _rng()
  landmarks = rng.uniform(0, 100, (2, 4, 33, 4))
  landmarks[:, 1:3] = landmarks[:, :1] + rng.normal(0, 2, (2, 2, 33, 4))
  weights = rng.uniform(0.1, 1, (2, 4))
  size = np.array([100.0, 60.0])
  merged, share = pose.agree(*map(tf.constant, (landmarks, size, weights)))
  for i in range(2):
    expected = looks.agree(landmarks[i], size[i], weights[i])
    np.testing.assert_allclose(merged[i], expected[0], atol=1e-9)
    np.testing.assert_allclose(share[i], expected[1], atol=1e-9)


def test_points_move_to_their_heatmaps():
  rng = _rng()
  points = rng.uniform(-0.1, 1.1, (2, 39, 2))
  heat = rng.normal(-1, 2, (2, 64, 64, 39)).astype(np.float32)
  heat[0] -= 20.0  # nothing reaches 0.5
  found = pose.refined(tf.constant(points), tf.constant(heat))
  for i in range(2):
    expected = looks.refine_from_heatmaps(points[i], heat[i])
    np.testing.assert_allclose(found[i], expected, atol=1e-9)


def test_people_of_movenet():
  rng = _rng()
  out = {
    "centers": rng.uniform(0, 1, (2, 64, 64, 1)) ** 4,
    "heatmaps": rng.uniform(0, 1, (2, 64, 64, 17)),
    "regression": rng.normal(0, 8, (2, 64, 64, 34)),
    "offsets": rng.uniform(0, 1, (2, 64, 64, 34)),
  }
  out["centers"][1] *= np.linspace(0, 0.05, 64)[:, None, None]
  out["centers"][1, 20, 30] = 1.0  # one alone
  out = {k: v.astype(np.float32) for k, v in out.items()}
  found = joints.decode_people({k: tf.constant(v) for k, v in out.items()})
  for i, expected in enumerate(thunder.decode_people(out)):
    count = len(expected.centers)
    np.testing.assert_array_equal(found.centers[i, :count], expected.centers)
    assert (found.centers[i, count:].numpy() == -1).all()
    np.testing.assert_allclose(
      found.keypoints[i, :count], expected.keypoints, atol=1e-5
    )
  assert count == 1


@pytest.mark.parametrize("others", [0, 2])
def test_who_is_meant_by_a_box(others):
  rng = _rng()
  views = rng.uniform(0, 1, (2, 4)), _people(2, 4, rng=rng)
  likely = _people(rng=rng)
  landmarks = np.zeros((33, 4))
  landmarks[list(fusion.COCO_TO_33)] = np.concatenate(
    [likely, np.ones((17, 1))], axis=1
  )
  alignment = np.array([[50.0, 90.0], [50.0, 20.0]])
  seen = looks.Pose(landmarks, None, alignment, 1.0, None, None)
  known = _people(others, rng=rng)
  expected = finding.choose(
    _BOX,
    0.8,
    tuple(thunder.Candidates(*view) for view in zip(*views, strict=True)),
    seen,
    list(known),
  )
  one = candidates.Seen(
    *(
      tf.constant(np.asarray(x)[None])
      for x in (_BOX, 0.8, *views, likely, alignment)
    )
  )
  masked = tf.constant(np.concatenate([known, views[1][:1, 0]]))
  there = tf.constant([True] * others + [False])
  found = candidates.choose(one, masked, there)
  np.testing.assert_allclose(found.looks[0], expected.looks, atol=1e-9)
  np.testing.assert_allclose(found.joints[0], expected.joints, atol=1e-9)
  assert float(found.score()[0]) == pytest.approx(expected.score)
  assert bool(found.inside()[0]) == finding.is_inside(expected)


def _parts(rng):
  face = np.concatenate(
    [rng.uniform(30, 60, (70, 2)), rng.uniform(0.1, 1, (70, 1))], axis=1
  )
  left = np.concatenate(
    [rng.uniform(30, 60, (21, 2)), rng.uniform(0.1, 1, (21, 1))], axis=1
  )
  right = left + [3.0, 0.0, 0.0]
  return face, left, right, rng.uniform(0, 1, (3, 70, 4))


def _part(points, in_space):
  return Part(
    tf.constant(points[None]), tf.constant(in_space[None, : len(points)])
  )


def test_keypoints_of_a_person():
  rng = _rng()
  pose_33 = np.concatenate(
    [rng.uniform([-20, -20], [140, 170], (33, 2)), rng.uniform(0, 1, (33, 1))],
    axis=1,
  )
  joint_17 = _people(rng=rng)
  fused = fusion.fused_pose(pose_33, joint_17, 120.0)
  found = keypoints.fused_pose(
    *(tf.constant(x[None]) for x in (pose_33, joint_17)),
    tf.constant([120.0], tf.float64),
  )
  np.testing.assert_allclose(found[0], fused, atol=1e-9)
  face, left, right, in_space = _parts(rng)
  parts = [_part(*x) for x in zip((face, left, right), in_space, strict=True)]
  hands = keypoints.drop_double_hands(parts[1], parts[2], found)
  reference.drop_double_hand(left, right, fused)
  assert not (left.any() and right.any())
  np.testing.assert_allclose(hands[0].points[0], left)
  np.testing.assert_allclose(hands[1].points[0], right)
  points = mapping.assemble(fused, face, left, right, 160, 120)
  size = tf.constant([120.0, 160.0], tf.float64)
  seen = keypoints.assemble(found, parts[0], *hands, size)
  np.testing.assert_allclose(seen[0], points, atol=2e-5)
  body = rng.uniform(0, 1, (33, 4))
  expected = spatial.assemble_3d(
    body, in_space[0], in_space[1, :21], in_space[2, :21], points
  )
  in_3d = keypoints.assemble_3d(tf.constant(body[None]), parts[0], *hands, seen)
  np.testing.assert_allclose(in_3d[0], expected, atol=1e-6)
  box = reference.person_box(_BOX, points, 160, 120)
  boxes = detector.person_boxes(tf.constant(_BOX[None]), seen, size)
  np.testing.assert_allclose(boxes[0], box, atol=2e-5)


@pytest.mark.parametrize("shape", [(160, 120), (900, 700)])
def test_maps_of_two_people(shape):
  rng = _rng()
  height, width = shape
  rois = [
    Roi(width * 0.4, height * 0.5, height * 0.9, 0.1),
    Roi(width * 0.6, height * 0.5, height * 0.8, -0.2),
  ]
  y, x = np.mgrid[:256, :256] / 256 - 0.5
  patch = np.exp(-8 * (x * x + y * y)).astype(np.float32)
  points = np.zeros((2, 137, 3))
  points[:, :25, 2] = 0.9
  points[:, :25, :2] = rng.uniform(0.3, 0.7, (2, 25, 2)) * [width, height]
  people = [
    looks.Looks((looks.Pose(*[None] * 4, patch, roi),), *[None] * 4)
    for roi in rois
  ]
  expected = masks.person_masks(people, points, height, width)
  owner = np.full(shape, -1, np.int32)
  for i, mask in enumerate(expected):
    assert mask.any()
    owner[mask > 0] = i
  boxes = np.array([[-10, 5, height, height], [20, 30, 400, 400]], np.float32)
  maps = graph_masks.foreground_maps(
    tf.constant(owner), tf.constant(boxes.astype(np.float64)), shape
  )
  for i, box in enumerate(boxes):
    own = features.foreground_map(expected[i], box)
    np.testing.assert_allclose(maps[i], own, atol=1e-5)


def test_features_of_a_person():
  rng = _rng()
  points = np.concatenate(
    [rng.uniform(0, 150, (137, 2)), rng.uniform(-0.2, 1, (137, 1))], axis=1
  ).astype(np.float32)
  points[:, 2] = np.maximum(points[:, 2], 0.0)
  in_space = rng.uniform(0, 1, (137, 4)).astype(np.float32)
  mask = (rng.uniform(0, 1, (160, 120)) > 0.5).astype(np.uint8)
  person = Detection(_BOX.astype(np.float32), 0.9, points, mask, in_space)
  box = features.crop_box(person)
  expected = features.image_features([person], [box])
  crops = detector.crop_boxes(tf.constant(_BOX[None]))
  np.testing.assert_array_equal(crops[0], box)
  found = graph_features.image_features(
    detector.Detections(
      tf.constant(_BOX[None], tf.float32),
      tf.constant([0.9]),
      tf.constant(points[None]),
      tf.constant(in_space[None]),
      tf.constant(features.foreground_map(mask, box)[None]),
      crops,
    )
  )
  for name, value in expected._asdict().items():
    np.testing.assert_allclose(
      getattr(found, name), value, atol=1e-5, err_msg=name
    )
