"""3D landmarks: keypoints as who looks at a person sees them, without a place.

Every group of keypoints is given from its own root, in metres: the body from
the middle of the two hips, the face from the middle of the eyes' contours, and
each hand from its own wrist.

The axes are those of the viewing frame of the person's crop: x right, y down,
and z away from the viewer, through the middle of the crop. Networks that see
nothing but a person's crop know it in this frame, whatever the camera.
"""

from hund_tf.body import keypoints as table
from hund_tf.compat import tf
from hund_tf.geometry import camera
from hund_tf.types import Intrinsics

EYES = range(table.FACE.start + 36, table.FACE.start + 48)
# The groups of keypoints in order, and the rows whose mean is the root of each.
ROOTS: tuple[tuple[slice, tuple[int, ...]], ...] = (
  (table.BODY, (table.INDEX["l_hip"], table.INDEX["r_hip"])),
  (table.FACE, tuple(EYES)),
  (table.LEFT_HAND, (table.LEFT_HAND.start,)),
  (table.RIGHT_HAND, (table.RIGHT_HAND.start,)),
)


def root_relative(keypoints: tf.Tensor) -> tf.Tensor:
  """Points `[..., 137, 3]`, each less the root of its group."""
  groups = []
  for rows, roots in ROOTS:
    root = tf.reduce_mean(
      tf.gather(keypoints, roots, axis=-2), axis=-2, keepdims=True
    )
    groups.append(keypoints[..., rows, :] - root)
  return tf.concat(groups, axis=-2)


def viewed_landmarks(keypoints: tf.Tensor, intrinsics: Intrinsics) -> tf.Tensor:
  """The 3D landmarks of bodies in their crops.

  Args:
    keypoints: `[B, 137, 3]` metres, camera frame.
    intrinsics: of the crops (C_c), fields `[B, 2]`, crop pixels.

  Returns:
    `[B, 137, 3]` metres: what `ImageFeatures.landmarks_3d` would be without
    errors.
  """
  rotation = camera.viewing_rotation(intrinsics)
  return tf.einsum("bij,bnj->bni", rotation, root_relative(keypoints))
