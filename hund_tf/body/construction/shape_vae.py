"""The variational auto-encoder over the shape components.

Encoder and decoder are small MLPs between the components' coefficients and a
16-d latent with a unit-Gaussian prior (Kingma and Welling, "Auto-Encoding
Variational Bayes", 2014). Both start from the linear PCA code. After training,
latents are shifted and scaled so that over all bodies each has mean 0 and
variance 1, as the prior says.
"""

import dataclasses

import numpy as np

from hund_tf import types
from hund_tf.body.construction.shape_space import LinearShape
from hund_tf.compat import tf, tf_keras
from hund_tf.options import option

_HELD_OUT = 4000  # samples kept for the reported figures


@dataclasses.dataclass(frozen=True)
class VaeConfig:
  """Training of the shape auto-encoder."""

  hidden: int = 256
  steps: int = option(
    16000,
    "Training steps of the shape auto-encoder.",
    name="vae_steps",
    low=1,
  )
  batch_size: int = 256
  learning_rate: float = 1e-3
  kl_weight: float = 0.02  # square millimetres per nat


class _Mlp(tf.Module):
  """Two hidden layers beside a linear map: [N, inputs] -> [N, outputs]."""

  def __init__(self, inputs: int, outputs: int, hidden: int, seed: int):
    super().__init__()
    rng = np.random.default_rng(seed)
    self.linear = tf.Variable(np.eye(inputs, outputs, dtype=np.float32))
    self.kernels, self.biases = [], []
    for rows, columns in ((inputs, hidden), (hidden, hidden)):
      kernel = rng.normal(size=(rows, columns)) / np.sqrt(rows)
      self.kernels.append(tf.Variable(kernel.astype(np.float32)))
      self.biases.append(tf.Variable(tf.zeros([columns])))
    self.kernels.append(tf.Variable(tf.zeros([hidden, outputs])))
    self.biases.append(tf.Variable(tf.zeros([outputs])))

  def __call__(self, inputs: tf.Tensor) -> tf.Tensor:
    x = inputs
    for kernel, bias in zip(self.kernels[:2], self.biases[:2], strict=True):
      x = tf.nn.silu(x @ kernel + bias)
    return inputs @ self.linear + x @ self.kernels[2] + self.biases[2]

  def standardize(self, centre: tf.Tensor, scale: tf.Tensor) -> None:
    """Makes inputs `x` give what `centre + scale * x` gave."""
    self.biases[0].assign_add(tf.linalg.matvec(self.kernels[0], centre, True))
    self.biases[2].assign_add(tf.linalg.matvec(self.linear, centre, True))
    self.kernels[0].assign(self.kernels[0] * scale[:, None])
    self.linear.assign(self.linear * scale[:, None])


def _aggregate_variance(mean: tf.Tensor, log_variance: tf.Tensor) -> tf.Tensor:
  """Variance `[16]` of the posteriors' mixture over all samples."""
  inside = tf.reduce_mean(tf.exp(log_variance), 0)
  return tf.math.reduce_variance(mean, 0) + inside


def train(
  config: VaeConfig, space: LinearShape, weights: np.ndarray, seed: int
) -> tuple[dict[str, np.ndarray], dict[str, float]]:
  """Trains on `(weights - mean) @ encoder`, the last 4,000 held out.

  Returns:
    Decoder arrays (`vae_linear` `[16, K]`, `vae_kernel_i`, `vae_bias_i`), and
    figures on the held-out samples: `vae_mm`, `pca_mm` (RMS vertex distances
    from the components' shapes plus what the components leave, posterior mean
    and 16 components), `latent_variance_min`, `latent_variance_max`.
  """
  codes = (weights - space.mean_weights) @ space.encoder
  codes = codes.astype(np.float32)
  train_codes = tf.constant(codes[:-_HELD_OUT])
  held_out = tf.constant(codes[-_HELD_OUT:])
  num_components = codes.shape[1]
  dim = types.SHAPE_DIM
  is_skin = space.basis.shape[1] - types.NUM_JOINTS
  spread = 1e3 * np.sqrt((space.basis[:, :is_skin] ** 2).sum((1, 2)) / is_skin)
  spread = tf.constant(spread.astype(np.float32))  # mm RMS per coefficient

  encoder = _Mlp(num_components, 2 * dim, config.hidden, seed)
  decoder = _Mlp(dim, num_components, config.hidden, seed + 1)
  encoder.linear.assign(tf.pad(tf.eye(num_components, dim), [[0, 0], [0, dim]]))
  encoder.biases[2].assign(tf.concat([tf.zeros(dim), -4 * tf.ones(dim)], 0))
  variables = [*encoder.trainable_variables, *decoder.trainable_variables]
  optimizer = tf_keras.optimizers.Adam(
    tf_keras.optimizers.schedules.CosineDecay(
      config.learning_rate, config.steps, alpha=0.01
    ),
    global_clipnorm=100.0,
    jit_compile=False,
  )

  def encode(batch: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    mean, log_variance = tf.split(encoder(batch), 2, axis=-1)
    return mean, tf.clip_by_value(log_variance, -12.0, 4.0)

  @tf.function
  def step(index: tf.Tensor) -> None:
    key = tf.stack([seed, index])
    rows = tf.random.stateless_uniform(
      [config.batch_size], key, 0, tf.shape(train_codes)[0], tf.int32
    )
    batch = tf.gather(train_codes, rows)
    noise = tf.random.stateless_normal([config.batch_size, dim], key + 1)
    with tf.GradientTape() as tape:
      mean, log_variance = encode(batch)
      decoded = decoder(mean + noise * tf.exp(0.5 * log_variance))
      error = tf.reduce_sum(((decoded - batch) * spread) ** 2, axis=-1)
      kl = 0.5 * tf.reduce_sum(
        mean**2 + tf.exp(log_variance) - 1.0 - log_variance, axis=-1
      )
      loss = tf.reduce_mean(error + config.kl_weight * kl)
    gradients = tape.gradient(loss, variables)
    optimizer.apply_gradients(zip(gradients, variables, strict=True))

  for index in range(config.steps):
    step(tf.constant(index))

  mean, log_variance = encode(train_codes)
  centre = tf.reduce_mean(mean, 0)
  scale = tf.sqrt(_aggregate_variance(mean, log_variance))
  decoder.standardize(centre, scale)
  mean, log_variance = encode(held_out)
  mean = (mean - centre) / scale
  log_variance -= 2.0 * tf.math.log(scale)
  variance = _aggregate_variance(mean, log_variance)
  linear = held_out * tf.constant(
    (np.arange(num_components) < dim).astype(np.float32)
  )

  def rms(decoded: tf.Tensor) -> float:
    error = tf.reduce_sum(((decoded - held_out) * spread) ** 2, axis=-1)
    rest = (1e3 * space.residual) ** 2
    return float(np.sqrt(tf.reduce_mean(error) + rest))

  figures = {
    "vae_mm": rms(decoder(mean)),
    "pca_mm": rms(linear),
    "latent_variance_min": float(tf.reduce_min(variance)),
    "latent_variance_max": float(tf.reduce_max(variance)),
    "latents_in_use": float(
      tf.reduce_sum(tf.cast(tf.math.reduce_variance(mean, 0) > 0.5, tf.int32))
    ),
  }
  arrays = {"vae_linear": decoder.linear.numpy()}
  for i, (kernel, bias) in enumerate(
    zip(decoder.kernels, decoder.biases, strict=True)
  ):
    arrays[f"vae_kernel_{i}"] = kernel.numpy()
    arrays[f"vae_bias_{i}"] = bias.numpy()
  return arrays, figures
