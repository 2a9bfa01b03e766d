"""The program that calibrates the polish: its file and what it prints."""

import functools

import numpy as np
import pytest

from hund_tf.body.points import STEP_SIZE
from hund_tf.evaluation import polish_fitting
from hund_tf.evaluation.polish_fitting import Checked, Ends
from hund_tf.losses.alignment import AlignmentObjective, ObjectiveConfig
from hund_tf.models.hund import polish_anchor, weights
from hund_tf.models.hund.config import HundConfig
from hund_tf.models.hund.evidence_3d import Evidence
from hund_tf.models.hund.model import HundModel
from hund_tf.models.hund.outline import Mask
from hund_tf.models.hund.polish_rows import Seen
from tools import calibrate_polish


@pytest.fixture
def small_weights(body_model, tmp_path):
  """Weights of a small untrained model."""
  objective = AlignmentObjective(body_model, ObjectiveConfig(part_weight=0.0))
  config = HundConfig(num_stages=2, units=16, context_size=8, filters=(4,) * 6)
  path = tmp_path / "small.npz"
  weights.save(HundModel(objective, config), path)
  return path


@pytest.fixture
def run(call_main):
  return functools.partial(call_main, calibrate_polish)


def _measure(examples, method):
  """In place of `polish_fitting.measure`: unit errors."""
  del examples, method
  random = np.random.default_rng(0)
  known = random.uniform(size=[300, 137]).astype(np.float32)
  return Ends(
    random.normal(size=[300, STEP_SIZE]),
    None,
    Seen(None, known, Evidence(None, None), Mask(None, None)),
    None,
    np.zeros([300, 63, 3]),
  )


def _check(ends, polish, method):
  """In place of `polish_fitting.check`: errors of 30 mm, taken for 20."""
  del method
  expected = np.full([len(ends.joints), 63], 20.0)
  expected *= polish.anchor.uncertainty_scale
  return Checked(0.0 * expected + 40.0, 0.0 * expected + 30.0, expected)


def test_writes_an_anchor_that_is_found_with_the_weights(
  run, monkeypatch, small_weights
):
  monkeypatch.setattr(polish_fitting, "measure", _measure)
  monkeypatch.setattr(polish_fitting, "check", _check)
  code, out, err = run(
    weights=str(small_weights), keypoint_sigma=7.0, landmark_cut=2.0
  )
  assert code == 0, err
  assert "300 held-out examples" in out
  assert "40.0 mm before, 30.0 mm after" in out and "| 30.0 | 30.0 |" in out
  found = polish_anchor.load_beside(small_weights, 2)
  assert found.uncertainty_scale == pytest.approx(1.5)
  assert found.keypoints == (7.0, 1.5) and found.landmarks == (0.0, 2.0)
  assert found.outline == (6.0, 2.0)
  diagonal = np.diagonal(found.covariances, axis1=1, axis2=2)
  np.testing.assert_allclose(diagonal.mean(), 1.0, rtol=0.3)


def test_what_cannot_be_used_is_one_line(run, tmp_path):
  code, _, err = run(weights=str(tmp_path / "none.npz"))
  assert code == 1 and "none.npz: cannot be read" in err
  assert err.count("\n") == 1
