"""Regions, anchors, suppression: closed forms and round trips."""

import numpy as np
import pytest

from hund_tf.compat import tf
from hund_tf.detection import anchors, pose, resampling
from hund_tf.detection.roi import (
  Roi,
  aligned_angle,
  crop_roi,
  crop_views,
  tile_rois,
  upright_roi,
)


def test_roi_maps_there_and_back():
  roi = Roi(12.0, -3.0, 40.0, 0.7)
  points = np.random.default_rng(0).uniform(size=(5, 2))
  np.testing.assert_allclose(
    roi.from_image(roi.to_image(points)), points, atol=1e-12
  )


def test_quarter_turn_points_the_top_to_the_right():
  roi = Roi(0.0, 0.0, 2.0, np.pi / 2)
  np.testing.assert_allclose(
    roi.to_image(np.array([0.5, 0.0])), [1.0, 0.0], atol=1e-12
  )
  assert np.isclose(aligned_angle([0, 0], [1, 0], 90.0), np.pi / 2)
  assert np.isclose(aligned_angle([0, 0], [0, -1], 90.0), 0.0)


def test_identity_crop_returns_the_pixels():
  image = np.random.default_rng(0).integers(0, 255, (16, 16, 3), np.uint8)
  crop = crop_roi(image, upright_roi(np.array([0, 0, 16, 16])), 16)
  np.testing.assert_array_equal(crop, image)


def _by_hand(image, roi, side, mirrored):
  """Bilinear samples, one by one; black beyond the photo."""
  height, width = image.shape[:2]
  padded = np.pad(image.astype(np.float64), ((1, 1), (1, 1), (0, 0)))
  crop = np.zeros((side, side, 3))
  for row, column in np.ndindex(side, side):
    place = (np.array([column, row]) + 0.5) / side
    if mirrored:
      place[0] = 1 - place[0]
    x, y = roi.to_image(place) - 0.5
    if -1 < x < width and -1 < y < height:
      i, j = int(np.floor(y)) + 1, int(np.floor(x)) + 1
      fy, fx = y + 1 - i, x + 1 - j
      crop[row, column] = np.tensordot(
        np.outer([1 - fy, fy], [1 - fx, fx]),
        padded[i : i + 2, j : j + 2],
        axes=2,
      )
  return crop


@pytest.mark.parametrize("mirrored", [False, True])
def test_crops_are_bilinear_samples(mirrored):
  image = np.random.default_rng(1).integers(0, 255, (30, 40, 3), np.uint8)
  rois = [
    Roi(20.0, 15.0, 20.0, 0.3),
    Roi(37.0, 2.0, 22.0, -1.2),
    Roi(10.3, 29.9, 17.0, 2.5),
    Roi(-300.0, 15.0, 20.0, 0.0),
  ]
  found = crop_views([image] * 4, [(roi, mirrored) for roi in rois], 16)
  for roi, crop in zip(rois, found, strict=True):
    expected = _by_hand(image, roi, 16, mirrored)
    np.testing.assert_allclose(crop, expected, atol=2e-2)
  assert not found[-1].any()


def test_large_regions_are_averaged():
  """Of stripes a pixel wide a crop of a quarter of the side has the mean."""
  image = np.zeros((400, 400, 3), np.uint8)
  image[:, ::2] = 200
  crop = crop_roi(image, Roi(200.0, 200.0, 256.0), 64)
  np.testing.assert_allclose(crop, 100.0, atol=2.0)


def test_a_crop_follows_its_region_smoothly():
  """Crops of regions that hardly differ hardly differ; nothing is rounded."""
  image = np.random.default_rng(2).integers(0, 255, (90, 120, 3), np.uint8)
  for size in (60.0, 130.0):
    roi = Roi(60.0, 45.0, size, 0.3)
    near = roi._replace(x=roi.x + 1e-3, angle=roi.angle + 1e-5)
    apart = np.abs(crop_roi(image, roi, 64) - crop_roi(image, near, 64))
    assert 0 < apart.max() < 0.8


