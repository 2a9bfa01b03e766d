"""Whole records: labels against the body model, determinism, restarts."""

import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from hund_tf.compat import tf
from hund_tf.motion import pose_library
from hund_tf.records import schema, shards
from hund_tf.synthetic.images import dataset
from hund_tf.types import state_from_vector


def _picture(data):
  return np.asarray(Image.open(io.BytesIO(data)))


def test_labels_are_those_of_the_body(records, body_model):
  """The state, posed again and projected, gives all labels in 3D and 2D."""
  state = state_from_vector(tf.constant(np.stack([r.state for r in records])))
  body = body_model.decode(state, schema.MESH)
  for i, record in enumerate(records):
    np.testing.assert_allclose(record.vertices, body.vertices[i], atol=1e-4)
    np.testing.assert_allclose(record.body_joints, body.joints[i], atol=1e-4)
    points = body.keypoints[i].numpy()
    pixels = points[:, :2] / points[:, 2:] * record.intrinsics[:2]
    pixels += record.intrinsics[2:]
    known = record.keypoints[:, 2] > 0
    assert known.sum() > 10
    np.testing.assert_allclose(
      record.keypoints[known, :2], pixels[known], atol=0.05
    )


def test_the_image_is_the_region_of_the_photo(records):
  """A pixel of the image and of the photo see the same ray."""
  for record in records:
    left, top, width, height = record.photo_box
    zoom = record.image_size[0] / width
    assert width == pytest.approx(height)
    photo_center = record.intrinsics[2:] / zoom + (left, top)
    # Photos have 640 pixels on the larger side and their centre in the middle.
    assert photo_center.max() == pytest.approx(320.0, abs=0.01)
    box = record.box
    middle = box[:2] + box[2:] / 2
    np.testing.assert_allclose(middle, record.image_size / 2, atol=0.01)
    assert box[2:].max() * 1.3 == pytest.approx(96.0, abs=0.01) or (
      width == pytest.approx(16.0)
    )


def test_pictures_and_parts(records):
  for record in records:
    image, parts = _picture(record.image), _picture(record.part_labels)
    assert image.shape == (96, 96, 3)
    assert parts.shape == (96, 96)
    person = (parts > 0) & (parts < schema.UNKNOWN_PART)
    assert person.sum() > 100
    beyond = parts == schema.UNKNOWN_PART
    if beyond.any():  # black, but for what compression spills over
      assert image[beyond].mean() < 12
    # Seen keypoints lie on the person (joints may be just off the border).
    seen = record.visibility > 0
    assert (record.keypoints[seen, 2] == 1.0).all()
    x, y = record.keypoints[seen, :2].astype(int).T
    assert person[y, x].mean() > 0.85
    np.testing.assert_array_equal(record.part_weights, 1.0)


def test_an_image_depends_on_its_number_only(maker, records):
  again = list(maker.records(range(4, 6)))
  for first, second in zip(records[4:], again, strict=True):
    assert schema.encode(first) == schema.encode(second)
  assert len({record.image for record in records}) == len(records)


def test_other_seeds_give_other_people(body_model, config, records):
  other = dataclasses.replace(config, seed=4)
  maker = dataset.ImageMaker(body_model, pose_library.empty(), other)
  (record,) = maker.records(range(1))
  assert not np.allclose(record.state, records[0].state)


@pytest.fixture
def make(monkeypatch, maker, tmp_path):
  """Makes the images of a configuration in one process: results, manifest."""
  monkeypatch.setattr(dataset, "_start", lambda poses, config: None)
  monkeypatch.setattr(dataset, "_maker", maker)

  def call(config):
    *results, manifest = dataset.make_dataset(
      tmp_path, pose_library.empty(), config
    )
    return results, manifest

  return call


def test_a_cut_off_run_goes_on(make, config, tmp_path):
  results, manifest = make(config)
  assert [result.info.count for result in results] == [4, 4, 4]
  assert manifest.count == 12
  kept = manifest.paths()[0].stat().st_mtime_ns
  manifest.paths()[1].with_suffix(".json").unlink()  # as if it was cut off
  results, again = make(config)
  assert sorted(result.cpu_seconds > 0 for result in results) == [0, 0, 1]
  assert again.shards == manifest.shards
  assert manifest.paths()[0].stat().st_mtime_ns == kept
  shards.verify(shards.read_manifest(tmp_path))


def test_the_images_do_not_depend_on_the_shards(make, config, records):
  one = dataclasses.replace(config, num_images=6, num_shards=1)
  _, manifest = make(one)
  for ours, theirs in zip(shards.read_records(manifest), records, strict=True):
    assert schema.encode(ours) == schema.encode(theirs)


def test_other_settings_make_the_shards_anew(config):
  empty = pose_library.empty()
  digests = {
    shards.settings_digest(changed.settings(poses))
    for changed, poses in (
      (config, empty),
      (dataclasses.replace(config, seed=9), empty),
      (dataclasses.replace(config, photos=("a.jpg",)), empty),
      (
        config,
        pose_library.PoseLibrary(
          np.zeros((1, 69), np.float32), np.zeros((1, 3), np.float32)
        ),
      ),
    )
  }
  assert len(digests) == 4


def test_shards_hold_all_images_once():
  config = dataset.DatasetConfig(num_images=10, num_shards=4)
  numbers = [n for i in range(4) for n in config.images_of_shard(i)]
  assert numbers == list(range(10))
  with pytest.raises(ValueError, match="5 shards of 4 images"):
    dataset.DatasetConfig(num_images=4, num_shards=5)
