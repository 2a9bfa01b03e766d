"""Photos become records: what is detected, where it is, and what fails."""

import dataclasses
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hund_tf.datasets import pseudo_labels
from hund_tf.datasets.conversion.summary import ConversionError
from hund_tf.datasets.pseudo_labels import PhotoPeople
from hund_tf.datasets.source import Skipped
from hund_tf.photos.cameras import CameraOptions
from hund_tf.photos.loading import PhotoError, load_photo
from hund_tf.photos.people import Finder
from hund_tf.records import regions, shards
from hund_tf.records.regions import Region
from hund_tf.types import NUM_KEYPOINTS

_DEMO = Path(__file__).parents[2] / "hund_tf/api/assets"


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
  """The demo photos and a cut one, labelled; source, folder and manifest."""
  folder = tmp_path_factory.mktemp("photos")
  for path in _DEMO.glob("*.jpg"):
    shutil.copy(path, folder)
  data = (_DEMO / "astronaut.jpg").read_bytes()
  (folder / "cut.jpg").write_bytes(data[:3000])
  source = PhotoPeople("demo", (str(folder),))
  out = folder / "out"
  manifest, result = pseudo_labels.label_photos(source, out)
  return source, out, manifest, result


def test_people_of_photos_become_records(labelled):
  source, out, manifest, _ = labelled
  records = {r.key: r for r in shards.read_records(shards.read_manifest(out))}
  assert {"astronaut/0", "cameraman/0"} <= set(records)
  assert manifest.count == len(records)
  record = records["astronaut/0"]
  assert record.dataset == "demo"
  assert record.state_weight == 0.0 and not record.keypoints.any()
  photo = load_photo(_DEMO / "astronaut.jpg")
  region = Region(
    record.image, record.image_size, record.photo_box, record.photo_size
  )
  # The detector's own answer, carried back to the photo.
  (person, *_) = source.finder(_DEMO / "astronaut.jpg").detections
  known = person.keypoints[:, 2] > 0
  places = regions.photo_points(record.detected[known, :2], region)
  np.testing.assert_allclose(places, person.keypoints[known, :2], atol=0.01)
  np.testing.assert_allclose(record.detected[:, 2], person.keypoints[:, 2])
  # The assumed camera, f = max(H, W), in pixels of the region.
  height, width = photo.shape[:2]
  scale = record.image_size[0] / record.photo_box[2]
  assert record.intrinsics[0] == pytest.approx(max(height, width) * scale)
  center = regions.photo_points(record.intrinsics[2:], region)
  np.testing.assert_allclose(center, [width / 2, height / 2], atol=0.01)
  assert record.intrinsics_weight == 0.0


def test_masks_lie_on_people_and_end_with_the_photo(labelled):
  record = next(shards.read_records(labelled[2]))
  mask = np.asarray(Image.open(io.BytesIO(record.mask)))
  assert mask.shape == tuple(record.image_size[::-1].astype(int))
  nose = record.detected[0].astype(int)
  assert mask[nose[1], nose[0]] == 255
  left, top, side = record.photo_box[:3]
  photo = load_photo(_DEMO / f"{record.key.split('/')[0]}.jpg")
  rows = (np.arange(len(mask)) + 0.5) * side / len(mask) + top
  outside = (rows < 0) | (rows >= photo.shape[0])
  assert (mask[outside] == 128).all()
  columns = (np.arange(mask.shape[1]) + 0.5) * side / mask.shape[1] + left
  inside = (columns >= 0) & (columns < photo.shape[1])
  assert set(np.unique(mask[~outside][:, inside])) == {0, 255}


def test_a_damaged_photo_is_named_and_counted(labelled):
  _, out, _, result = labelled
  assert result.damage == {"damaged photo": 1}
  assert (
    "cut.jpg: the JPEG data is truncated" in result.named["damaged photo"][0]
  )
  report = json.loads((out / "demo.report.json").read_text())
  assert report["items"] == 3


