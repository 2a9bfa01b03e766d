"""Records that a detector looks at: what it is shown, and where it goes."""

import io

import numpy as np
import pytest
from PIL import Image

from hund_tf.datasets import detected_records
from hund_tf.datasets.detected_records import DetectConfig, DetectedRecords
from hund_tf.datasets.source import Skipped
from hund_tf.detection.interface import Detection
from hund_tf.records import regions, schema, shards
from hund_tf.records.schema import PersonRecord

_SIDE = 40
_PHOTO = slice(5, 35), slice(12, 40)  # rows and columns of the image


class _Detector:
  """Finds whoever has a white pixel, and says where it is."""

  def __init__(self):
    self.shown = []

  def detect_photos(self, images, boxes, max_people):
    assert max_people == 1
    self.shown += images
    return [self._look(*one) for one in zip(images, boxes, strict=True)]

  def _look(self, image, boxes):
    white = image.min(axis=-1) > 250
    if not white.any():
      return []
    (y, x), *_ = np.argwhere(white)
    points = np.zeros([137, 3], np.float32)
    points[3] = x + 0.5, y + 0.5, 0.7
    spatial = np.zeros([137, 4], np.float32)
    spatial[3] = 0.1, 0.2, 0.3, 0.9
    mask = white.astype(np.uint8)
    (box,) = boxes
    return [Detection(np.float32(box), 1.0, points, mask, spatial)]


def _record(number: int, white: bool = True, size: bool = False):
  image = np.zeros([_SIDE, _SIDE, 3], np.uint8)
  image[_PHOTO] = 90
  if white:
    image[20, 14 + number] = 255
  labels = np.full([_SIDE, _SIDE], schema.UNKNOWN_PART, np.uint8)
  labels[_PHOTO] = 0
  data = io.BytesIO()
  Image.fromarray(image).save(data, "PNG")
  random = np.random.default_rng(number)
  return PersonRecord(
    f"p{number}",
    "made",
    image=data.getvalue(),
    image_size=np.float32([_SIDE, _SIDE]),
    photo_box=np.float32([-12, -5, _SIDE, _SIDE]),
    photo_size=np.float32([28, 30] if size else [0, 0]),
    box=np.float32([14, 10, 12, 20]),
    part_labels=b"" if size else regions.encode_png(labels),
    keypoints=random.random([137, 3], np.float32),
    state=random.random(204, np.float32),
    state_weight=1.0,
  )


def _write(folder, records, count=2):
  infos = [
    shards.write_shard(
      shards.shard_path(folder, "made", i, count), records[i::count]
    )
    for i in range(count)
  ]
  return shards.write_manifest(folder, "made", infos, {})


@pytest.fixture
def detector(monkeypatch):
  made = _Detector()
  monkeypatch.setattr(detected_records, "_detector", lambda: made)
  return made


def test_detections_are_kept_beside_the_truth(detector, tmp_path):
  records = [_record(i, white=i != 3, size=i % 2 == 0) for i in range(5)]
  _write(tmp_path / "in", records)
  config = DetectConfig(str(tmp_path / "in"))
  manifest, result = detected_records.detect(config, tmp_path / "out")
  assert manifest.name == "made"
  assert result.left_out == {"nobody found": 1} and not result.damage
  assert all(image.shape == (30, 28, 3) for image in detector.shown)
  found = {r.key: r for r in shards.read_records(manifest)}
  assert set(found) == {"p0", "p1", "p2", "p4"}
  for record in records:
    if record.key not in found:
      continue
    seen = found[record.key]
    x = 14 + int(record.key[1:])
    np.testing.assert_allclose(seen.detected[3], [x + 0.5, 20.5, 0.7])
    assert not seen.detected[:3].any()
    np.testing.assert_allclose(seen.landmarks_3d[3], [0.1, 0.2, 0.3, 0.9])
    mask = np.asarray(Image.open(io.BytesIO(seen.mask)))
    assert mask[20, x] == 255 and (mask[_PHOTO] == 255).sum() == 1
    inside = np.zeros([_SIDE, _SIDE], bool)
    inside[_PHOTO] = True
    assert (mask[~inside] == schema.UNKNOWN_MASK).all()
    for name in ("keypoints", "state", "box", "photo_box"):
      np.testing.assert_array_equal(
        getattr(seen, name), getattr(record, name), err_msg=name
      )
    assert seen.image == record.image


def test_it_goes_on_where_it_was_stopped(detector, tmp_path):
  _write(tmp_path / "in", [_record(i) for i in range(6)])
  config = DetectConfig(str(tmp_path / "in"), people=4)
  manifest, _ = detected_records.detect(config, tmp_path / "out")
  assert manifest.count == 4 and len(detector.shown) == 4
  manifest.paths()[1].unlink()
  again, _ = detected_records.detect(config, tmp_path / "out")
  assert len(detector.shown) == 6
  assert [s.sha256 for s in again.shards] == [s.sha256 for s in manifest.shards]


def test_records_that_cannot_be_looked_at_are_named(detector, tmp_path):
  no_image = _record(0)._replace(image=b"")
  no_box = _record(1)._replace(box=np.zeros(4, np.float32))
  _write(tmp_path, [no_image, no_box, _record(2)], 1)
  source = DetectedRecords(str(tmp_path / "made.manifest.json"))
  (item,) = source.items()
  results = list(source.convert(item))
  assert [type(r) for r in results] == [Skipped, Skipped, PersonRecord]
  assert all(r.damaged for r in results[:2])
  assert "p1" in results[1].problem and "no box" in results[1].problem


def test_wrong_folders_are_refused(tmp_path):
  with pytest.raises(ValueError, match="--looked_at_records: got none"):
    detected_records.detect(DetectConfig(), tmp_path)
  _write(tmp_path, [_record(0)], 1)
  with pytest.raises(ValueError, match="expected another one"):
    detected_records.detect(DetectConfig(str(tmp_path)), tmp_path)
