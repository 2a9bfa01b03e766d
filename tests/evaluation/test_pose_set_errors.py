"""Errors by named set, and the pitch of trunks."""

import json

import numpy as np
import pytest

from hund_tf.body.joint_sets import LSP_14
from hund_tf.evaluation import pose_set_errors, synthetic_errors


def test_trunks_pitch_away_from_the_camera():
  points = np.zeros([3, 14, 3])
  neck = LSP_14.index("neck")
  points[:, LSP_14.index("l_hip"), 0] = 0.2
  points[:, neck] = [[0.1, -0.5, 0.0], [0.1, -0.3, 0.3], [0.1, 0.0, -0.5]]
  np.testing.assert_allclose(
    synthetic_errors.trunk_pitch(points), [0.0, 45.0, -90.0], atol=1e-6
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
  groups = ((name, name) for name in errors)
  text = pose_set_errors.run(groups, "the method", "hund", "mid_hip", tmp_path)
  assert "| upright | 2 | 60.0 ± 10.0 | 40.0 ± 0.0 | 3.0 ± 1.0 |" in text
  content = json.loads((tmp_path / "pose_sets.json").read_text())
  assert (content["method"], content["root"]) == ("hund", "mid_hip")
  row = content["rows"][1]
  assert row["group"] == "supine" and row["people"] == 2
  assert row["MPJPE standard error"] == pytest.approx(30.0)