def test_labelling_goes_on_where_it_stopped(labelled, monkeypatch):
  source, out, manifest, _ = labelled
  missing = manifest.paths()[1]
  before = {path: path.stat().st_mtime_ns for path in manifest.paths()}
  missing.with_suffix(".json").unlink()  # as if killed before the end
  converted = []
  convert = PhotoPeople.convert
  monkeypatch.setattr(
    PhotoPeople,
    "convert",
    lambda self, item: converted.append(item.key) or convert(self, item),
  )
  again, _ = pseudo_labels.label_photos(source, out)
  assert again == manifest
  assert len(converted) == 1
  changed = [p for p, t in before.items() if p.stat().st_mtime_ns != t]
  assert changed == [missing]


def _convert(source):
  return [r for item in source.items() for r in source.convert(item)]


def test_options_reach_the_records(tmp_path):
  """Landmark files, boxes outside, and a camera that is stated."""
  Image.new("RGB", (200, 100)).save(tmp_path / "a.png")
  flat = lambda n: np.tile([150.0, 50.0, 0.9], n)
  body = flat(25).reshape(25, 3)
  body[:, 0] = np.linspace(110, 190, 25)
  body[:, 1] = np.linspace(10, 90, 25)
  person = {
    "pose_keypoints_2d": body.ravel().tolist(),
    "face_keypoints_2d": (0 * flat(70)).tolist(),
    "hand_left_keypoints_2d": (0 * flat(21)).tolist(),
    "hand_right_keypoints_2d": (0 * flat(21)).tolist(),
  }
  path = tmp_path / "a_keypoints.json"
  path.write_text(json.dumps({"people": [person]}))
  source = PhotoPeople(
    "x",
    (str(tmp_path / "a.png"),),
    finder=Finder(
      camera=CameraOptions(intrinsics=[300.0, 310.0, 90.0, 40.0]),
      openpose=str(tmp_path),
    ),
  )
  (record,) = _convert(source)
  assert record.intrinsics_weight == 1.0 and record.mask == b""
  region = Region(
    record.image, record.image_size, record.photo_box, record.photo_size
  )
  places = regions.photo_points(record.detected[:25, :2], region)
  np.testing.assert_allclose(places, body[:, :2], atol=0.01)
  assert record.detected.shape == (NUM_KEYPOINTS, 3)
  center = regions.photo_points(record.intrinsics[2:], region)
  np.testing.assert_allclose(center, [90, 40], atol=0.01)
  (few,) = _convert(dataclasses.replace(source, min_keypoints=26))
  assert isinstance(few, Skipped) and few.reason == "few keypoints"
  bad = dataclasses.replace(
    source, finder=Finder(camera=CameraOptions(focal_px=1e9))
  )
  (skipped,) = _convert(bad)
  assert skipped.damaged and "focal_px" in skipped.problem


def test_photos_that_give_nothing_are_an_error(tmp_path):
  with pytest.raises(PhotoError, match="nowhere: does not exist"):
    pseudo_labels.label_photos(PhotoPeople("x", ("nowhere",)), tmp_path)
  (tmp_path / "a.jpg").write_bytes(b"no photo")
  source = PhotoPeople("x", (str(tmp_path / "a.jpg"),))
  with pytest.raises(ConversionError, match="no record of 1 inputs"):
    pseudo_labels.label_photos(source, tmp_path / "out")


def test_other_photos_are_another_dataset(tmp_path):
  Image.new("RGB", (64, 64)).save(tmp_path / "a.png")
  source = PhotoPeople("x", (str(tmp_path),))
  first = source.with_listing().listing
  assert source.with_listing().listing == first
  Image.new("RGB", (64, 64)).save(tmp_path / "b.png")
  assert source.with_listing().listing != first


def test_people_of_a_real_photo(shared):
  """Five annotated people, of whom all are found (see the detector's tests)."""
  path = shared / "data/real/mmpose/coco/000000197388.jpg"
  records = _convert(PhotoPeople("coco", (str(path),)))
  assert len(records) >= 4
  assert all(record.mask and record.image for record in records)
