"""What stages of the descent do about terms of a user's own.

The stages of a descent see the value of L_u. One number that a stranger's term
is part of says little to a network that was trained without it; so there is a
small network for such terms beside that of the stage, which was trained with a
random family of them (`losses.random_terms`) and sees what they ask
(`losses.term_wishes`). Without terms it adds nothing.
"""

from hund_tf.compat import tf, tf_keras
from hund_tf.losses.term_wishes import MOVES, Asked

_WISH_SCALE = 0.05  # metres: larger wishes are compressed


class TermBranch(tf_keras.layers.Layer):
  """An update of a state, by what terms ask of its body."""

  def __init__(self, units: int, outputs: int, name: str = "term_branch"):
    """Creates the layer; it starts with updates of 0.

    Args:
      units: of both hidden layers.
      outputs: D, numbers of an update.
      name: layer name.
    """
    super().__init__(name=name)
    self._hidden = [
      tf_keras.layers.Dense(units, tf.nn.gelu, name=f"hidden{i}")
      for i in (1, 2)
    ]
    self._update = tf_keras.layers.Dense(
      outputs, kernel_initializer="zeros", name="update"
    )

  def build(self, input_shape) -> None:
    """Creates the variables for `[B, N]` that the stage knows."""
    size = input_shape[-1] + MOVES + 1
    for layer in (*self._hidden, self._update):
      with tf.name_scope(layer.name):
        layer.build([None, size])
      size = layer.units
    super().build(input_shape)

  def call(self, known: tf.Tensor, asked: Asked) -> tf.Tensor:
    """The update `[B, D]`; it fades with the value of the terms.

    Args:
      known: `[B, N]` what the stage knows of state and body.
      asked: by the terms, of the same bodies.
    """
    value = asked.value[:, None]
    wishes = tf.asinh(asked.wishes / _WISH_SCALE)
    seen = tf.concat([known, wishes, tf.math.log1p(value)], axis=-1)
    for layer in self._hidden:
      seen = layer(seen)
    return value / (1.0 + value) * self._update(seen)
