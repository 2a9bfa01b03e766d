"""Random numbers that are a pure function of a seed and of the order of use."""

from collections.abc import Sequence

from hund_tf.compat import tf

# The same numbers on every device, but others in what XLA compiles.
_ALGORITHM = "philox"
_MAX_CALLS = 128


class Draws:
  """A stateless random stream, made anew inside every traced function.

  Each call takes the next key of the stream. The keys depend only on the seed
  and on how many calls came before, so a function that uses one `Draws` is
  pure in its seed. There are 128 keys.
  """

  def __init__(self, seed: tf.Tensor, step: tf.Tensor):
    """Starts the stream of one step.

    Args:
      seed: scalar integer, the same for a whole run.
      step: scalar integer >= 0.
    """
    pair = tf.stack([tf.cast(seed, tf.int64), tf.cast(step, tf.int64)])
    keys = tf.random.experimental.stateless_split(
      pair, _MAX_CALLS, alg=_ALGORITHM
    )
    self._keys = iter(tf.unstack(keys))

  def _next(self) -> tf.Tensor:
    return next(self._keys)

  def normal(self, shape: Sequence[int], clip: float = 10.0) -> tf.Tensor:
    """Unit-Gaussian values, clipped at `clip` standard deviations."""
    values = tf.random.stateless_normal(shape, self._next(), alg=_ALGORITHM)
    return tf.clip_by_value(values, -clip, clip)

  def uniform(
    self, shape: Sequence[int], low: float = 0.0, high: float = 1.0
  ) -> tf.Tensor:
    """Values in [low, high)."""
    values = tf.random.stateless_uniform(shape, self._next(), alg=_ALGORITHM)
    return low + (high - low) * values

  def log_uniform(
    self, shape: Sequence[int], low: float, high: float
  ) -> tf.Tensor:
    """Values in [low, high) whose logarithm is uniform; `low` > 0."""
    return low * (high / low) ** self.uniform(shape)

  def integers(self, shape: Sequence[int], count: int) -> tf.Tensor:
    """Integers 0 .. count - 1, int32."""
    return tf.random.stateless_uniform(
      shape, self._next(), 0, count, tf.int32, alg=_ALGORITHM
    )

  def happens(
    self, shape: Sequence[int], probability: float | tf.Tensor
  ) -> tf.Tensor:
    """True with the given probability (a number, or one per element)."""
    return self.uniform(shape) < probability
