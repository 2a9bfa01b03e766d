"""Calibrated confidences: order, bounds, and what is unknown."""

import numpy as np
import pytest

from hund_tf.detection.confidence import _FITTED, calibrated


@pytest.mark.parametrize("group", list(_FITTED))
def test_confidences_keep_their_order_and_unknown_stays_unknown(group):
  raw = np.linspace(0.0, 1.0, 41).reshape(1, -1)
  found = calibrated(group, raw)
  assert found.shape == raw.shape and found[0, 0] == 0.0
  assert np.all(np.diff(found[0, :-1]) > 0)
  assert found.min() >= 0.0 and found.max() <= 1.0


def test_log_odds_are_a_line_of_those_of_the_raw_confidence():
  offset, slope = _FITTED["feet"]
  raw = np.array([0.2, 0.5, 0.9])
  odds = np.exp(offset) * (raw / (1 - raw)) ** slope
  np.testing.assert_allclose(calibrated("feet", raw), odds / (1 + odds))
