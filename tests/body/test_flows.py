"""Flows: inverses, exact log determinants, the Gaussian start, storage."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from hund_tf.body import flows
from hund_tf.compat import tf

_DIM = 7


def _flow(seed: int = 0, strength: float = 0.4) -> flows.CouplingFlow:
  """A flow far from the identity, with a full-covariance outermost layer."""
  flow = flows.CouplingFlow(flows.FlowConfig(_DIM, 4, 16), seed)
  random = np.random.default_rng(seed)
  for variable in flow.trainable_variables:
    variable.assign_add(random.normal(0.0, strength, variable.shape))
  root = random.normal(size=(_DIM, _DIM))
  flow.set_gaussian(random.normal(size=_DIM), root @ root.T + np.eye(_DIM))
  return flow


def _latents(count: int = 32) -> tf.Tensor:
  return tf.random.stateless_normal([count, _DIM], [1, 2])


def test_inverse_undoes_forward():
  flow = _flow()
  value, log_det = flow.forward(_latents())
  latent, inverse_log_det = flow.inverse(value)
  np.testing.assert_allclose(latent, _latents(), atol=1e-4)
  np.testing.assert_allclose(log_det, -inverse_log_det, atol=1e-4)


def test_couplings_really_move_values():
  flow = _flow()
  value, log_det = flow.forward(_latents())
  assert np.std(log_det) > 0.1  # a linear map would have a constant one
  assert np.abs(value - _latents()).max() > 1.0


def test_closed_form_jacobian_is_that_of_autodiff():
  flow, latent = _flow(seed=2), _latents(5)
  with tf.GradientTape() as tape:
    tape.watch(latent)
    value, _ = flow.forward(latent)
  expected = tape.batch_jacobian(value, latent)
  found, jacobian = flow.jacobian(latent)
  np.testing.assert_allclose(found, value, atol=1e-5)
  np.testing.assert_allclose(jacobian, expected, rtol=1e-3, atol=1e-4)


def test_log_det_is_that_of_the_autodiff_jacobian():
  flow = _flow(seed=3)
  latent = _latents(5)
  with tf.GradientTape() as tape:
    tape.watch(latent)
    value, log_det = flow.forward(latent)
  jacobian = tape.batch_jacobian(value, latent).numpy()
  expected = np.linalg.slogdet(jacobian.astype(np.float64))[1]
  np.testing.assert_allclose(log_det, expected, atol=1e-3)


def test_untrained_flow_is_the_gaussian():
  random = np.random.default_rng(5)
  root = random.normal(size=(_DIM, _DIM))
  mean, covariance = random.normal(size=_DIM), root @ root.T + np.eye(_DIM)
  flow = flows.CouplingFlow(flows.FlowConfig(_DIM, 3, 8))
  flow.set_gaussian(mean, covariance)
  values = random.normal(size=(20, _DIM)).astype(np.float32)
  expected = multivariate_normal(mean, covariance).logpdf(values)
  np.testing.assert_allclose(flow.log_prob(values), expected, rtol=1e-4)


def test_density_integrates_to_one():
  flow = flows.CouplingFlow(flows.FlowConfig(2, 4, 8), 1)
  random = np.random.default_rng(1)
  for variable in flow.trainable_variables:
    variable.assign_add(random.normal(0.0, 0.3, variable.shape))
  flow.set_gaussian(np.zeros(2), np.eye(2))
  axis = np.linspace(-12.0, 12.0, 401)
  grid = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
  density = np.exp(flow.log_prob(tf.constant(grid, tf.float32)).numpy())
  assert density.sum() * (axis[1] - axis[0]) ** 2 == pytest.approx(1, abs=0.01)


def test_log_scale_is_bounded_however_large_the_weights():
  flow = _flow(strength=30.0)
  latent = 6.0 * _latents()
  value, log_det = flow.forward(latent)
  moved = _DIM - _DIM // 2
  bound = flow.config.couplings * moved * flow.config.log_scale_bound
  assert np.isfinite(value).all()
  assert np.abs(log_det - flow._log_det).max() <= bound + 1e-3


def test_jit_gives_the_same():
  flow = _flow()
  forward = tf.function(flow.forward, jit_compile=True)
  inverse = tf.function(flow.inverse, jit_compile=True)
  value, log_det = flow.forward(_latents())
  for ours, theirs in zip(forward(_latents()), (value, log_det), strict=True):
    np.testing.assert_allclose(ours, theirs, atol=1e-4)
  np.testing.assert_allclose(
    inverse(value)[0], flow.inverse(value)[0], atol=1e-4
  )


def test_arrays_restore_the_flow():
  flow = _flow(seed=9)
  again = flows.CouplingFlow.from_arrays(flow.arrays())
  np.testing.assert_array_equal(
    again.forward(_latents())[0], flow.forward(_latents())[0]
  )


def test_missing_array_is_named():
  arrays = _flow().arrays()
  del arrays["coupling2_kernel1"]
  with pytest.raises(ValueError, match="coupling2_kernel1"):
    flows.CouplingFlow.from_arrays(arrays)


@pytest.mark.parametrize(
  ("name", "value", "message"),
  [
    ("permutations", np.zeros((3, _DIM), np.int16), "each number once"),
    ("permutations", np.zeros(3), "expected integers"),
    ("coupling0_kernel0", np.zeros(3), "kernel1 has shape|kernel0 has shape"),
    ("coupling0_kernel0", np.zeros((2, 10**6)), "has shape"),
    ("mean", np.zeros(2), "mean has shape"),
    ("log_scale_bound", np.float32(-1.0), "log_scale_bound -1.0"),
  ],
)
def test_arrays_that_do_not_fit_are_refused(name, value, message):
  arrays = _flow().arrays() | {name: value}
  with pytest.raises(ValueError, match=message) as error:
    flows.CouplingFlow.from_arrays(arrays, "body")
  assert "\n" not in str(error.value) and "flow body" in str(error.value)


def test_singular_covariance_is_rejected():
  flow = _flow()
  with pytest.raises(ValueError, match="eigenvalue"):
    flow.set_gaussian(np.zeros(_DIM), np.ones((_DIM, _DIM)))
