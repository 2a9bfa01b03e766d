"""Gaze: both eyes turned alike in the head, by two numbers."""

from hund_tf.body import skeleton
from hund_tf.compat import tf
from hund_tf.geometry import rotation

UNIT = 0.2  # radians that an eye turns for a value of one
_FIRST, _END = skeleton.INDEX["l_eye"], skeleton.INDEX["r_eye"] + 1


def eye_rotations(gaze: tf.Tensor) -> tf.Tensor:
  """Local rotations of the eye joints (eye to head).

  An eye turns about an axis in the plane across its forward direction
  (Listing's law), so it does not roll. At (0, 0) it looks where the head does.

  Args:
    gaze: `[B, 2]` turn to the person's left, and up, as `FaceState.gaze`: in
      units of a fifth of a radian.

  Returns:
    `[B, 2, 3, 3]` of the left and of the right eye.
  """
  left, up = tf.unstack(UNIT * gaze, axis=-1)
  # Frames are x left, y up, z forward: y turns left, -x turns up.
  turn = rotation.from_rotation_vector(
    tf.stack([-up, left, tf.zeros_like(up)], axis=-1)
  )
  return tf.stack([turn, turn], axis=1)


def with_gaze(rotations: tf.Tensor, gaze: tf.Tensor) -> tf.Tensor:
  """Joint rotations whose eyes look where `gaze` says.

  Args:
    rotations: `[B, 63, 3, 3]` local rotations, driven or not; those of the eyes
      are not read.
    gaze: `[B, 2]` as in `eye_rotations`.

  Returns:
    `[B, 63, 3, 3]` local rotations; all but the eyes' as they were.
  """
  eyes = eye_rotations(gaze)
  return tf.concat([rotations[:, :_FIRST], eyes, rotations[:, _END:]], axis=1)
