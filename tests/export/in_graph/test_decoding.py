"""Photos decoded in the graph against Pillow and the loader."""

import io

import numpy as np
import pytest
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from hund_tf.compat import tf
from hund_tf.export.in_graph.decoding import decode
from hund_tf.photos.loading import load_photo, read_photo

_LIMIT = 4000
_decode = tf.function(
  lambda data: decode(data, _LIMIT),
  input_signature=[tf.TensorSpec([], tf.string)],
)


def _picture(height=40, width=50):
  rng = np.random.default_rng(3)
  small = Image.fromarray(rng.integers(0, 256, (5, 6, 3), dtype=np.uint8))
  return small.resize((width, height), Image.Resampling.BICUBIC)


def _bytes(image, kind, **options):
  buffer = io.BytesIO()
  image.save(buffer, kind, **options)
  return buffer.getvalue()


def _turned_jpeg(orientation):
  exif = Image.Exif()
  exif[0x0112] = orientation
  return _bytes(_picture(), "JPEG", exif=exif)


@pytest.mark.parametrize(
  "name, data",
  [
    ("jpeg", _bytes(_picture(), "JPEG", quality=90)),
    ("grey", _bytes(_picture().convert("L"), "JPEG")),
    ("progressive", _bytes(_picture(), "JPEG", progressive=True)),
    ("png", _bytes(_picture(), "PNG")),
    ("palette", _bytes(_picture().quantize(16), "PNG")),
    ("gif", _bytes(_picture().quantize(16), "GIF")),
    ("bmp", _bytes(_picture(), "BMP")),
    *[(f"turned{i}", _turned_jpeg(i)) for i in range(1, 9)],
  ],
)
def test_pixels_are_those_of_the_loader(name, data, tmp_path):
  found = _decode(data)
  (tmp_path / name).write_bytes(data)
  assert found.error.numpy() == b"" and found.focal.numpy() == 0.0
  np.testing.assert_array_equal(found.image, load_photo(tmp_path / name))


def test_transparent_pixels_lie_over_white(tmp_path):
  image = _picture().convert("RGBA")
  image.putalpha(Image.linear_gradient("L").resize(image.size))
  data = _bytes(image, "PNG")
  (tmp_path / "a.png").write_bytes(data)
  expected = load_photo(tmp_path / "a.png").astype(int)
  assert np.abs(_decode(data).image - expected).max() <= 1


@pytest.mark.parametrize(
  "data, told",
  [
    (b"", "is empty"),
    (b"\xff", "is no JPEG"),
    (b"a text that is no photo", "is no JPEG"),
    (_bytes(_picture(), "WEBP"), "is no JPEG"),
    (_bytes(_picture(), "JPEG")[:300], "is truncated"),
    (_bytes(_picture(), "PNG")[:200], "is truncated"),
    (b"\x89PNG\r\n\x1a\n", "is truncated"),
    (b"\xff\xd8\xff", "is truncated"),
    (_bytes(_picture(100, 100), "PNG"), "100 x 100 pixels are too many"),
    (_bytes(_picture(100, 100), "JPEG"), "100 x 100 pixels are too many"),
    (_bytes(_picture(100, 100), "GIF"), "100 x 100 pixels are too many"),
    (_bytes(_picture(100, 100), "BMP"), "100 x 100 pixels are too many"),
    (_bytes(_picture(20, 100), "JPEG"), "100 x 20 pixels are too few"),
  ],
)
def test_what_is_no_photo_is_told(data, told):
  found = _decode(data)
  assert found.image.shape == (0, 0, 3)
  assert told in found.error.numpy().decode()


def test_broken_exif_counts_as_upright():
  good = _turned_jpeg(6)
  place = good.index(b"Exif\0\0") + 6
  for cut in range(4, 24, 3):
    broken = good[: place + cut] + b"\xff" * 3 + good[place + cut + 3 :]
    assert _decode(broken).error.numpy() == b""


_W, _H, _LENGTH, _X_RESOLUTION, _UNIT, _F35 = (
  *(0xA002, 0xA003, 0x920A, 0xA20E, 0xA210, 0xA405),
)


@pytest.mark.parametrize("order", [b"II*\0", b"MM\0*"])
@pytest.mark.parametrize(
  "tags",
  [
    {_F35: 36},
    {_F35: 36, _W: 100, _H: 80},
    {_F35: 36, _W: 100, _H: 100},  # cut
    {_F35: 1},  # implausible
    {_LENGTH: IFDRational(72, 10), _X_RESOLUTION: IFDRational(127)},
    {
      _LENGTH: IFDRational(72, 10),
      _X_RESOLUTION: IFDRational(127),
      _UNIT: 3,
      _W: 200,
      _H: 160,
    },
    {_LENGTH: IFDRational(72, 10), _X_RESOLUTION: IFDRational(50), _UNIT: 9},
    {_LENGTH: IFDRational(72, 10)},
    {},
  ],
)
def test_focal_lengths_are_those_of_the_loader(tags, order, tmp_path):
  metadata = Image.Exif()
  metadata.endian = "<" if order[:1] == b"I" else ">"
  metadata[0x0112] = 6
  metadata.get_ifd(0x8769).update(tags)
  data = _bytes(_picture(), "JPEG", exif=metadata)
  assert order in data
  (tmp_path / "a.jpg").write_bytes(data)
  photo = read_photo(tmp_path / "a.jpg")
  found = _decode(data)
  np.testing.assert_array_equal(found.image, photo.image)
  expected = photo.exif.focal_px or 0.0
  assert found.focal.numpy() == pytest.approx(expected, rel=1e-6)
  assert (expected > 0) == (tags in _USABLE)


_USABLE = [
  {_F35: 36},
  {_F35: 36, _W: 100, _H: 80},
  {_LENGTH: IFDRational(72, 10), _X_RESOLUTION: IFDRational(127)},
  {
    _LENGTH: IFDRational(72, 10),
    _X_RESOLUTION: IFDRational(127),
    _UNIT: 3,
    _W: 200,
    _H: 160,
  },
]


def test_broken_metadata_state_no_focal_length():
  metadata = Image.Exif()
  metadata.get_ifd(0x8769)[_F35] = 36
  data = _bytes(_picture(), "JPEG", exif=metadata)
  start = data.index(b"Exif")
  rng = np.random.default_rng(0)
  for _ in range(40):
    broken = bytearray(data)
    for place in rng.integers(start + 6, start + 44, 4):
      broken[place] = rng.integers(256)
    found = _decode(bytes(broken))
    assert found.image.shape[0] > 0 and np.isfinite(found.focal)
