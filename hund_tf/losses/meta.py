"""Meta-losses: one loss of a descent from the losses of its stages (Eq. 7, 8).

All are pure functions of the losses `[M, B]` of s_1 ... s_M, example by
example; the result is `[B]`.
"""

from hund_tf.compat import tf

META_LOSSES = ("sum", "last", "min", "max", "oi")


def sum_loss(losses: tf.Tensor) -> tf.Tensor:
  """L^Sigma of Eq. 7: the sum over the stages. `[M, B] -> [B]`."""
  return tf.reduce_sum(losses, axis=0)


def last_loss(losses: tf.Tensor) -> tf.Tensor:
  """L^-> of Eq. 7: the loss of the last stage. `[M, B] -> [B]`."""
  return losses[-1]


def min_loss(losses: tf.Tensor) -> tf.Tensor:
  """L^min of Eq. 7: the best stage. `[M, B] -> [B]`."""
  return tf.reduce_min(losses, axis=0)


def max_loss(losses: tf.Tensor) -> tf.Tensor:
  """L^max of Eq. 7: the worst stage. `[M, B] -> [B]`."""
  return tf.reduce_max(losses, axis=0)


def observed_improvement_loss(
  losses: tf.Tensor, initial: tf.Tensor
) -> tf.Tensor:
  """L^oi of Eq. 8: minus how far stages fall below the best state before them.

  The first stage has none before it in Eq. 8, hence s_0 is. No gradient
  flows to the loss of s_0, for a worse start would count as a gain.

  Args:
    losses: `[M, B]`.
    initial: `[B]` loss of s_0.

  Returns:
    `[B]`, never positive.
  """
  best = tf.stop_gradient(initial)
  total = tf.zeros_like(best)
  for loss in tf.unstack(losses):
    total += tf.minimum(loss - best, 0.0)
    best = tf.minimum(best, loss)
  return total


def meta_loss(kind: str, losses: tf.Tensor, initial: tf.Tensor) -> tf.Tensor:
  """The meta-loss of that name.

  Args:
    kind: one of `META_LOSSES`.
    losses: `[M, B]` of s_1 ... s_M.
    initial: `[B]` of s_0; only 'oi' looks at it.

  Returns:
    `[B]`.

  Raises:
    ValueError: if there is no such meta-loss, or no stage.
  """
  if kind not in META_LOSSES:
    raise ValueError(
      f"meta-loss: got {kind!r}, expected one of {', '.join(META_LOSSES)}"
    )
  if losses.shape[0] == 0:
    raise ValueError("losses: no stages, expected at least one")
  if kind == "oi":
    return observed_improvement_loss(losses, initial)
  functions = {
    "sum": sum_loss,
    "last": last_loss,
    "min": min_loss,
    "max": max_loss,
  }
  return functions[kind](losses)
