"""Pictures with missing pixels: refused, or used with a warning."""

import io
import os
import struct
import subprocess
import sys
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hund_tf.decoding import jpeg, opencv
from hund_tf.photos import loading
from hund_tf.photos.loading import PhotoError, PhotoWarning, read_photo

JPEGS = {
  "baseline": {},
  "progressive": {"progressive": True},
  "own tables": {"optimize": True},
  "restarts": {"restart_marker_blocks": 4},
  "full colour": {"quality": 97, "subsampling": 0},
  "grey": {"mode": "L"},
}


def _picture(side: int = 128) -> Image.Image:
  """Waves with some noise: smooth and rough as photos are."""
  x, y = np.meshgrid(np.arange(side), np.arange(side))
  noise = np.random.RandomState(0).uniform(-9, 9, (side, side, 3))
  waves = [100 * np.sin(x / a + y / b) for a, b in ((9, 30), (31, 7), (15, 11))]
  return Image.fromarray((128 + np.stack(waves, -1) + noise).astype(np.uint8))


def _encoded(image: Image.Image, kind: str, mode: str = "RGB", **options):
  buffer = io.BytesIO()
  image.convert(mode).save(buffer, kind, **options)
  return buffer.getvalue()


def _read(tmp_path: Path, data: bytes) -> tuple[loading.Photo, str]:
  """The photo, and the text of its warning; none of other kinds."""
  path = tmp_path / "a.jpg"
  path.write_bytes(data)
  with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    photo = read_photo(path)
  assert all(w.category is PhotoWarning for w in seen)
  text = " ".join(str(w.message) for w in seen)
  assert bool(text) == bool(photo.damage)
  return photo, text


def _refused(tmp_path: Path, data: bytes) -> str:
  path = tmp_path / "a.jpg"
  path.write_bytes(data)
  with pytest.raises(PhotoError) as info:
    read_photo(path)
  assert "\n" not in str(info.value)
  return str(info.value)


def _scan(data: bytes) -> tuple[int, int]:
  """Where the longest scan of a JPEG begins and ends."""
  scans = jpeg.read_markers(data).scans
  longest = max(scans, key=lambda scan: scan.bytes)
  return longest.begin, longest.end


@pytest.mark.parametrize("name", JPEGS)
def test_whole_jpegs_raise_no_doubt(tmp_path, name):
  data = _encoded(_picture(), "JPEG", **JPEGS[name])
  photo, warned = _read(tmp_path, data)
  assert not warned
  expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
  np.testing.assert_array_equal(photo.image, expected)


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("name", JPEGS)
def test_a_cut_jpeg_that_was_given_an_end(tmp_path, name, kept):
  data = _encoded(_picture(), "JPEG", **JPEGS[name])
  begin, end = _scan(data)
  cut = data[: begin + int(kept * (end - begin))].rstrip(b"\xff") + b"\xff\xd9"
  assert "truncated or corrupt" in _refused(tmp_path, cut)


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5])
@pytest.mark.parametrize("name", JPEGS)
def test_a_jpeg_with_a_zeroed_middle(tmp_path, name, share):
  data = _encoded(_picture(), "JPEG", **JPEGS[name])
  begin, end = _scan(data)
  count = max(int(share * (end - begin)), 32)
  at = (begin + end - count) // 2
  _refused(tmp_path, data[:at] + bytes(count) + data[at + count :])


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("size", [(10_000, 10_000), (136, 200)])
def test_a_jpeg_that_claims_more_than_it_holds(tmp_path, size, progressive):
  data = bytearray(_encoded(_picture(), "JPEG", progressive=progressive))
  frame = data.index(b"\xff\xc2" if progressive else b"\xff\xc0")
  data[frame + 5 : frame + 9] = struct.pack(">HH", *size)
  _refused(tmp_path, bytes(data))


def test_more_data_than_pixels_is_a_doubt(tmp_path):
  data = bytearray(_encoded(_picture(), "JPEG"))
  frame = data.index(b"\xff\xc0")
  data[frame + 5 : frame + 7] = struct.pack(">H", 96)
  photo, warned = _read(tmp_path, bytes(data))
  assert photo.image.shape == (96, 128, 3)
  assert "a.jpg: may be damaged: " in warned


def test_missing_scans_of_a_progressive_jpeg(tmp_path):
  data = _encoded(_picture(), "JPEG", progressive=True)
  scans = jpeg.read_markers(data).scans
  photo, _ = _read(tmp_path, data[: scans[-2].end] + b"\xff\xd9")
  assert "last scans are missing" in photo.damage
  first = data[: scans[0].end] + b"\xff\xd9"  # without the last bit of means
  assert "scans of the JPEG are missing" in _refused(tmp_path, first)


def test_scans_without_number_are_given_up(tmp_path):
  data = _encoded(_picture(), "JPEG", progressive=True)
  scans = jpeg.read_markers(data).scans
  shortest = min(range(1, len(scans)), key=lambda i: scans[i].bytes)
  again = data[scans[shortest - 1].end : scans[shortest].end]
  many = data[:-2] + again * 2000 + b"\xff\xd9"
  assert "too long to decode" in _refused(tmp_path, many)


