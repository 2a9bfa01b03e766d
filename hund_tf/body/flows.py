"""Normalizing flows: affine coupling layers over a whitening transform.

A flow maps a unit-Gaussian latent z to a value u and back, with the exact log
determinant (Dinh et al., "Density estimation using Real NVP"). The outermost
transform is a fixed full-covariance Gaussian, so that an untrained flow equals
the Gaussian fit, and the couplings learn what a Gaussian cannot hold.
"""

import math
from typing import NamedTuple

import numpy as np

from hund_tf.compat import tf


class FlowConfig(NamedTuple):
  """Size of a flow."""

  dim: int  # D, size of value and latent
  couplings: int  # number of coupling layers
  hidden: int  # units of the two hidden layers of every coupling
  log_scale_bound: float = 1.0  # |log scale| of one coupling stays below


class CouplingFlow(tf.Module):
  """Real NVP of `couplings` affine layers with fixed permutations between.

  The hidden layers are tanh, so shifts and log scales are bounded: the map
  stays affine in the far tails and cannot blow up.
  """

  def __init__(self, config: FlowConfig, seed: int = 0, name: str = "flow"):
    super().__init__(name=name)
    if config.dim < 2 or config.couplings < 1 or config.hidden < 1:
      raise ValueError(
        f"flow config {config}: expected dim >= 2, couplings >= 1, hidden >= 1"
      )
    self.config = config
    random = np.random.default_rng(seed)
    kept = config.dim // 2  # leading components that steer the others
    moved = config.dim - kept
    self._kept = kept
    self._permutations = [
      random.permutation(config.dim) for _ in range(config.couplings)
    ]
    self._inverse_permutations = [np.argsort(p) for p in self._permutations]
    self._layers = []
    for k in range(config.couplings):
      sizes = (kept, config.hidden, config.hidden, 2 * moved)
      layer = []
      for i, (rows, columns) in enumerate(zip(sizes, sizes[1:], strict=False)):
        scale = 0.0 if i == 2 else 1.0 / math.sqrt(rows)
        kernel = random.normal(size=(rows, columns)) * scale
        layer.append(_variable(kernel, f"coupling{k}_kernel{i}"))
        layer.append(_variable(np.zeros(columns), f"coupling{k}_bias{i}"))
      self._layers.append(layer)
    self._mean = _variable(np.zeros(config.dim), "mean", False)
    self._mixing = _variable(np.eye(config.dim), "mixing", False)
    self._unmixing = _variable(np.eye(config.dim), "unmixing", False)
    self._log_det = _variable(0.0, "mixing_log_det", False)

  def set_gaussian(self, mean: np.ndarray, covariance: np.ndarray) -> None:
    """Sets the outermost transform to N(mean `[D]`, covariance `[D, D]`).

    The symmetric square root keeps each latent near the value it stands for.
    """
    values, vectors = np.linalg.eigh(np.asarray(covariance, np.float64))
    if values[0] <= 0.0:
      raise ValueError(
        f"flow covariance: smallest eigenvalue is {values[0]:.3g}, expected > 0"
      )
    root = np.sqrt(values)
    self._mean.assign(mean)
    self._mixing.assign((vectors * root) @ vectors.T)
    self._unmixing.assign((vectors / root) @ vectors.T)
    self._log_det.assign(0.5 * np.sum(np.log(values)))

  def _log_scale_and_shift(
    self, steering: tf.Tensor, layer: list[tf.Variable]
  ) -> tuple[tf.Tensor, tf.Tensor]:
    """Bounded log scales and shifts `[B, moved]` from `[B, kept]`."""
    hidden = tf.tanh(tf.matmul(steering, layer[0]) + layer[1])
    hidden = tf.tanh(tf.matmul(hidden, layer[2]) + layer[3])
    raw, shift = tf.split(tf.matmul(hidden, layer[4]) + layer[5], 2, axis=-1)
    bound = self.config.log_scale_bound
    return bound * tf.tanh(raw / bound), shift

  def _slopes(
    self, steering: tf.Tensor, layer: list[tf.Variable]
  ) -> tuple[tf.Tensor, ...]:
    """As `_log_scale_and_shift`, and its derivatives `[B, kept, moved]`."""
    hidden = tf.tanh(tf.matmul(steering, layer[0]) + layer[1])
    slope = layer[0] * (1.0 - hidden * hidden)[:, None]
    hidden = tf.tanh(tf.matmul(hidden, layer[2]) + layer[3])
    slope = tf.matmul(slope, layer[2]) * (1.0 - hidden * hidden)[:, None]
    raw, shift = tf.split(tf.matmul(hidden, layer[4]) + layer[5], 2, axis=-1)
    by_raw, by_shift = tf.split(tf.matmul(slope, layer[4]), 2, axis=-1)
    bounded = tf.tanh(raw / self.config.log_scale_bound)
    by_raw *= (1.0 - bounded * bounded)[:, None]
    return self.config.log_scale_bound * bounded, shift, by_raw, by_shift

  def forward(self, latent: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Values `[B, D]` of latents `[B, D]`, log |d value / d latent| `[B]`."""
    x = latent
    total = tf.zeros_like(x[:, 0])
    for layer, order in zip(self._layers, self._permutations, strict=True):
      x = tf.gather(x, order, axis=1)
      kept, moved = x[:, : self._kept], x[:, self._kept :]
      log_scale, shift = self._log_scale_and_shift(kept, layer)
      x = tf.concat([kept, moved * tf.exp(log_scale) + shift], axis=1)
      total += tf.reduce_sum(log_scale, axis=-1)
    value = self._mean + tf.matmul(x, self._mixing)
    return value, total + self._log_det

  def jacobian(self, latent: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Values `[B, D]` of latents `[B, D]`, and d value / d latent `[B, D, D]`.

    In closed form, layer by layer, at the cost of a few matrix products.
    """
    x = latent
    slope = tf.eye(self.config.dim, batch_shape=[tf.shape(latent)[0]])
    for layer, order in zip(self._layers, self._permutations, strict=True):
      x, slope = tf.gather(x, order, axis=1), tf.gather(slope, order, axis=1)
      kept, moved = x[:, : self._kept], x[:, self._kept :]
      log_scale, shift, by_raw, by_shift = self._slopes(kept, layer)
      moved *= tf.exp(log_scale)
      by_kept = by_raw * moved[:, None] + by_shift
      slope = tf.concat(
        [
          slope[:, : self._kept],
          slope[:, self._kept :] * tf.exp(log_scale)[..., None]
          + tf.matmul(by_kept, slope[:, : self._kept], transpose_a=True),
        ],
        axis=1,
      )
      x = tf.concat([kept, moved + shift], axis=1)
    value = self._mean + tf.matmul(x, self._mixing)
    return value, tf.matmul(self._mixing, slope, transpose_a=True)

  def inverse(self, value: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Latents `[B, D]` of values `[B, D]`, log |d latent / d value| `[B]`."""
    x = tf.matmul(value - self._mean, self._unmixing)
    total = tf.zeros_like(x[:, 0])
    for layer, order in zip(
      reversed(self._layers), reversed(self._inverse_permutations), strict=True
    ):
      kept, moved = x[:, : self._kept], x[:, self._kept :]
      log_scale, shift = self._log_scale_and_shift(kept, layer)
      x = tf.concat([kept, (moved - shift) * tf.exp(-log_scale)], axis=1)
      x = tf.gather(x, order, axis=1)
      total -= tf.reduce_sum(log_scale, axis=-1)
    return x, total - self._log_det

  def log_prob(self, value: tf.Tensor) -> tf.Tensor:
    """Log density in nats `[B]` of values `[B, D]`."""
    latent, log_det = self.inverse(value)
    return unit_gaussian_log_prob(latent) + log_det

  def arrays(self) -> dict[str, np.ndarray]:
    """Everything needed to restore the flow, as float32 arrays by name."""
    result = {v.name.split(":")[0]: v.numpy() for v in self.variables}
    result["permutations"] = np.asarray(self._permutations, np.int16)
    result["log_scale_bound"] = np.float32(self.config.log_scale_bound)
    return result

  @classmethod
  def from_arrays(
    cls, arrays: dict[str, np.ndarray], name: str = "flow"
  ) -> "CouplingFlow":
    """Restores a flow from `arrays()`.

    Raises:
      ValueError: if an array is missing or has a wrong shape.
    """
    try:
      config = _checked_config(arrays)
      flow = cls(config, name=name)
      permutations = arrays["permutations"].astype(np.int64)
      flow._permutations = list(permutations)
      flow._inverse_permutations = [np.argsort(p) for p in permutations]
      for variable in flow.variables:
        variable.assign(arrays[variable.name.split(":")[0]])
    except KeyError as error:
      raise ValueError(f"flow {name}: array {error} is missing") from error
    except ValueError as error:
      raise ValueError(f"flow {name}: {error}") from error
    return flow


def _checked_config(arrays: dict[str, np.ndarray]) -> FlowConfig:
  """The size of the flow of `arrays()`, before anything of it is made.

  Raises:
    KeyError: if an array is missing.
    ValueError: if one has a wrong shape or type.
  """
  orders = arrays["permutations"]
  if orders.ndim != 2 or orders.dtype.kind not in "iu":
    raise ValueError(
      f"permutations are {orders.dtype} {orders.shape}, expected integers "
      "[couplings, D]"
    )
  couplings, dim = orders.shape
  if (np.sort(orders, axis=1) != np.arange(dim)).any():
    raise ValueError("permutations: a row does not hold each number once")
  if couplings < 1 or dim < 2:
    raise ValueError(f"permutations have shape {orders.shape}")
  hidden = arrays["coupling0_kernel0"].shape[-1:]
  kept = dim // 2
  sizes = ((kept,), hidden, hidden, (2 * (dim - kept),))
  shapes: dict[str, tuple[int, ...]] = {
    **{"log_scale_bound": (), "mixing_log_det": (), "mean": (dim,)},
    **{"mixing": (dim, dim), "unmixing": (dim, dim)},
  }
  for k in range(couplings):
    for i in range(3):
      shapes[f"coupling{k}_kernel{i}"] = (*sizes[i], *sizes[i + 1])
      shapes[f"coupling{k}_bias{i}"] = sizes[i + 1]
  for name, shape in shapes.items():
    if arrays[name].shape != shape:
      raise ValueError(
        f"{name} has shape {arrays[name].shape}, expected {shape}"
      )
  bound = float(arrays["log_scale_bound"])
  if not bound > 0.0 or hidden == (0,):
    raise ValueError(f"log_scale_bound {bound}, hidden units {hidden}")
  return FlowConfig(dim, couplings, hidden[0], bound)


def unit_gaussian_log_prob(latent: tf.Tensor) -> tf.Tensor:
  """Log density in nats `[B]` of N(0, I) at `[B, D]`."""
  dim = latent.shape[-1]
  square = tf.reduce_sum(latent * latent, axis=-1)
  return -0.5 * (square + dim * math.log(2.0 * math.pi))


def _variable(value, name: str, trainable: bool = True) -> tf.Variable:
  return tf.Variable(
    np.asarray(value, np.float32), name=name, trainable=trainable
  )
