"""Every kind of photo a user may hand in, good and bad."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from hund_tf.photos import loading
from hund_tf.photos.loading import PhotoError, load_photo

WIDTH, HEIGHT = 60, 40


@pytest.fixture(name="rgb")
def _rgb() -> np.ndarray:
  """A smooth picture whose four corners differ."""
  x = np.linspace(0, 255, WIDTH)[None, :].repeat(HEIGHT, 0)
  y = np.linspace(0, 255, HEIGHT)[:, None].repeat(WIDTH, 1)
  return np.stack([x, y, 255 - (x + y) / 2], -1).round().astype(np.uint8)


def _png(width: int, height: int, depth: int, color: int, raw: bytes) -> bytes:
  """A PNG written by hand; `raw` holds the rows with their filter bytes."""

  def chunk(kind: bytes, body: bytes) -> bytes:
    crc = zlib.crc32(kind + body)
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", crc)

  header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
  return (
    b"\x89PNG\r\n\x1a\n"
    + chunk(b"IHDR", header)
    + chunk(b"IDAT", zlib.compress(raw))
    + chunk(b"IEND", b"")
  )


def _png16(values: np.ndarray, color: int) -> bytes:
  """A PNG of 16 bits per channel from [H, W, C] values."""
  rows = (b"\0" + row.astype(">u2").tobytes() for row in values)
  height, width = values.shape[:2]
  return _png(width, height, 16, color, b"".join(rows))


def _noise_jpeg(size: int = 64, **options) -> bytes:
  noise = np.random.RandomState(0).randint(0, 256, (size, size, 3), np.uint8)
  buffer = io.BytesIO()
  Image.fromarray(noise).save(buffer, "JPEG", quality=95, **options)
  return buffer.getvalue()


def _error(path, **options) -> str:
  """The message of the PhotoError, checked to be one line with the name."""
  with pytest.raises(PhotoError) as info:
    load_photo(path, **options)
  message = str(info.value)
  assert "\n" not in message
  assert message.startswith(f"{path}: ")
  assert info.value.remedy in message
  return message


# --- photos that can be used ---


@pytest.mark.parametrize("suffix", ["png", "tiff", "bmp", "webp"])
def test_lossless_formats_are_exact(tmp_path, rgb, suffix):
  path = tmp_path / f"a.{suffix}"
  options = {"lossless": True} if suffix == "webp" else {}
  Image.fromarray(rgb).save(path, **options)
  photo = load_photo(path)
  assert photo.dtype == np.uint8
  np.testing.assert_array_equal(photo, rgb)
  photo[0, 0] = 7  # writeable


@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_is_close_whatever_its_suffix(tmp_path, rgb, progressive):
  path = tmp_path / "a.png"
  Image.fromarray(rgb).save(path, "JPEG", quality=95, progressive=progressive)
  difference = np.abs(load_photo(path).astype(int) - rgb)
  assert difference.max() < 20 and difference.mean() < 3


def test_cmyk(tmp_path, rgb):
  Image.fromarray(rgb).convert("CMYK").save(tmp_path / "a.tiff")
  np.testing.assert_allclose(load_photo(tmp_path / "a.tiff"), rgb, atol=2)
  Image.fromarray(rgb).convert("CMYK").save(tmp_path / "a.jpg", quality=95)
  difference = np.abs(load_photo(tmp_path / "a.jpg").astype(int) - rgb)
  assert difference.mean() < 4


@pytest.mark.parametrize("kind", ["1", "L"])
def test_grey(tmp_path, rgb, kind):
  grey = Image.fromarray(rgb).convert(kind)
  grey.save(tmp_path / "a.png")
  expected = np.asarray(grey.convert("L"))[..., None].repeat(3, -1)
  np.testing.assert_array_equal(load_photo(tmp_path / "a.png"), expected)


def test_16_bit_grey_keeps_its_range(tmp_path):
  values = np.linspace(0, 65535, HEIGHT * WIDTH).reshape(HEIGHT, WIDTH, 1)
  (tmp_path / "a.png").write_bytes(_png16(values.astype(np.uint16), 0))
  expected = np.rint(values.astype(np.uint16) / 257.0).repeat(3, -1)
  np.testing.assert_array_equal(load_photo(tmp_path / "a.png"), expected)
  tiff = Image.fromarray(values[..., 0].astype(np.uint16))
  tiff.save(tmp_path / "a.tiff")
  np.testing.assert_array_equal(load_photo(tmp_path / "a.tiff"), expected)


def test_16_bit_colour_keeps_its_range(tmp_path, rgb):
  (tmp_path / "a.png").write_bytes(_png16(rgb.astype(np.uint16) * 257, 2))
  np.testing.assert_array_equal(load_photo(tmp_path / "a.png"), rgb)


def test_float_grey_is_0_to_1(tmp_path):
  values = np.linspace(0, 1, HEIGHT * WIDTH, dtype=np.float32)
  values = values.reshape(HEIGHT, WIDTH)
  Image.fromarray(values).save(tmp_path / "a.tiff")
  photo = load_photo(tmp_path / "a.tiff")
  np.testing.assert_array_equal(photo[..., 1], np.rint(values * 255))
  Image.fromarray(values * 900 - 3).save(tmp_path / "b.tiff")
  assert "outside 0 to 1" in _error(tmp_path / "b.tiff")


def test_alpha_is_laid_over_white(tmp_path, rgb):
  alpha = np.full((HEIGHT, WIDTH, 1), 255, np.uint8)
  alpha[:, :20], alpha[:, 20:40] = 0, 51
  rgba = np.concatenate([rgb, alpha], -1)
  Image.fromarray(rgba).save(tmp_path / "a.png")
  a = alpha / 255.0
  np.testing.assert_allclose(
    load_photo(tmp_path / "a.png"), rgb * a + 255 * (1 - a), atol=1
  )


def test_palette_and_its_transparency(tmp_path, rgb):
  palette = Image.fromarray(rgb).quantize(16)
  palette.save(tmp_path / "a.png")
  expected = np.asarray(palette.convert("RGB"))
  np.testing.assert_array_equal(load_photo(tmp_path / "a.png"), expected)
  clear = int(np.asarray(palette)[5, 5])
  palette.save(tmp_path / "b.png", transparency=clear)
  photo = load_photo(tmp_path / "b.png")
  index = np.asarray(palette)
  assert (photo[index == clear] == 255).all()
  np.testing.assert_array_equal(photo[index != clear], expected[index != clear])


_UPRIGHT = {  # how the stored pixels come from the upright picture
  1: lambda a: a,
  2: lambda a: a[:, ::-1],
  3: lambda a: a[::-1, ::-1],
  4: lambda a: a[::-1],
  5: lambda a: a.transpose(1, 0, 2),
  6: lambda a: np.rot90(a, 1),
  7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
  8: lambda a: np.rot90(a, -1),
}


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tiff"])
@pytest.mark.parametrize("orientation", sorted(_UPRIGHT))
def test_exif_orientation_is_applied(tmp_path, rgb, orientation, suffix):
  stored = np.ascontiguousarray(_UPRIGHT[orientation](rgb))
  exif = Image.Exif()
  exif[0x0112] = orientation
  path = tmp_path / f"a.{suffix}"
  Image.fromarray(stored).save(path, exif=exif, quality=95)
  photo = load_photo(path)
  assert photo.shape == rgb.shape
  assert np.abs(photo.astype(int) - rgb).mean() < 4


def test_broken_exif_does_not_spoil_the_pixels(tmp_path, rgb):
  path = tmp_path / "a.png"
  Image.fromarray(rgb).save(path, exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")
  np.testing.assert_array_equal(load_photo(path), rgb)


@pytest.mark.parametrize("suffix", ["gif", "webp", "png", "tiff"])
def test_first_frame_of_an_animation(tmp_path, suffix):
  frames = [
    Image.new("RGB", (WIDTH, HEIGHT), color) for color in ("red", "blue")
  ]
  path = tmp_path / f"a.{suffix}"
  options = {"lossless": True} if suffix == "webp" else {}
  frames[0].save(path, save_all=True, append_images=frames[1:], **options)
  assert (load_photo(path) == [255, 0, 0]).all()


def test_data_after_the_end_of_a_jpeg_is_ignored(tmp_path):
  data = _noise_jpeg()
  (tmp_path / "a.jpg").write_bytes(data)
  (tmp_path / "b.jpg").write_bytes(data + b"a short film" * 1000)
  np.testing.assert_array_equal(
    load_photo(tmp_path / "a.jpg"), load_photo(tmp_path / "b.jpg")
  )


@pytest.mark.parametrize(
  "name, options",
  [
    ("a.jp2", {"irreversible": False}),
    ("a.avif", {"quality": 90}),
    ("a.jfif", {"format": "JPEG", "quality": 95}),
    ("a.jpe", {"format": "JPEG", "quality": 95}),
  ],
)
def test_further_formats(tmp_path, rgb, name, options):
  path = tmp_path / name
  assert path.suffix in loading.IMAGE_SUFFIXES
  Image.fromarray(rgb).save(path, **options)
  difference = np.abs(load_photo(path).astype(int) - rgb)
  assert difference.mean() < 4


# --- photos that cannot be used ---


def test_missing(tmp_path):
  assert "does not exist" in _error(tmp_path / "none.jpg")


def test_folder_instead_of_a_file(tmp_path):
  assert "is a folder" in _error(tmp_path)


def test_empty(tmp_path):
  (tmp_path / "a.jpg").write_bytes(b"")
  assert "is empty (0 bytes); give a complete" in _error(tmp_path / "a.jpg")


@pytest.mark.parametrize(
  "data", [b"hello, world\n" * 50, b"\0" * 5000, b"%!PS-Adobe-3.0 EPSF-3.0\n"]
)
def test_not_an_image(tmp_path, data):
  (tmp_path / "a.jpg").write_bytes(data)
  message = _error(tmp_path / "a.jpg")
  assert "is not a readable image" in message
  assert "JPEG, PNG, WebP" in message


@pytest.mark.parametrize(
  "head", [b"\0\0\0\x18ftypmp42", b"RIFF\0\0\0\0AVI ", b"\x1a\x45\xdf\xa3"]
)
def test_a_video_names_what_is_for_videos(tmp_path, head):
  path = tmp_path / "clip.mp4"
  path.write_bytes(head + bytes(5000))
  message = _error(path)
  assert "is a video, not a photo; give frames" in message
  assert "tools/adapt" in message


@pytest.mark.parametrize("name", ["a.heic", "a.HIF", "a.jpg"])
@pytest.mark.parametrize("brand", [b"heic", b"heix", b"hevx", b"mif1"])
def test_heic_needs_another_package(tmp_path, monkeypatch, brand, name):
  monkeypatch.setattr(loading, "heif_is_readable", lambda: False)
  path = tmp_path / name
  kinds = brand + b"\0\0\0\0mif1heic"  # as phones write it
  path.write_bytes(b"\0\0\0\x18ftyp" + kinds + b"\0\0\x0f\xa2meta" + bytes(99))
  assert "HEIC photo, which needs pillow-heif; install it" in _error(path)


def test_unreadable(tmp_path, rgb, monkeypatch):
  path = tmp_path / "a.png"
  Image.fromarray(rgb).save(path)

  def refuse(*args, **options):
    raise PermissionError(13, "Permission denied")

  monkeypatch.setattr(loading.Image, "open", refuse)
  message = _error(path)
  assert "cannot be read (Permission denied)" in message
  assert "that you may read" in message


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("kept", [0.05, 0.5, 0.9, 0.999])
def test_truncated_jpeg(tmp_path, kept, progressive):
  data = _noise_jpeg(progressive=progressive)
  path = tmp_path / "a.jpg"
  path.write_bytes(data[: int(kept * len(data))])
  message = _error(path)
  assert "truncated" in message or "not a readable image" in message


@pytest.mark.parametrize("kept", [0.5, 0.98])
def test_jpeg_with_a_zeroed_tail(tmp_path, kept):
  """An interrupted download that had reserved its whole length."""
  thumbnail = _noise_jpeg(16)  # has an end marker of its own
  exif = b"Exif\0\0" + thumbnail
  data = _noise_jpeg(exif=exif)
  cut = int(kept * len(data))
  path = tmp_path / "a.jpg"
  path.write_bytes(data[:cut] + b"\0" * (len(data) - cut))
  assert "truncated" in _error(path)


@pytest.mark.parametrize("suffix", ["png", "webp", "tiff", "bmp", "gif"])
@pytest.mark.parametrize("kept", [0.3, 0.7, 0.95])
def test_truncated_other_formats(tmp_path, suffix, kept):
  noise = np.random.RandomState(0).randint(0, 256, (64, 64, 3), np.uint8)
  path = tmp_path / f"a.{suffix}"
  Image.fromarray(noise).save(path)
  path.write_bytes(path.read_bytes()[: int(kept * path.stat().st_size)])
  message = _error(path)
  assert "truncated or corrupt" in message or "readable image" in message


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_deflate"])
def test_corrupt_tiff_says_one_thing_only(tmp_path, capfd, compression):
  noise = np.random.RandomState(0).randint(0, 256, (64, 64, 3), np.uint8)
  path = tmp_path / "a.tiff"
  Image.fromarray(noise).save(path, compression=compression)
  data = bytearray(path.read_bytes())
  data[3000:4000] = bytes(1000)
  path.write_bytes(data)
  assert "TIFF data is truncated or corrupt" in _error(path)
  captured = capfd.readouterr()
  assert captured.out == captured.err == ""


def test_corrupt_png(tmp_path, rgb):
  path = tmp_path / "a.png"
  Image.fromarray(rgb).save(path)
  data = bytearray(path.read_bytes())
  data[len(data) // 2] ^= 0xFF
  path.write_bytes(data)
  message = _error(path)
  assert "corrupt" in message and "copy or export the photo again" in message


@pytest.mark.parametrize("size", [(1, 1), (31, 500), (500, 31)])
def test_too_small(tmp_path, size):
  Image.new("RGB", size).save(tmp_path / "a.png")
  message = _error(tmp_path / "a.png")
  assert f"is too small: {size[0]} x {size[1]} pixels" in message
  assert "at least 32 x 32" in message
  Image.new("RGB", (32, 32)).save(tmp_path / "b.png")
  assert load_photo(tmp_path / "b.png").shape == (32, 32, 3)


def test_too_large_is_seen_in_the_header(tmp_path, monkeypatch):
  # The pixels are absent: decoding them would give another error.
  path = tmp_path / "a.png"
  path.write_bytes(_png(12_000, 10_000, 8, 2, b""))
  message = _error(path)
  assert "is too large: 12000 x 10000 pixels" in message
  assert "at most 100,000,000 pixels" in message
  path.write_bytes(_png(60_000, 60_000, 8, 2, b""))
  assert "is too large" in _error(path)


def test_the_limit_is_an_option(tmp_path, rgb):
  Image.fromarray(rgb).save(tmp_path / "a.png")
  assert load_photo(tmp_path / "a.png", max_pixels=2400).shape == rgb.shape
  assert "60 x 40" in _error(tmp_path / "a.png", max_pixels=2399)