@pytest.mark.parametrize("side", [32, 64, 100])
def test_crop_keeps_pixel_centres(side):
  x = np.arange(64) + 0.5
  ramp = np.broadcast_to(x, (64, 64)).astype(np.float32)
  crop = crop_roi(ramp, Roi(32.0, 32.0, 40.0), side)
  expected = 12.0 + (np.arange(side) + 0.5) * 40.0 / side
  np.testing.assert_allclose(crop[side // 2], expected, atol=0.05)


def test_paste_undoes_crop():
  y, x = np.mgrid[:60, :80]
  image = np.exp(-((x - 40.0) ** 2 + (y - 30.0) ** 2) / 200).astype(np.float32)
  roi = Roi(40.5, 30.5, 50.0, 0.4)
  patch = tf.constant(crop_roi(image, roi, 128))
  where = tf.constant([roi.x, roi.y], tf.float64), roi.size, roi.angle
  corner = tf.constant([5.0, 4.0], tf.float64)
  part = resampling.pasted(
    patch, *(tf.cast(x, tf.float64) for x in where), corner, [50, 70]
  )
  pasted = np.zeros([60, 80], np.float32)
  pasted[4:54, 5:75] = part
  np.testing.assert_allclose(
    pasted[20:40, 30:50], image[20:40, 30:50], atol=0.02
  )


def test_anchor_counts_and_centres():
  pose_anchors = anchors.ssd_anchors(224, anchors.POSE_STRIDES)
  assert pose_anchors.shape == (2254, 2)
  assert anchors.ssd_anchors(128, anchors.FACE_STRIDES).shape == (
    896,
    2,
  )
  np.testing.assert_allclose(pose_anchors[:2], 4 / 224)  # both of the cell
  np.testing.assert_allclose(pose_anchors[2], [12 / 224, 4 / 224])
  np.testing.assert_allclose(pose_anchors[2 * 28 * 28], 8 / 224)
  np.testing.assert_allclose(pose_anchors[-1], 208 / 224)


def test_decode_adds_the_anchor():
  centers = anchors.ssd_anchors(224, anchors.POSE_STRIDES)
  values = np.zeros((len(centers), 12), np.float32)
  logits = np.full(len(centers), -20.0, np.float32)
  row = 2 * (28 * 10 + 5)  # cell in row 10, column 5 of the first layer
  values[row] = [2.24, -2.24, 22.4, 44.8] + [22.4, 0, 0, -22.4] * 2
  logits[row] = 2.0
  found = anchors.decode(values, logits, centers, 224, 0.5)
  center = np.array([44.0, 84.0]) / 224
  np.testing.assert_allclose(
    found.boxes,
    [[center[0] + 0.01 - 0.05, center[1] - 0.01 - 0.1, 0.1, 0.2]],
    atol=1e-6,
  )
  np.testing.assert_allclose(
    found.keypoints[0, 0], center + [0.1, 0], atol=1e-6
  )
  np.testing.assert_allclose(
    found.keypoints[0, 1], center - [0, 0.1], atol=1e-6
  )
  np.testing.assert_allclose(found.scores, 1 / (1 + np.exp(-2.0)), rtol=1e-6)


def test_decode_finds_nothing_and_refuses_other_networks():
  centers = anchors.ssd_anchors(224, anchors.POSE_STRIDES)
  values = np.zeros((len(centers), 12), np.float32)
  found = anchors.decode(values, values[:, 0] - 9, centers, 224, 0.5)
  assert found.keypoints.shape == (0, 4, 2)
  with pytest.raises(ValueError, match="2254"):
    anchors.decode(values[:5], values[:5, 0], centers, 224, 0.5)


def test_box_iou_and_suppression():
  boxes = np.array([[0, 0, 2, 2], [1, 0, 2, 2], [10, 10, 1, 1], [0, 0, 2, 2.1]])
  assert np.isclose(anchors.box_iou(boxes, boxes)[0, 1], 1 / 3)
  scores = np.array([0.5, 0.9, 0.3, 0.8])
  assert anchors.non_maximum_suppression(boxes, scores, 0.5) == [1, 3, 2]
  assert anchors.non_maximum_suppression(boxes[:0], scores[:0], 0.5) == []


def test_tiles_cover_the_photo():
  covered = np.zeros((90, 200), bool)
  for tile in tile_rois(90, 200, 1 / 3):
    half = tile.size / 2
    rows = slice(max(0, round(tile.y - half)), round(tile.y + half))
    columns = slice(max(0, round(tile.x - half)), round(tile.x + half))
    covered[rows, columns] = True
  assert covered.all()
  assert len(tile_rois(90, 200, 1.0)) == 1


def test_heatmap_refinement_moves_to_the_peak_only_when_it_is_sure():
  heatmap = np.full((64, 64, 1), -20.0)
  heatmap[30, 20] = 10.0
  points = np.array([[22.4 / 64, 31.5 / 64]])
  refined = pose.refine_from_heatmaps(points, heatmap)
  np.testing.assert_allclose(refined, [[20 / 64, 30 / 64]], atol=1e-6)
  unsure = pose.refine_from_heatmaps(points, np.full((64, 64, 1), -1.0))
  np.testing.assert_allclose(unsure, points)


def test_looks_agree_with_the_majority():
  looks = np.zeros((5, 1, 4))
  looks[:, 0, 0] = [10.0, 10.2, 9.8, 60.0, 61.0]
  merged, share = pose.agree(looks, size=100.0)
  assert abs(merged[0, 0] - 10.0) < 0.1
  assert 0.55 < share[0] < 0.61
  merged, _ = pose.agree(looks, 100.0, np.array([0.1, 0.1, 0.1, 1, 1]))
  assert abs(merged[0, 0] - 60.5) < 0.1


def test_region_of_joints_encloses_the_person_and_keeps_the_trunk_upright():
  joints = np.zeros((17, 3))
  joints[5:7] = [[-10, -50, 1], [10, -50, 1]]  # shoulders
  joints[11:13] = [[-10, 0, 1], [10, 0, 1]]  # hips
  joints[15:17] = [[-10, 90, 1], [10, 90, 1]]  # ankles
  roi = pose.joints_roi(joints)
  assert (roi.x, roi.y) == (0.0, 0.0) and abs(roi.angle) < 1e-6
  inside = roi.from_image(joints[joints[:, 2] > 0, :2])
  assert np.all((inside > 0.05) & (inside < 0.95))
  lying = joints.copy()
  lying[:, :2] = joints[:, :2] @ np.array(
    [[0, 1], [-1, 0]]
  )  # head to the right
  turned = pose.joints_roi(lying)
  head = turned.from_image(lying[5:7, :2].mean(axis=0))
  np.testing.assert_allclose(head[0], 0.5, atol=1e-6)
  assert head[1] < 0.5 and np.isclose(turned.size, roi.size)


def test_turned_points_follow_the_region():
  roi = Roi(0.0, 0.0, 1.0, 0.3)
  points = np.random.default_rng(0).normal(size=(4, 2))
  np.testing.assert_allclose(
    pose.turned(points, 0.3), roi.to_image(points + 0.5), atol=1e-12
  )


def test_merged_looks_know_their_weights():
  landmarks = np.ones((33, 4))
  roi = Roi(0.0, 0.0, 10.0)
  looks = [
    pose.Pose(landmarks, landmarks[:, :3], landmarks[:2, :2], 1.0, None, roi)
  ] * 4
  np.testing.assert_allclose(pose.merge(tuple(looks)).weights, 0.25)
  some = pose.merge(tuple(looks), np.array([3.0, 1.0, 0.0, 0.0]))
  np.testing.assert_allclose(some.weights, [0.75, 0.25, 0.0, 0.0])
