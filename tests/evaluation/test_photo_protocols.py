"""Whole protocols on two photos, with a detector that is known."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from hund_tf.compat import tf
from hund_tf.datasets.coco import COCO_INDICES
from hund_tf.detection.interface import Detection
from hund_tf.evaluation import photo_protocols
from hund_tf.evaluation.config import EvaluationConfig
from hund_tf.evaluation.predictions import Predictions
from hund_tf.types import ImageFeatures

_BOX = [10.0, 10.0, 50.0, 80.0]


def _annotation(number, image, x):
  """17 joints in a row from x on; those of person 1 are hidden."""
  points = [[x + k, 20 + 4 * k, 2 - number] for k in range(17)]
  return {
    "id": number,
    "image_id": image,
    "bbox": [x, *_BOX[1:]],
    "num_keypoints": 17,
    "keypoints": np.ravel(points).tolist(),
  }


@pytest.fixture
def annotations(tmp_path):
  """A person in photo 0, one whose joints are hidden in photo 1."""
  images = []
  for k in range(2):
    name = f"{k}.png"
    Image.new("RGB", (120, 100), (k, k, k)).save(tmp_path / name)
    images.append({"id": k, "file_name": name})
  rows = [_annotation(0, 0, 10.0), _annotation(1, 1, 10.0)]
  path = tmp_path / "coco.json"
  path.write_text(json.dumps({"images": images, "annotations": rows}))
  return path


class _Detector:
  """Finds the person of photo 0, and with a search a ghost in photo 1."""

  def detect(self, image, boxes=None, max_people=None):
    if image[0, 0, 0] == 1:
      box = np.array([50, 0, 30, 70], np.float32)
      return [Detection(box, 0.4, np.zeros([137, 3], np.float32))]
    points = np.zeros([137, 3], np.float32)
    places = [[10 + k, 20 + 4 * k, 0.9] for k in range(17)]
    points[list(COCO_INDICES)] = places
    return [Detection(np.array(_BOX, np.float32), 0.8, points)]


def _rows(path):
  content = json.loads(path.read_text())
  return content, {row["group"]: row for row in content["rows"]}


def test_detection_by_keypoints_and_by_boxes(annotations, tmp_path):
  config = EvaluationConfig(
    protocol="detection", annotations=(str(annotations),)
  )
  boxes = tmp_path / "boxes.json"
  people = {f"{k}.png": {"people": [_BOX]} for k in range(2)}
  boxes.write_text(json.dumps(people))
  for one in (config, EvaluationConfig(protocol="detection", truth=str(boxes))):
    text = photo_protocols.run_detection(one, _Detector(), tmp_path)
    assert "1.png: nobody there, at 50,0,30,70, score 0.40" in text
    content, rows = _rows(tmp_path / "detection.json")
    assert content["min_scored_px"] == 60
    assert rows["all"]["recall"] == 0.5
    assert rows["all"]["precision"] == 0.5
    with (tmp_path / "detection_cases.csv").open(encoding="utf-8") as file:
      what = [case["what"] for case in csv.DictReader(file)]
    assert what == ["found", "missed", "ghost: nobody there"]


@pytest.mark.parametrize("search", [False, True])
def test_landmarks(annotations, tmp_path, search):
  config = EvaluationConfig(
    protocol="landmarks", annotations=(str(annotations),), search_people=search
  )
  text = photo_protocols.run_landmarks(config, _Detector(), tmp_path)
  assert text.startswith("1 people, 1 found")
  content, rows = _rows(tmp_path / "landmarks.json")
  assert rows["all"]["joints"] == 17
  assert rows["all"]["PCK@0.05"] == 1.0
  assert content["confidence"]["auc"] is None  # all are right
  assert content["confidence"]["calibration_error"] == pytest.approx(0.1)
  assert content["search"] == search


def test_nobody_to_judge(annotations, tmp_path):
  config = EvaluationConfig(
    protocol="landmarks", annotations=(str(annotations),), min_scored_px=81.0
  )
  with pytest.raises(ValueError, match="nobody is at least 81 pixels"):
    photo_protocols.run_landmarks(config, _Detector(), tmp_path)


def test_parts(annotations, tmp_path):
  def features(image, detections, boxes):
    nothing = tf.zeros([1, 60, 60, 0])
    maps = np.zeros([1, 60, 60, 15], np.float32)
    maps[..., 14] = 1.0  # the head everywhere
    return ImageFeatures(*[nothing] * 2, tf.constant(maps), *[nothing] * 4)

  config = EvaluationConfig(protocol="parts", annotations=(str(annotations),))
  for detector in (_Detector(), None):
    photo_protocols.run_parts(config, detector, features, tmp_path)
    _, rows = _rows(tmp_path / "parts.json")
    assert rows["head"]["right"] == 1.0
    assert rows["all"]["right"] == pytest.approx(5 / 17, abs=1e-6)


def test_real3d(annotations, body_model, tmp_path):
  joints = {
    name: [100.0 * k, 50.0 * k * k, 3000.0]
    for k, name in enumerate(("r_hip", "l_hip", "r_knee", "l_knee"))
  }
  photo = {
    "file": "0.png",
    "dataset": "studio",
    "intrinsics_fx_fy_cx_cy": [100, 100, 60, 50],
    "people": [
      {"box_left_top_width_height": _BOX, "joints_3d_camera_mm": joints}
    ],
  }
  path = tmp_path / "truth.json"
  path.write_text(json.dumps([photo]))

  def predict(sightings, count):
    (sighting,) = sightings
    assert count == 1
    assert sighting.detection.score == np.float64(0.8)
    own = np.full([1, 17, 3], 3.0)
    for row, name in ((4, "r_hip"), (1, "l_hip"), (5, "r_knee"), (2, "l_knee")):
      own[0, row] = np.array(joints[name]) / 1e3
    return Predictions((sighting.key,), {"joints_17": own})

  config = EvaluationConfig(protocol="real3d", truth=str(path))
  text = photo_protocols.run_real3d(
    config, predict, _Detector(), body_model, tmp_path
  )
  assert "| studio | 1 | 1 | 4 | 0.0 | 0.0 | 0.0 |" in text
  content, rows = _rows(tmp_path / "real3d.json")
  assert content["root"] == "mid_hip"
  assert content["joint_regressor"] == {"studio": "h36m"}
  assert "joint regressor: studio: h36m" in text
  assert rows["studio"]["MPJPE"] == pytest.approx(0.0, abs=1e-6)
