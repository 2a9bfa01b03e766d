"""Records whose pictures are whole, and others."""

import cv2
import numpy as np
import pytest

from hund_tf.decoding import jpeg
from hund_tf.records import contents, schema, shards
from hund_tf.records.schema import PersonRecord
from hund_tf.records.stream import RecordStream

_SIDE = 64


def _waves() -> np.ndarray:
  """Rough enough that holes show, `[64, 64, 3]`."""
  x, y = np.meshgrid(np.arange(_SIDE), np.arange(_SIDE))
  noise = np.random.RandomState(0).uniform(-9, 9, (_SIDE, _SIDE, 3))
  waves = [100 * np.sin(x / a + y / b) for a, b in ((9, 30), (31, 7), (15, 11))]
  return (128 + np.stack(waves, -1) + noise).astype(np.uint8)


def _encoded(ending: str, image: np.ndarray | None = None, **options) -> bytes:
  flags = [
    value
    for name, setting in options.items()
    for value in (getattr(cv2, f"IMWRITE_JPEG_{name}"), setting)
  ]
  image = _waves() if image is None else image
  return cv2.imencode(ending, image, flags)[1].tobytes()


_LABELS = _encoded(".png", np.random.RandomState(0).randint(0, 15, [64, 64]))


def _record(number: int = 7, **fields) -> PersonRecord:
  record = PersonRecord(
    key=f"a/{number}",
    dataset="a",
    image=_encoded(".jpg"),
    image_size=np.array([_SIDE, _SIDE]),
    intrinsics=np.array([50, 50, 20, 15]),
    box=np.array([1, 2, 20, 25]),
  )
  return record._replace(**fields)


def _check(**fields) -> None:
  contents.check(schema.encode(_record(**fields)), image=True)


def _scan(data: bytes) -> tuple[int, int]:
  scan = max(jpeg.read_markers(data).scans, key=lambda scan: scan.bytes)
  return scan.begin, scan.end


def _cut(data: bytes) -> bytes:
  """Without the last part of its scan, and with an end."""
  begin, end = _scan(data)
  return data[: (begin + 3 * end) // 4].rstrip(b"\xff") + b"\xff\xd9"


def _zeroed(data: bytes) -> bytes:
  begin, end = _scan(data)
  middle = (begin + end) // 2
  return data[:middle] + bytes(40) + data[middle + 40 :]


def _without_a_piece(data: bytes) -> bytes:
  begin, end = _scan(data)
  return data[: begin + 200] + data[begin + 400 :]


def test_whole_pictures_pass():
  _check()
  _check(image=_encoded(".jpg", PROGRESSIVE=1))
  _check(image=_encoded(".jpg", RST_INTERVAL=2))
  _check(image=_encoded(".png"), part_labels=_LABELS, mask=_LABELS)
  grey = _waves()[..., 0]
  _check(image=_encoded(".jpg", grey), image_size=np.zeros(2))


@pytest.mark.parametrize("damage", [_cut, _zeroed, _without_a_piece])
@pytest.mark.parametrize("option", ["PROGRESSIVE", "RST_INTERVAL", "OPTIMIZE"])
def test_missing_pixels_of_a_jpeg_are_named(damage, option, capfd):
  data = _encoded(".jpg", **{option: 1})
  with pytest.raises(ValueError, match="a: a/7: image cannot be dec") as error:
    _check(image=damage(data))
  assert "\n" not in str(error.value)
  assert not capfd.readouterr().err


@pytest.mark.parametrize("name", ["mask", "part_labels"])
@pytest.mark.parametrize(
  "damage",
  [
    lambda data: data[: len(data) // 2],
    lambda data: data[: len(data) // 2] + data[-12:],
    lambda data: data[:300] + bytes(40) + data[340:],
    lambda data: _encoded(".jpg"),
  ],
)
def test_missing_pixels_of_labels_are_named(name, damage):
  with pytest.raises(ValueError, match=f"a/7: {name} cannot be decoded"):
    contents.check(schema.encode(_record(**{name: damage(_LABELS)})))


def test_others_are_named():
  with pytest.raises(ValueError, match="a/7: it holds no photo"):
    _check(image=b"")
  for data in (b"GIF89a" + bytes(90), b"", _encoded(".png")[:60]):
    if data:
      with pytest.raises(ValueError, match="a/7: image cannot be decoded"):
        _check(image=data)
  small = _encoded(".jpg", _waves()[:40])
  with pytest.raises(ValueError, match=r"image is of \(64, 40\) pixels, exp"):
    _check(image=small)


def test_a_stream_names_replaces_and_counts_them(tmp_path):
  cut = _record(2, image=_cut(_encoded(".jpg")))
  records = [_record(0), _record(1), cut, _record(3)]
  info = shards.write_shard(
    shards.shard_path(tmp_path, "a", 0, 1), records, "digest"
  )
  manifest = shards.write_manifest(tmp_path, "a", [info], {})
  check = lambda data: contents.check(data, image=True)
  reports = []
  stream = RecordStream([manifest], None, 0, 4, 0.25, reports.append, check)
  keys = {schema.decode(data).key for data in stream.serialized(0)}
  assert keys == {"a/0", "a/1", "a/3"} and stream.damaged() == [1]
  assert "a-00000-of-00001.tfrecord: record 2: dataset a: a/2" in reports[0]
  strict = RecordStream([manifest], None, 0, 4, 0.01, reports.append, check)
  with pytest.raises(shards.RecordError, match="1 of 4 records are damaged"):
    strict.serialized(0)
