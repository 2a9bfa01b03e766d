"""The sheet of sampled poses: a body in every cell, facing the camera."""

import numpy as np
from PIL import Image

from hund_tf.body import skeleton
from hund_tf.compat import tf
from hund_tf.visualization import pose_sheet


def _cells(path, rows):
  pixels = np.asarray(Image.open(path))
  assert pixels.shape == (240 * rows, 1600, 3)
  return pixels.reshape(rows, 240, 8, 200, 3).swapaxes(1, 2)


def test_left_arm_is_drawn_on_the_right_of_a_body_that_faces_us(
  body_model, tmp_path
):
  """The subject's raised left arm is in the upper right of the picture."""
  rotations = np.tile(np.eye(3, dtype=np.float32), (1, 63, 1, 1))
  raised = ((0.0, -1.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.0, 1.0))
  rotations[0, skeleton.INDEX["l_shoulder"]] = raised
  path = tmp_path / "sheet.png"
  pose_sheet.draw_poses(body_model, tf.constant(rotations), path)
  drawn = (_cells(path, 1) < 250).any(-1)[0, 0]
  assert not (_cells(path, 1)[0, 1:] < 250).any()
  top = drawn[: np.flatnonzero(drawn.any(1))[0] + 15]
  assert top[:, 100:].sum() > 10 * max(1, top[:, :90].sum())
