"""Fitting of flows: learns what a Gaussian cannot, resumes, repeats."""

import numpy as np
import pytest

from hund_tf.training import pose_prior

_CONFIG = pose_prior.FlowFitConfig(
  couplings=2,
  hidden=16,
  steps=200,
  batch_size=128,
  learning_rate=5e-3,
  noise=0.01,
  validate_every=50,
)


def _bananas(count, seed):
  """A curved density with a known, lower entropy than its Gaussian fit's."""
  random = np.random.default_rng(seed)
  x = random.normal(size=count)
  y = x**2 + random.normal(0.0, 0.2, count)
  return np.stack([x, y, random.normal(size=count)], 1).astype(np.float32)


def _quiet(_):
  pass


def test_beats_the_gaussian_on_a_curved_density():
  train, validation, test = (_bananas(2000, seed) for seed in range(3))
  flow = pose_prior.fit_flow(train, validation, _CONFIG, "flow", report=_quiet)
  gaussian = pose_prior.gaussian_nll(train, test)
  fitted = pose_prior.flow_nll(flow, test)
  exact = 1.5 * np.log(2 * np.pi * np.e) + np.log(0.2)
  assert exact - 0.1 < fitted < gaussian - 0.5


def test_resumed_run_equals_an_uninterrupted_one(tmp_path):
  train, validation = _bananas(500, 0), _bananas(200, 1)
  whole = pose_prior.fit_flow(train, validation, _CONFIG, "flow", report=_quiet)

  class Cut(Exception):
    pass

  seen = []

  def cut(line):
    seen.append(line)
    if len(seen) == 3:
      raise Cut

  with pytest.raises(Cut):
    pose_prior.fit_flow(
      train, validation, _CONFIG, "flow", tmp_path, report=cut
    )
  lines = []
  resumed = pose_prior.fit_flow(
    train, validation, _CONFIG, "flow", tmp_path, report=lines.append
  )
  assert len(lines) == 2  # the third and the fourth quarter
  for a, b in zip(whole.variables, resumed.variables, strict=True):
    np.testing.assert_allclose(a, b, atol=1e-5)


def test_gaussian_nll_of_its_own_data_is_the_entropy():
  values = np.random.default_rng(0).normal(size=(20000, 3))
  entropy = 1.5 * np.log(2 * np.pi * np.e)
  assert pose_prior.gaussian_nll(values, values) == pytest.approx(
    entropy, abs=0.02
  )
