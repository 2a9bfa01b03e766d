"""The program that calibrates the quality: its file, plot and refusals."""

import numpy as np
import pytest
from PIL import Image

from hund_tf.evaluation import quality_fitting
from hund_tf.losses.alignment import AlignmentObjective, ObjectiveConfig
from hund_tf.models.hund import weights
from hund_tf.models.hund.config import HundConfig
from hund_tf.models.hund.model import HundModel
from hund_tf.reconstruction import quality
from tools import calibrate_quality


@pytest.fixture
def small_weights(body_model, tmp_path):
  """Weights of a small untrained model."""
  objective = AlignmentObjective(body_model, ObjectiveConfig(part_weight=0.0))
  config = HundConfig(num_stages=1, units=16, context_size=8, filters=(4,) * 6)
  path = tmp_path / "small.npz"
  weights.save(HundModel(objective, config), path)
  return path


@pytest.fixture
def run(call_main):
  """Runs the program: flags -> code, stdout, stderr."""
  return lambda **values: call_main(
    calibrate_quality, **{k: str(v) for k, v in values.items()}
  )


def _measured(good_share: float, seed: int = 0):
  """In place of `quality_fitting.measure`: errors that rise with the loss."""
  random = np.random.default_rng(seed)

  def measure(examples, method, objective):
    del examples, method, objective
    values = random.normal(0.0, 1.0, [400, 9])
    errors = 80.0 * np.exp(values[:, 0] + 0.3 * random.normal(size=400))
    return quality_fitting.Measurements(values, errors / (2.0 * good_share))

  return measure


def test_writes_a_calibration_that_is_found_with_the_weights(
  run, monkeypatch, tmp_path, small_weights
):
  monkeypatch.setattr(quality_fitting, "measure", _measured(0.5))
  plot = tmp_path / "plot.png"
  code, out, err = run(weights=small_weights, reliability_plot=plot)
  assert code == 0, err
  assert "400 held-out examples" in out and "Brier score 0." in out
  found = quality.load_beside(small_weights)
  assert found.num_stages == 1
  assert found.coefficients["log_keypoint"] < -1.0
  assert found.provenance["fit"]["split"] == "validation"
  check = found.provenance["check"]
  assert check["split"] == "held_out" and check["examples"] == 400
  assert check["brier_score"] < 0.15
  assert check["expected_calibration_error"] < 0.12
  picture = np.asarray(Image.open(plot).convert("L"))
  assert picture.min() < 100 and picture.max() == 255


def test_examples_that_are_all_bad_write_nothing(
  run, monkeypatch, tmp_path, small_weights
):
  monkeypatch.setattr(quality_fitting, "measure", _measured(1e-6))
  code, _, err = run(weights=small_weights)
  assert code == 1
  assert "some on either side" in err
  assert quality.load_beside(small_weights) is None


def test_missing_weights_are_named(run, tmp_path):
  code, _, err = run(weights=tmp_path / "none.npz")
  assert code == 1
  assert "none.npz: cannot be read" in err
