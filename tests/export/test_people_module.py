"""From bytes to people, with a detector and a descent that are made up."""

import io
import json

import numpy as np
import pytest
from google.protobuf.internal import decoder
from PIL import Image
from tensorflow.core.framework import tensor_pb2
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.tools import saved_model_cli

from hund_tf.compat import tf
from hund_tf.export import people_module
from hund_tf.export.in_graph.detector import Detections
from hund_tf.export.saved_model import save_model
from hund_tf.types import STATE_DIMS, AlignmentTerms, HumanState


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
    sizes = zip(HumanState._fields, STATE_DIMS, strict=True)
    losses |= {f"state/{name}": ones(3, size) for name, size in sizes}
    return losses | {
      "vertices": ones(4, 3),
      "joints": ones(63, 3),
      "keypoints": ones(137, 3),
      "rotations": ones(63, 3, 3),
      "uncertainty": ones(63),
    }

  def made_tall(self, state, cameras, heights):
    ones = lambda *shape: (
      tf.ones([tf.size(heights), *shape])
      * tf.reshape(heights, [-1] + [1] * len(shape))
    )
    shapes = (4, 3), (63, 3), (137, 3), (63, 3, 3)
    names = "vertices", "joints", "keypoints", "rotations"
    body = {n: ones(*s) for n, s in zip(names, shapes, strict=True)}
    return state, body

  def topology(self):
    return {"faces": tf.zeros([2, 3], tf.int32)}


def _photo(red, width=50, height=40):
  buffer = io.BytesIO()
  Image.new("RGB", (width, height), (red, 0, 0)).save(buffer, "PNG")
  return buffer.getvalue()


_UNKNOWN = {"focal_px": tf.zeros([1]), "height_m": tf.zeros([1])}


@pytest.fixture(name="folder", scope="module")
def _folder(tmp_path_factory):
  folder = tmp_path_factory.mktemp("people") / "1"
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(people_module, "GraphDetector", _Detector)
    module = people_module.PeopleModule(
      _Descent(), None, 2, 5000, example=_photo(1)
    )
    return save_model(module, folder)


@pytest.fixture(name="loaded", scope="module")
def _loaded(folder):
  return tf.saved_model.load(str(folder))


@pytest.fixture(name="signatures", scope="module")
def _signatures(loaded):
  return loaded.signatures


def test_people_of_a_batch(signatures):
  photos = [_photo(1), b"", _photo(3, 40, 60), _photo(0), _photo(1, 90, 90)]
  found = signatures["serving_default"](
    image_bytes=tf.constant(photos), **_UNKNOWN
  )
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
  found = signatures["serving_default"](image_bytes=none, **_UNKNOWN)
  assert found["joints"].shape == (0, 2, 63, 3)


def test_focal_lengths(signatures):
  photos = tf.constant([_photo(1), _photo(1)])
  focal = tf.constant([100.0, 1e6])
  found = signatures["people_with_mesh"](
    image_bytes=photos, focal_px=focal, height_m=tf.zeros([1])
  )
  assert found["num_people"].numpy().tolist() == [1, -1]
  assert found["vertices"].numpy()[0, 0, 0, 0] == pytest.approx(2400.0)
  assert b"focal_px" in found["error"].numpy()[1]


def test_focal_lengths_of_exif(signatures):
  metadata = Image.Exif()
  metadata.get_ifd(0x8769)[0xA405] = 36  # millimetres, of 36 x 24
  buffer = io.BytesIO()
  Image.new("RGB", (50, 40), (3, 3, 3)).save(buffer, "JPEG", exif=metadata)
  focal = 36 / np.hypot(36, 24) * np.hypot(50, 40)
  found = signatures["serving_default"](
    image_bytes=tf.constant([buffer.getvalue(), _photo(3), buffer.getvalue()]),
    focal_px=tf.constant([0.0, 0.0, 100.0]),
    height_m=tf.zeros([1]),
  )
  expected = [[f, f, 25, 20] for f in (focal, 50.0, 100.0)]
  np.testing.assert_allclose(found["camera"], expected, rtol=1e-6)
  np.testing.assert_allclose(
    found["exif_focal_px"], [focal, 0.0, focal], rtol=1e-6
  )
  np.testing.assert_allclose(
    found["joints"][0, 0, 0, 0], 24.0 * focal, rtol=1e-6
  )


def test_given_boxes(signatures):
  boxes = np.zeros([2, 3, 4], np.float32)
  boxes[0, 1] = boxes[1, 0] = [1.0, 2.0, 10.0, 20.0]
  boxes[1, 1] = [60.0, 2.0, 10.0, 20.0]  # outside
  found = signatures["reconstruct_boxes"](
    image_bytes=tf.constant([_photo(0)] * 2),
    boxes=tf.constant(boxes),
    **_UNKNOWN,
  )
  assert found["num_people"].numpy().tolist() == [1, -1]
  assert found["box_index"].numpy()[0, 0] == 1
  np.testing.assert_array_equal(found["boxes"][0, 0], boxes[0, 1])
  assert found["joints"].shape == (2, 3, 63, 3)


def test_statures(signatures):
  photos = tf.constant([_photo(2), _photo(1), _photo(1)])
  found = signatures["serving_default"](
    image_bytes=photos,
    focal_px=tf.zeros([1]),
    height_m=tf.constant([1.8, 0.0, 3.0]),
  )
  assert found["num_people"].numpy().tolist() == [2, 1, -1]
  np.testing.assert_allclose(found["joints"][0, :, 0, 0], [1.8, 1.8])
  assert b"height_m: expected 1.3 to 2.2" in found["error"].numpy()[2]


