"""Network coordinates of a state: what the learned descent reads and updates.

Latents have a unit-Gaussian prior, hence they are taken as they are, and so is
the 6D rotation. The translation becomes the placement of
`geometry/placement.py`, whose three numbers are of order one and do not depend
on the intrinsics.
"""

import numpy as np

from hund_tf.body import poses
from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.geometry import placement
from hund_tf.types import (
  STATE_DIMS,
  HumanState,
  Intrinsics,
  state_from_vector,
  state_to_vector,
)

# Coordinates are kept inside these: no likely state lies outside.
_BOUNDS = HumanState(
  body_pose=15.0,  # of a handstand or a split
  left_hand=6.0,
  right_hand=6.0,
  shape=6.0,
  expression=6.0,
  rotation=3.0,
  translation=3.0,
)


def encode(state: HumanState, intrinsics: Intrinsics) -> tf.Tensor:
  """Network coordinates `[..., 204]` of states.

  Args:
    state: fields `[..., D]`, translation in metres, camera frame.
    intrinsics: of the crops (C_c), fields `[..., 2]`, crop pixels.
  """
  placed = placement.encode(state.translation, intrinsics)
  return state_to_vector(state._replace(translation=placed))


def decode(coordinates: tf.Tensor, intrinsics: Intrinsics) -> HumanState:
  """States of network coordinates `[..., 204]`; the inverse of `encode`.

  Raises:
    ValueError: if the last dimension is not 204.
  """
  state = state_from_vector(coordinates)
  translation = placement.decode(state.translation, intrinsics)
  return state._replace(translation=translation)


def bound(coordinates: tf.Tensor) -> tf.Tensor:
  """Clips coordinates `[..., 204]` to the range of likely states."""
  limit = np.repeat(np.array(_BOUNDS, np.float32), STATE_DIMS)
  return tf.clip_by_value(coordinates, -limit, limit)


def mean_coordinates(body_model: BodyModel) -> np.ndarray:
  """Coordinates `[204]` of an A-pose that faces the camera in mid-crop."""
  pose = poses.a_pose(body_model)
  placed = pose._replace(translation=tf.zeros([1, 3]))
  return state_to_vector(placed).numpy()[0]
