"""From bytes to people, with a detector and a descent that are made up."""

import io

import numpy as np
import pytest
from PIL import Image

from hund_tf.compat import tf
from hund_tf.export import people_module
from hund_tf.export.in_graph.detector import Detections
from hund_tf.types import AlignmentTerms


class _Detector(tf.Module):
  """Sees as many people in a photo as its first pixel is red."""

  def __init__(self, config):
    super().__init__()

  def search(self, image, max_people):
    count = tf.cast(image[0, 0, 0], tf.int32)
    return self._people(tf.minimum(count, max_people)), count

  def in_boxes(self, image, boxes):
    count = tf.shape(boxes)[0]
    return self._people(count)._replace(boxes=boxes), tf.range(count)

  def _people(self, count):
    ones = lambda *shape: tf.ones([count, *shape])
    box = tf.tile([[10.0, 10.0, 20.0, 20.0]], [count, 1])
    shapes = (), (137, 3), (137, 4), (60, 60)
    return Detections(box, *(ones(*shape) for shape in shapes), box)


class _Descent(tf.Module):
  """Bodies whose pelvis has the crop's focal length for a depth."""

  def input_specs(self):
    shapes = {
      "heatmaps": [60, 60, 137],
      "heatmap_weights": [137],
      "part_probs": [60, 60, 15],
      "part_weights": [16],
      "landmarks_3d": [137, 3],
      "landmark_3d_weights": [137],
      "focal": [2],
      "center": [2],
    }
    return {k: tf.TensorSpec([None, *v], name=k) for k, v in shapes.items()}

  def reconstruct(self, inputs):
    depth = inputs["focal"][:, 0]
    count = tf.shape(depth)[0]
    ones = lambda *shape: (
      tf.ones([count, *shape]) * tf.reshape(depth, [-1] + [1] * len(shape))
    )
    losses = {f"loss/{k}": ones(3) for k in AlignmentTerms._fields}
    return losses | {
      "vertices": ones(4, 3),
      "joints": ones(63, 3),
      "keypoints": ones(137, 3),
      "rotations": ones(63, 3, 3),
      "state/rotation": ones(3, 6),
      "uncertainty": ones(63),
    }

  def topology(self):
    return {"faces": tf.zeros([2, 3], tf.int32)}


def _photo(red, width=50, height=40):
  buffer = io.BytesIO()
  Image.new("RGB", (width, height), (red, 0, 0)).save(buffer, "PNG")
  return buffer.getvalue()


@pytest.fixture(name="signatures", scope="module")
def _signatures():
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(people_module, "GraphDetector", _Detector)
    return people_module.PeopleModule(_Descent(), None, 2, 5000).signatures()


def test_people_of_a_batch(signatures):
  photos = [_photo(1), b"", _photo(3, 40, 60), _photo(0), _photo(1, 90, 90)]
  found = signatures["serving_default"](image_bytes=tf.constant(photos))
  assert found["num_people"].numpy().tolist() == [1, -1, 2, 0, -1]
  assert found["num_people_found"].numpy().tolist() == [1, 0, 3, 0, 0]
  assert "8100" not in found["error"].numpy()[4].decode()
  assert b"too many" in found["error"].numpy()[4]
  # The crop of 20 pixels is read at 480: f = max(H, W) * 24.
  depth = found["joints"].numpy()[..., 0, 0]
  np.testing.assert_allclose(
    depth, [[1200, 0], [0, 0], [1440, 1440], [0, 0], [0, 0]]
  )
  np.testing.assert_allclose(found["camera"][2], [60, 60, 20, 30])
  assert "vertices" not in found


def test_no_photos(signatures):
  none = tf.constant([], tf.string)
  found = signatures["serving_default"](image_bytes=none)
  assert found["joints"].shape == (0, 2, 63, 3)


def test_focal_lengths(signatures):
  photos = tf.constant([_photo(1), _photo(1)])
  focal = tf.constant([100.0, 1e6])
  found = signatures["people_with_mesh"](image_bytes=photos, focal_px=focal)
  assert found["num_people"].numpy().tolist() == [1, -1]
  assert found["vertices"].numpy()[0, 0, 0, 0] == pytest.approx(2400.0)
  assert b"focal_px" in found["error"].numpy()[1]


def test_given_boxes(signatures):
  boxes = np.zeros([2, 3, 4], np.float32)
  boxes[0, 1] = boxes[1, 0] = [1.0, 2.0, 10.0, 20.0]
  boxes[1, 1] = [60.0, 2.0, 10.0, 20.0]  # outside
  found = signatures["reconstruct_boxes"](
    image_bytes=tf.constant([_photo(0)] * 2),
    boxes=tf.constant(boxes),
    focal_px=tf.zeros([2]),
  )
  assert found["num_people"].numpy().tolist() == [1, -1]
  assert found["box_index"].numpy()[0, 0] == 1
  np.testing.assert_array_equal(found["boxes"][0, 0], boxes[0, 1])
  assert found["joints"].shape == (2, 3, 63, 3)
