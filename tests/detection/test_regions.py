"""Regions, anchors, suppression: closed forms and round trips."""

import numpy as np
import pytest

from hund_tf.detection import anchors, people, pose
from hund_tf.detection.roi import (
  Roi,
  aligned_angle,
  crop_roi,
  paste_roi,
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
  pasted = paste_roi(crop_roi(image, roi, 128), roi, 60, 80)
  np.testing.assert_allclose(
    pasted[20:40, 30:50], image[20:40, 30:50], atol=0.02
  )


def test_anchor_counts_and_centres():
  pose_anchors = anchors.ssd_anchors(224, anchors.POSE_STRIDES)
  assert pose_anchors.shape == (2254, 2)
  assert anchors.ssd_anchors(128, anchors.FACE_STRIDES).shape == (896, 2)
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


def _looks(offset, stability=0.9):
  """A person at `offset` with a square mask and sure landmarks."""
  grid = np.linspace(0, 1, 33)
  points = np.stack([offset + 100 * grid, 100 * grid[::-1]], axis=-1)
  landmarks = np.concatenate([points, np.ones((33, 2))], axis=-1)
  mask = np.ones((256, 256), np.float32)
  single = pose.Pose(
    landmarks, points[:2], 1.0, mask, Roi(offset + 50, 50, 100)
  )
  return pose.Looks((single,), landmarks, np.ones(33), stability)


@pytest.fixture
def finder():
  return people.PeopleFinder()


def test_suppression_keeps_one_of_two_equal_people(finder):
  a, b, far = _looks(0.0), _looks(3.0), _looks(150.0)
  kept = finder.suppress([a, b, far], 100, 300)
  assert len(kept) == 2 and any(k is far for k in kept)


def test_suppression_drops_unstable_looks(finder):
  assert finder.suppress([_looks(0.0, 0.5)], 100, 300) == []
