"""How the polish moves states: steps of 91 numbers, or 201 of whole bodies.

In the latents, a turn of the root in the camera frame (applied last), and the
placement (u, v, w).
"""

from hund_tf.body.points import STEP_SIZE
from hund_tf.compat import tf
from hund_tf.geometry import placement, rotation
from hund_tf.models.hund import state_space
from hund_tf.types import STATE_DIMS, HumanState, Intrinsics


def step_between(
  start: HumanState, end: HumanState, intrinsics: Intrinsics
) -> tf.Tensor:
  """The steps `[B, 201]` of the polish that lead from states to others."""
  inner = [b - a for a, b in zip(start[:5], end[:5], strict=True)]
  turned = tf.matmul(
    rotation.from_6d(end.rotation),
    rotation.from_6d(start.rotation),
    transpose_b=True,
  )
  places = [placement.encode(s.translation, intrinsics) for s in (start, end)]
  turn = rotation.to_rotation_vector(turned)
  return tf.concat([*inner, turn, places[1] - places[0]], axis=-1)


def stepped(
  state: HumanState, step: tf.Tensor, intrinsics: Intrinsics
) -> HumanState:
  """States moved by steps `[B, 91]` or `[B, 201]`, to likely ones."""
  names = HumanState._fields[:5]
  if step.shape[-1] != STEP_SIZE:
    names = ("body_pose", "shape")
  sizes = [getattr(STATE_DIMS, name) for name in names]
  *latents, turn, place = tf.split(step, [*sizes, 3, 3], axis=-1)
  still = state._replace(
    **{
      name: getattr(state, name) + change
      for name, change in zip(names, latents, strict=True)
    }
  )
  turned = tf.matmul(
    rotation.from_rotation_vector(turn), rotation.from_6d(state.rotation)
  )
  coordinates = state_space.encode(
    still._replace(rotation=rotation.to_6d(turned)), intrinsics
  )
  moved = tf.concat([coordinates[:, :-3], coordinates[:, -3:] + place], axis=-1)
  return state_space.decode(state_space.bound(moved), intrinsics)