def test_filler_between_segments(tmp_path):
  data = _encoded(_picture(), "JPEG")
  assert not _read(tmp_path, data[:2] + b"\xff" * 500 + data[2:])[1]
  filled = data[:2] + b"\xff" * 1_000_000 + data[2:]
  assert "filler" in _refused(tmp_path, filled)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("shape", ["flat", "ramp"])
@pytest.mark.parametrize("options", JPEGS.values())
def test_long_runs_of_the_same_block_are_no_holes(
  tmp_path, shape, mode, options
):
  image = Image.new("RGB", (1024, 600), (90, 90, 90))
  if shape == "ramp":
    image = Image.linear_gradient("L").resize((1024, 600))
  options = {k: v for k, v in options.items() if k != "mode"}
  data = _encoded(image, "JPEG", mode, **options)
  if shape == "flat" or mode != "RGB":
    assert not _read(tmp_path, data)[1]
  else:
    _read(tmp_path, data)


def _zeroed(data: bytes, at: float, count: int = 80) -> bytes:
  begin = int(at * len(data))
  return data[:begin] + bytes(count) + data[begin + count :]


@pytest.mark.parametrize(
  "kind, options, is_refused",
  [
    ("PNG", {}, True),
    ("TIFF", {"compression": "tiff_deflate"}, True),
    ("TIFF", {"compression": "tiff_lzw"}, None),
    ("TIFF", {"compression": "jpeg"}, None),
    ("WEBP", {"quality": 80}, None),
    ("WEBP", {"lossless": True}, None),
    ("GIF", {}, None),
    ("AVIF", {}, None),
    ("JPEG2000", {}, False),
  ],
)
def test_holes_in_other_formats(tmp_path, kind, options, is_refused):
  data = _encoded(_picture(), kind, **options)
  assert not _read(tmp_path, data)[1]
  try:
    warned = _read(tmp_path, _zeroed(data, 0.5))[1]
  except PhotoError:
    assert is_refused is not False
  else:
    assert warned and not is_refused


def test_every_byte_of_a_png_is_checked(tmp_path):
  data = bytearray(_encoded(_picture(40), "PNG"))
  for at in range(16, len(data) - 4, 97):
    data[at] ^= 4
    _refused(tmp_path, bytes(data))
    data[at] ^= 4


def test_metadata_behind_the_pixels_of_a_png(tmp_path):
  data = _encoded(_picture(), "PNG")
  exif = Image.Exif()
  exif[0x0112] = 6
  body = b"eXIf" + exif.tobytes().removeprefix(b"Exif\0\0")
  chunk = struct.pack(">I", len(body) - 4) + body
  chunk += struct.pack(">I", zlib.crc32(body))
  photo, _ = _read(tmp_path, data[:-12] + chunk + data[-12:])
  expected = np.rot90(np.asarray(_picture()), -1)
  np.testing.assert_array_equal(photo.image, expected)


def test_a_name_that_is_no_utf8(tmp_path):
  data = _encoded(_picture(), "PNG")
  path = Path(bytes(tmp_path / "a").decode() + "\udcff.png")
  path.write_bytes(data)
  np.testing.assert_array_equal(read_photo(path).image, np.asarray(_picture()))


def test_messages_of_decoders_are_kept_off_the_screen(tmp_path, capfd):
  data = _encoded(_picture(), "JPEG")
  begin, end = _scan(data)
  _refused(tmp_path, data[: (begin + end) // 2] + b"\xff\xd9")
  assert capfd.readouterr() == ("", "")
  with opencv.messages() as said:
    os.write(2, b"another thread's\nCorrupt JPEG data: a hole\n")
  assert said == ["Corrupt JPEG data: a hole"]
  assert capfd.readouterr().err == "another thread's\n"


@pytest.mark.parametrize(
  "kind, options, turned",
  [
    ("JPEG", {}, 1),
    ("JPEG", {"progressive": True}, 6),
    ("PNG", {"compress_level": 1}, 1),
    ("WEBP", {"method": 0}, 1),
    ("WEBP", {"method": 0, "lossless": True, "quality": 0}, 8),
    ("TIFF", {"compression": "tiff_lzw"}, 6),
    ("BMP", {}, 1),
    ("AVIF", {"speed": 10}, 1),
  ],
)
def test_the_peak_of_memory(tmp_path, kind, options, turned):
  side = 3000
  image = _picture(500).resize((side, side))
  if kind not in ("BMP",):
    exif = Image.Exif()
    exif[0x0112] = turned
    options = options | {"exif": exif}
  path = tmp_path / "a.jpg"
  image.save(path, kind, **options)
  program = f"""
import resource, sys
from hund_tf.photos import loading
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
before = peak()
try:
  loading.load_photo(sys.argv[1], {side * side})
except loading.PhotoError as error:
  assert "MB to decode" in str(error), error
print(peak() - before)
"""
  used = subprocess.run(
    [sys.executable, "-c", program, path], capture_output=True, check=True
  )
  assert int(used.stdout) < 4 * side * side + 100_000_000