def test_one_number_for_all_photos_or_one_for_each(signatures):
  photos = tf.constant([_photo(1)] * 3)
  call = signatures["serving_default"]
  unknown = tf.zeros([1])
  one = call(
    image_bytes=photos, focal_px=tf.constant([100.0]), height_m=unknown
  )
  np.testing.assert_allclose(one["camera"][:, 0], [100.0] * 3)
  two = call(image_bytes=photos, focal_px=tf.zeros([2]), height_m=unknown)
  assert two["num_people"].numpy().tolist() == [-1] * 3
  assert b"one number, or one for each" in two["error"].numpy()[0]


def test_what_a_request_may_leave_out(folder):
  saved = saved_model_pb2.SavedModel()
  saved.ParseFromString((folder / "saved_model.pb").read_bytes())
  signatures = saved.meta_graphs[0].signature_def
  for name in ("serving_default", "people_with_mesh", "reconstruct_boxes"):
    assert sorted(signatures[name].defaults) == ["focal_px", "height_m"]
  # As TensorFlow Serving runs it: a session, which feeds what it was given.
  with tf.compat.v1.Session(graph=tf.Graph()) as session:
    tf.compat.v1.saved_model.load(session, ["serve"], str(folder))
    signature = signatures["serving_default"]
    count = session.run(
      signature.outputs["num_people"].name,
      {signature.inputs["image_bytes"].name: [_photo(1)]},
    )
  assert count.tolist() == [1]


def test_the_module_is_called_with_bytes_alone(folder, loaded, signatures):
  photos = tf.constant([_photo(1), _photo(2)])
  expected = signatures["serving_default"](image_bytes=photos, **_UNKNOWN)
  # Beam's model handler loads by Keras.
  for model in (loaded, tf.keras.models.load_model(str(folder))):
    for name, value in model(photos).items():
      np.testing.assert_array_equal(value, expected[name], err_msg=name)


def test_poses_of_decoded_photos(loaded):
  images = np.zeros([2, 40, 50, 3], np.uint8)
  images[:, 0, 0, 0] = 1, 2
  several = loaded.detect_poses_batched(images)
  assert several["boxes"].row_lengths().numpy().tolist() == [1, 2]
  assert several["poses3d"].shape.as_list() == [2, None, 63, 3]
  alone = loaded.detect_poses(images[1])
  np.testing.assert_allclose(alone["boxes"], [[10, 10, 20, 20, 1]] * 2)
  np.testing.assert_allclose(alone["poses3d"][:, 0, 2], 1.2e6)  # millimetres
  # x = z = f: 50 pixels and the middle of the photo.
  np.testing.assert_allclose(alone["poses2d"][:, 0], [[75.0, 70.0]] * 2)
  boxes = np.float32([[1, 2, 10, 20]])
  given = loaded.estimate_poses(images[0], boxes)
  np.testing.assert_allclose(given["boxes"][:, :4], boxes)
  ragged = tf.ragged.constant([[], [[1.0, 2.0, 10.0, 20.0]]], ragged_rank=1)
  given = loaded.estimate_poses_batched(images, ragged)
  assert given["poses2d"].row_lengths().numpy().tolist() == [0, 1]


@pytest.mark.parametrize("count", [1, 3, 17])
def test_a_batch_is_as_its_photos_alone(loaded, count):
  photos = [_photo(k % 3, 40 + k, 60 - k) for k in range(count)]
  together = loaded(tf.constant(photos))
  for k in sorted({0, count // 2, count - 1}):
    alone = loaded(tf.constant([photos[k]]))
    for name, value in together.items():
      np.testing.assert_array_equal(value[k], alone[name][0], err_msg=name)


def test_saved_model_cli_shows_the_signatures(folder, capsys):
  saved_model_cli._show_all(str(folder))
  shown = capsys.readouterr().out
  assert "signature_def['serving_default']" in shown
  assert "inputs['image_bytes'] tensor_info" in shown
  assert "shape: (-1, 2, 63, 3)" in shown


def test_files_beside_the_model(folder):
  extra = folder / "assets.extra"
  people = json.loads((extra / "people.json").read_text())
  assert people["outputs"]["joints"] == {
    "shape": [None, 2, 63, 3],
    "type": "float32",
  }
  assert len(people["joints"]) == 63 and people["max_people"] == 2
  assert np.load(extra / "topology.npy").shape == (2, 3)
  assert "Apache License" in (extra / "LICENSE").read_text()
  requests = extra / "tf_serving_warmup_requests"
  (record,) = tf.data.TFRecordDataset(str(requests)).as_numpy_iterator()
  # PredictionLog.predict_log (6), PredictLog.request (1), and of that
  # model_spec (1) and inputs (2).
  request = _fields(_fields(_fields(record)[6][0])[1][0])
  assert _fields(request[1][0]) == {3: [b"serving_default"]}
  name, value = (_fields(request[2][0])[i][0] for i in (1, 2))
  tensor = tensor_pb2.TensorProto.FromString(value)
  assert name == b"image_bytes" and list(tensor.string_val) == [_photo(1)]


def _fields(message):
  """Contents by the number of the field, read in Google's own way."""
  buffer, place, found = memoryview(message), 0, {}
  while place < len(message):
    tag, place = decoder._DecodeVarint(buffer, place)
    assert tag & 7 == 2
    size, place = decoder._DecodeVarint(buffer, place)
    found.setdefault(tag >> 3, []).append(bytes(buffer[place : place + size]))
    place += size
  return found
