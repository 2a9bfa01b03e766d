"""Errors by named set, and the pitch of trunks."""

import json

import numpy as np
import pytest

from hund_tf.body.joint_sets import LSP_14
from hund_tf.evaluation import pose_set_errors, scoring, synthetic_errors
from hund_tf.evaluation.pose_set_errors import SetExamples
from tests.records import people


def test_trunks_pitch_away_from_the_camera():
  points = np.zeros([3, 14, 3])
  points[:, LSP_14.index("l_hip"), 0] = 0.2
  middle = [[0.1, -0.5, 0.0], [0.1, -0.3, 0.3], [0.1, 0.0, -0.5]]
  for side, x in (("l", 0.2), ("r", -0.2)):
    points[:, LSP_14.index(f"{side}_shoulder")] = np.add(middle, [x, 0, 0])
  np.testing.assert_allclose(
    scoring.trunk_pitch(points), [0.0, 45.0, -90.0], atol=1e-6
  )


def test_a_row_for_each_set(monkeypatch, tmp_path):
  errors = {
    "upright": {"mpjpe": [50.0, 70.0], "pa_mpjpe": [40.0, 40.0]},
    "supine": {"mpjpe": [100.0, 160.0], "pa_mpjpe": [80.0, 100.0]},
  }

  def measure(examples, method, root):
    assert (method, root) == ("the method", "mid_hip")
    found = errors[examples] | {"trunk_pitch": [2.0, 4.0]}
    return {name: np.array(values) for name, values in found.items()}

  monkeypatch.setattr(synthetic_errors, "measure", measure)
  groups = (SetExamples(name, name) for name in errors)
  text = pose_set_errors.run(groups, "the method", "hund", "mid_hip", tmp_path)
  assert "| upright | 2 | 60.0 ± 10.0 | 40.0 ± 0.0 | 3.0 ± 1.0 |" in text
  content = json.loads((tmp_path / "pose_sets.json").read_text())
  assert (content["method"], content["root"]) == ("hund", "mid_hip")
  row = content["rows"][1]
  assert row["group"] == "supine" and row["people"] == 2
  assert row["MPJPE standard error"] == pytest.approx(30.0)


def test_records_are_people_of_sets(monkeypatch, tmp_path, body_model):
  records = people.make(body_model, 35)
  people.write(tmp_path / "upright", "validation", records)
  people.write(tmp_path / "supine", "validation", records[:3])
  seen = {}

  def measure(examples, method, root):
    batches = list(examples)
    seen[len(seen)] = batches
    keys = ("mpjpe", "pa_mpjpe", "trunk_pitch")
    found = np.concatenate([b.joints.numpy()[:, 0, 2] for b in batches])
    return dict.fromkeys(keys, found)

  monkeypatch.setattr(synthetic_errors, "measure", measure)
  groups = list(pose_set_errors.of_records(tmp_path))
  assert [(g.name, g.people) for g in groups] == [
    ("supine", 3),
    ("upright", 35),
  ]
  groups[0] = groups[0]._replace(missed=2)
  text = pose_set_errors.run(groups, None, "hund", "pelvis", tmp_path)
  mean = np.mean([r.body_joints[0, 2] for r in records])
  assert f"| upright | 35 | 0 | {mean:.1f} ±" in text
  assert "| supine | 3 | 2 |" in text
  # The features are those of the detector, in the crop around the box.
  (batch,) = seen[0]
  np.testing.assert_allclose(
    batch.features.landmarks_3d[1], records[2].landmarks_3d[:, :3]
  )
  assert batch.features.heatmap_weights.numpy().max() == pytest.approx(0.9)


def test_records_must_have_been_looked_at(tmp_path, body_model):
  with pytest.raises(ValueError, match="has no folders of records"):
    list(pose_set_errors.of_records(tmp_path))
  (record,) = people.make(body_model, 1)
  blind = record._replace(detected=np.zeros([137, 3], np.float32))
  people.write(tmp_path / "upright", "validation", [blind])
  (group,) = pose_set_errors.of_records(tmp_path)
  with pytest.raises(ValueError, match="tools.detect_records"):
    list(group.examples)
