"""Agreement of an exported model with the package."""

import numpy as np
import pytest

from hund_tf.evaluation.model_agreement import Found, of_outputs, pairs


def _people(*boxes, shift=0.0):
  joints = np.zeros([len(boxes), 63, 3])
  joints[..., 2] = 4.0
  joints[:, 1:, 0] = 0.1 + shift  # all but the pelvis
  joints[..., 1] = shift
  keypoints = np.zeros([len(boxes), 137, 2])
  keypoints[:, 7] = [3.0 * shift, 4.0 * shift]
  return Found(np.reshape(np.float64(boxes), [-1, 4]), joints, keypoints)


def test_people_are_paired_by_their_boxes():
  ours = _people([0, 0, 10, 10], [20, 0, 10, 20])
  theirs = _people([20, 0, 10, 20.5], [0, 1, 10, 9], [50, 0, 9, 9], shift=0.1)
  found = pairs([ours, _people()], [theirs, _people([0, 0, 5, 5])])
  np.testing.assert_allclose(found.boxes, [1.0, 0.5])
  # 62 joints to the right by 100 mm, all down by as much.
  far = (62 * 100 * np.sqrt(2) + 100) / 63
  np.testing.assert_allclose(found.joints, [far] * 2)
  np.testing.assert_allclose(found.against_pelvis, [62 / 63 * 100] * 2)
  np.testing.assert_allclose(found.of_depth, [far / 4000] * 2)
  np.testing.assert_allclose(found.keypoints, [0.5] * 2)


def test_nobody_of_both():
  found = pairs([_people([0, 0, 4, 4])], [_people([9, 9, 4, 4])])
  assert found.joints.shape == (0,)


def test_outputs_of_a_model():
  outputs = {name: np.ones([2, 3, 2]) for name in Found._fields}
  outputs |= {
    "num_people": np.array([2, -1]),
    "error": np.array([b"", b"is empty"]),
  }
  assert of_outputs(outputs, 0).boxes.shape == (2, 2)
  with pytest.raises(ValueError, match="is empty"):
    of_outputs(outputs, 1)
