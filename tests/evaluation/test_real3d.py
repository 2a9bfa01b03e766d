"""Photos with 3D joints: what is read, who is found, and errors of bodies."""

import json

import numpy as np
import pytest
from PIL import Image

from hund_tf.body import joint_sets, keypoints
from hund_tf.detection.interface import Detection
from hund_tf.evaluation import real3d, scoring
from hund_tf.evaluation.predictions import Predictions

_LIMBS = joint_sets.LSP_14[:12]


def _write(folder, **changes):
  """Two photos: 14 joints of one person, 12 of another."""
  joints = np.random.default_rng(0).normal(0.0, 300.0, [2, 14, 3])
  joints[..., 2] += 3000.0
  photos = []
  for k, names in enumerate((joint_sets.LSP_14, _LIMBS)):
    named = dict(zip(names, joints[k].tolist(), strict=False))
    person = {
      "box_left_top_width_height": [10.0 + k, 20, 30, 40],
      "joints_3d_camera_mm": named | {"nose": [0, 0, 0]},
    }
    photos.append(
      {
        "file": f"{k}.png",
        "dataset": ("studio", "dome")[k],
        "intrinsics_fx_fy_cx_cy": [100, 110, 32, 24],
        "people": [person | changes],
      }
    )
    Image.new("RGB", (64, 48), (k, k, k)).save(folder / f"{k}.png")
  path = folder / "truth.json"
  path.write_text(json.dumps(photos))
  return path, joints / 1e3


def _predictions(truth, joints):
  """Human3.6M's 17 joints of which LSP's 14 are given."""
  own = np.zeros([len(joints), 17, 3])
  own[:, list(joint_sets.H36M_17_TO_LSP_14)] = joints
  return Predictions(truth.keys, {"joints_17": own})


def test_named_joints_are_read_in_metres(tmp_path):
  path, joints = _write(tmp_path)
  photos = real3d.read(path)
  truth = real3d.to_truth(photos)
  assert truth.keys == ("0.png/0", "1.png/0")
  assert truth.groups == ("studio", "dome")
  np.testing.assert_array_equal(truth.weights.sum(-1), [14, 12])
  np.testing.assert_allclose(truth.joints[0], joints[0])
  np.testing.assert_allclose(truth.joints[1, :12], joints[1, :12])
  assert np.isnan(truth.joints[1, 12:]).all()


def test_perfect_and_shifted_predictions(tmp_path):
  path, joints = _write(tmp_path)
  truth = real3d.to_truth(real3d.read(path))
  scores = scoring.score(truth, _predictions(truth, joints), "mid_hip")
  rows = real3d.summarize(truth, scores)
  assert [row.group for row in rows] == ["dome", "studio", "all"]
  assert [row.counts["joints"] for row in rows[:2]] == [12, 14]
  for figure in rows[-1].figures.values():
    assert np.isclose(figure.value, 0.0, atol=1e-9)
  # One who is 100 mm too far, one twice as large and found by the same view.
  moved = joints + np.array([0.0, 0.0, 0.1])
  moved[1] = 2.0 * joints[1]
  scores = scoring.score(truth, _predictions(truth, moved), "mid_hip")
  dome, studio, everybody = real3d.summarize(truth, scores)
  assert np.isclose(studio.figures["un-aligned"].value, 100.0)
  assert np.isclose(studio.figures["MPJPE"].value, 0.0, atol=1e-9)
  assert np.isclose(dome.figures["MPJPE-PA"].value, 0.0, atol=1e-9)
  hips = joints[1, [2, 3]].mean(0)
  expected = 1e3 * np.linalg.norm(joints[1, :12] - hips, axis=-1).mean()
  assert np.isclose(dome.figures["MPJPE"].value, expected)
  mean, error = everybody.figures["MPJPE"]
  assert np.isclose(mean, expected / 2)
  assert np.isclose(error, expected / 2)
  assert np.isnan(dome.figures["MPJPE"].error)


