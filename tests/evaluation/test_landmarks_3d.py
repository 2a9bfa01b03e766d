"""Protocol `landmarks_3d`: frames, groups, and who counts."""

import json

import numpy as np
import pytest
from PIL import Image

from hund_tf.body import joint_sets, keypoints
from hund_tf.body.landmarks_3d import viewed_landmarks
from hund_tf.compat import tf
from hund_tf.detection.features import crop_box
from hund_tf.detection.interface import Detection, empty_keypoints
from hund_tf.evaluation import landmarks_3d
from hund_tf.evaluation.config import EvaluationConfig
from hund_tf.geometry import camera
from hund_tf.types import Intrinsics
from tests.records import people

_BOX = [40.0, 10.0, 20.0, 30.0]
_LENS = [80.0, 80.0, 32.0, 24.0]


class _Detector:
  """Says the same 3D landmarks of everybody, or finds nobody."""

  def __init__(self, landmarks):
    self.landmarks = landmarks

  def detect(self, image, boxes=None, max_people=None):
    if self.landmarks is None:
      return []
    box = np.asarray(boxes[0], np.float32)
    return [Detection(box, 1.0, empty_keypoints(), None, self.landmarks)]


def _truth(folder):
  """A person at the side of a photo; what the crop's viewer sees of them."""
  joints = np.random.default_rng(0).normal(0.0, 0.3, [14, 3]) + [1.0, 0.0, 3.0]
  named = dict(zip(joint_sets.LSP_14, (1e3 * joints).tolist(), strict=True))
  photo = {
    "file": "a.png",
    "dataset": "studio",
    "intrinsics_fx_fy_cx_cy": _LENS,
    "people": [
      {"box_left_top_width_height": _BOX, "joints_3d_camera_mm": named}
    ],
  }
  Image.new("RGB", (64, 48)).save(folder / "a.png")
  path = folder / "truth.json"
  path.write_text(json.dumps([photo]))
  points = np.zeros([1, 137, 3], np.float32)
  for name, joint in zip(joint_sets.LSP_14, joints, strict=True):
    if name in keypoints.INDEX:
      points[0, keypoints.INDEX[name]] = joint
  lens = Intrinsics(tf.constant([_LENS[:2]]), tf.constant([_LENS[2:]]))
  box = crop_box(Detection(np.array(_BOX), 1.0, empty_keypoints()))
  lens = camera.crop_intrinsics(lens, tf.constant(box[None]))
  seen = np.zeros([137, 4], np.float32)
  seen[:, :3] = viewed_landmarks(tf.constant(points), lens)[0]
  seen[:25, 3] = 0.9
  return path, seen


def test_landmarks_of_the_crop_s_viewer_have_no_error(tmp_path):
  path, seen = _truth(tmp_path)
  config = EvaluationConfig(protocol="landmarks_3d", truth=str(path))
  text = landmarks_3d.run(config, _Detector(seen), None, tmp_path)
  assert "studio: body" in text and "hand" not in text
  (row,) = json.loads((tmp_path / "landmarks_3d.json").read_text())["rows"]
  assert row["shown"] == 1 and row["points"] == 12
  for title in ("MPJPE-PA", "MPJPE"):
    assert row[title] == pytest.approx(0.0, abs=1e-2)
  # Twice as large: only the similarity takes that away.
  seen[:, :3] *= 2.0
  landmarks_3d.run(config, _Detector(seen), None, tmp_path)
  (row,) = json.loads((tmp_path / "landmarks_3d.json").read_text())["rows"]
  size = np.linalg.norm(seen[landmarks_3d.GROUPS["body"], :3], axis=-1).mean()
  assert row["MPJPE-PA"] == pytest.approx(0.0, abs=1e-2)
  assert row["MPJPE"] == pytest.approx(1e3 * size / 2, rel=1e-3)


def test_who_is_not_found_is_counted(tmp_path):
  path, _ = _truth(tmp_path)
  config = EvaluationConfig(protocol="landmarks_3d", truth=str(path))
  landmarks_3d.run(config, _Detector(None), None, tmp_path)
  (row,) = json.loads((tmp_path / "landmarks_3d.json").read_text())["rows"]
  assert (row["people"], row["shown"]) == (1, 0)


def test_records_tell_hands_and_faces_too(body_model, tmp_path):
  records = people.make(body_model, 2)
  image = Image.new("RGB", (people.SIZE, people.SIZE))
  image.save(tmp_path / "a.png")
  data = (tmp_path / "a.png").read_bytes()
  records = [r._replace(image=data) for r in records]
  cases = list(landmarks_3d.record_cases(records, body_model))
  assert len(cases) == 2
  np.testing.assert_array_equal(cases[0].hidden, 1.0)  # nothing is said seen
  seen = np.ones([137, 4], np.float32)
  rows = landmarks_3d.summarize(landmarks_3d.observe(cases, _Detector(seen)))
  names = [row.group for row in rows]
  assert names == [f"people: {name}" for name in landmarks_3d.GROUPS]
  with pytest.raises(ValueError, match="gives no 3D landmarks"):
    landmarks_3d.observe(cases, _NoLandmarks(seen))


class _NoLandmarks(_Detector):
  def detect(self, image, boxes=None, max_people=None):
    return [d._replace(landmarks_3d=None) for d in super().detect(image, boxes)]
