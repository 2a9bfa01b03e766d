"""The fit of the anchor: covariances, bins, the scale of expected errors."""

import numpy as np

from hund_tf.body.points import STEP_SIZE
from hund_tf.evaluation import polish_fitting
from hund_tf.evaluation.polish_fitting import Checked, Ends
from hund_tf.models.hund.evidence_3d import Evidence
from hund_tf.models.hund.outline import Mask
from hund_tf.models.hund.polish_rows import Seen


def _draw(count: int):
  """Errors of a known covariance, larger where less is known."""
  random = np.random.default_rng(0)
  known = random.uniform(0.0, 1.0, [count, 1]).astype(np.float32)
  errors = random.normal(0.0, 1.0, [count, STEP_SIZE])
  errors[:, 1] += errors[:, 0]
  return errors * (2.0 - known), known


def test_covariance_is_that_of_the_bulk():
  random = np.random.default_rng(1)
  errors = random.normal(0.0, [1.0, 2.0, 3.0], [4000, 3])
  clean = polish_fitting.covariance(errors)
  np.testing.assert_allclose(np.diag(clean), [1.0, 4.0, 9.0], rtol=0.3)
  errors[:80] *= 100.0  # all wrong
  spoilt = polish_fitting.covariance(errors)
  np.testing.assert_allclose(spoilt, clean, rtol=0.3, atol=0.2)


def test_bins_are_looser_where_less_is_known():
  errors, known = _draw(1500)
  weights = np.tile(known, [1, 137])
  seen = Seen(None, weights, Evidence(None, None), Mask(None, None))
  ends = Ends(errors, None, seen, None, None)
  anchor = polish_fitting.fit(ends, (10.0, 1.5), (0.2, 1.5), (6.0, 1.5))
  assert anchor.covariances.shape == (3, STEP_SIZE, STEP_SIZE)
  np.testing.assert_allclose(anchor.edges, [1 / 3, 2 / 3], atol=0.05)
  scale = [np.diag(c).mean() for c in anchor.covariances]
  assert scale[0] > 1.2 * scale[1] > 1.4 * scale[2]
  for found in anchor.covariances:
    assert found[0, 1] > 0.5 * found[0, 0]
    assert np.all(found[:69, 69:159] == 0.0)  # the hands are apart
    assert np.linalg.eigvalsh(found)[0] > 0.0


def test_expected_errors_are_scaled_to_the_true_ones():
  errors, known = _draw(600)
  seen = Seen(
    None,
    np.tile(known, [1, 137]),
    Evidence(None, None),
    Mask(None, None),
  )
  anchor = polish_fitting.fit(
    Ends(errors, None, seen, None, None), (10.0, 1.5), (0.2, 1.5), (6.0, 1.5)
  )
  expected = np.abs(errors[:, :63]) * 10.0
  checked = Checked(expected, 1.5 * expected, expected)
  assert np.isclose(
    polish_fitting.scaled(anchor, checked).uncertainty_scale, 1.5
  )
  lines = polish_fitting.reliability(checked, 4).splitlines()
  assert len(lines) == 6
  rows = [[float(x) for x in line.split("|")[1:-1]] for line in lines[2:]]
  assert all(abs(true - 1.5 * mean) < 0.2 for _, mean, true in rows)
  assert rows[0][1] < rows[-1][1]
