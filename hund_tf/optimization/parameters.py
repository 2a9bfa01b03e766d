"""The vector that optimisers change, in place of the state vector.

Translation enters as (x / z, y / z, log z): the first two move the person in
the image and the third scales it, which conditions the problem far better than
metres do, and keeps the person in front of the camera.
"""

from hund_tf.compat import tf
from hund_tf.types import HumanState, state_from_vector, state_to_vector

_MIN_DEPTH = 1e-3


def pack(state: HumanState) -> tf.Tensor:
  """The parameters `[..., 204]` of a state with positive depth."""
  x, y, z = tf.split(state.translation, 3, axis=-1)
  z = tf.maximum(z, _MIN_DEPTH)
  bearing = tf.concat([x / z, y / z, tf.math.log(z)], axis=-1)
  return state_to_vector(state._replace(translation=bearing))


def unpack(parameters: tf.Tensor) -> HumanState:
  """The state of parameters `[..., 204]`; the inverse of `pack`."""
  state = state_from_vector(parameters)
  x, y, log_z = tf.split(state.translation, 3, axis=-1)
  z = tf.exp(tf.clip_by_value(log_z, -7.0, 7.0))
  translation = tf.concat([x * z, y * z, z], axis=-1)
  return state._replace(translation=translation)