def test_people_who_are_not_found_are_counted(tmp_path):
  path, joints = _write(tmp_path)
  truth = real3d.to_truth(real3d.read(path))
  joints[0] = np.nan
  scores = scoring.score(truth, _predictions(truth, joints), "mid_hip")
  row = real3d.summarize(truth, scores)[-1]
  assert row.counts["people"] == 2
  assert row.counts["found"] == 1


class _Detector:
  """Finds whoever is in a box; by search one whose joints it is told."""

  def __init__(self, points):
    self.points = points

  def detect(self, image, boxes=None, max_people=None):
    if boxes is not None:
      box = np.asarray(boxes[0], np.float32)
      return [Detection(box, 1.0, np.zeros([137, 3], np.float32))]
    other = Detection(np.ones(4, np.float32), 1.0, self.points + 200.0)
    own = Detection(np.ones(4, np.float32), 0.5, self.points)
    return [other, own] if image[0, 0, 0] else []


def test_sightings_have_the_true_camera_and_the_right_person(tmp_path):
  path, joints = _write(tmp_path)
  photos = real3d.read(path)
  points = np.zeros([137, 3], np.float32)
  for name, joint in zip(_LIMBS, joints[1], strict=False):
    x, y, z = joint
    place = [100 * x / z + 32, 110 * y / z + 24, 1.0]
    points[keypoints.INDEX[name]] = place
  detector = _Detector(points)
  regressors = {"studio": "h36m", "dome": "own"}
  given = list(real3d.sightings(photos, detector, regressors))
  assert [x.joint_regressor for x in given] == ["h36m", "own"]
  np.testing.assert_allclose(given[1].detection.box, [11, 20, 30, 40])
  np.testing.assert_allclose(given[0].intrinsics.focal, [100, 110])
  np.testing.assert_allclose(given[0].intrinsics.center, [32, 24])
  found = list(real3d.sightings(photos, detector, regressors, search=True))
  assert found[0].image is None
  assert found[0].problem
  assert found[1].detection.score == 0.5


def test_photos_may_state_their_definition(tmp_path):
  path, _ = _write(tmp_path)
  content = json.loads(path.read_text())
  content[0]["joint_regressor"] = "3dhp"
  path.write_text(json.dumps(content))
  stated = real3d.stated_regressors(real3d.read(path))
  assert stated == {"studio": "3dhp", "dome": ""}
  content[1]["dataset"] = "studio"
  path.write_text(json.dumps(content))
  with pytest.raises(ValueError, match=r"1\.png: joint_regressor is ''"):
    real3d.stated_regressors(real3d.read(path))
  content[1]["joint_regressor"] = "coco"
  path.write_text(json.dumps(content))
  with pytest.raises(ValueError, match="'coco' is not one of own, h36m"):
    real3d.read(path)


def test_files_that_cannot_be_used(tmp_path):
  path, _ = _write(tmp_path, joints_3d_camera_mm={"r_hip": [0, 0, 1]})
  with pytest.raises(ValueError, match=r"truth\.json: .*at least 3"):
    real3d.read(path)
  _write(tmp_path, box_left_top_width_height=[1, 2, 3])
  with pytest.raises(ValueError, match="expected 4 numbers"):
    real3d.read(path)
  path.write_text("[{}]")
  with pytest.raises(ValueError, match="expected a list of photos"):
    real3d.read(path)
  path.write_text("[]")
  with pytest.raises(ValueError, match="has no people"):
    real3d.read(path)


def test_real_truth_lies_in_its_boxes(shared):
  """Joints, seen by their camera, are where the photo shows the person."""
  photos = real3d.read(shared / "data" / "real3d" / "truth.json")
  truth = real3d.to_truth(photos)
  assert len(truth.keys) == 27
  assert truth.weights.sum(-1).min() >= 8
  for photo in photos:
    fx, fy, cx, cy = photo.intrinsics
    for box, joints in zip(photo.boxes, photo.joints, strict=True):
      known = joints[np.isfinite(joints).all(-1)]
      place = known[:, :2] / known[:, 2:] * [fx, fy] + [cx, cy]
      margin = 0.15 * box[2:].max()
      assert (place > box[:2] - margin).all(), photo.photo
      assert (place < box[:2] + box[2:] + margin).all(), photo.photo
