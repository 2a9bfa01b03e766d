"""Pictures: whatever happens to their bytes, and holes that must be told."""

import functools
import io
import warnings
from pathlib import Path

import numpy as np
from PIL import Image

from hund_tf.decoding import jpeg
from hund_tf.photos.loading import PhotoError, PhotoWarning, read_photo
from tests.fuzz.kind import ACCEPTED, Kind
from tests.fuzz.mutations import mutated

_OFF = 64  # levels by which no encoder changes a pixel here
_SHARE = 0.02  # of the pixels that may be off without a word: the last blocks
_WARNED = "accepted with a warning"
_MEMORY_MB = 4 * 100 + 100  # 4 bytes a pixel of the limit, and 100 MB
_FORMATS = {
  "jpeg": ("JPEG", {"quality": 90}),
  "jpeg of full colour": ("JPEG", {"quality": 98, "subsampling": 0}),
  "jpeg with its own tables": ("JPEG", {"quality": 90, "optimize": True}),
  "progressive jpeg": ("JPEG", {"quality": 90, "progressive": True}),
  "jpeg with restarts": ("JPEG", {"quality": 90, "restart_marker_blocks": 4}),
  "png": ("PNG", {}),
  "webp": ("WEBP", {"quality": 90}),
  "lossless webp": ("WEBP", {"lossless": True}),
  "tiff lzw": ("TIFF", {"compression": "tiff_lzw"}),
  "tiff deflate": ("TIFF", {"compression": "tiff_deflate"}),
  "gif": ("GIF", {}),
  "avif": ("AVIF", {"quality": 90, "speed": 9}),
  "jpeg 2000": ("JPEG2000", {"quality_mode": "rates", "quality_layers": [5]}),
}
_OTHERS = {  # in which a hole looks like black
  "tiff": ("TIFF", {}),
  "tiff packbits": ("TIFF", {"compression": "packbits"}),
  "tiff jpeg": ("TIFF", {"compression": "jpeg", "quality": 90}),
  "bmp": ("BMP", {}),
}


@functools.cache
def _picture() -> np.ndarray:
  """Waves with some noise, uint8 [96, 128, 3]."""
  x, y = np.meshgrid(np.arange(128), np.arange(96))
  noise = np.random.RandomState(0).uniform(-4, 4, (96, 128, 3))
  waves = [90 * np.sin(x / a + y / b) for a, b in ((9, 30), (31, 7), (15, 11))]
  return (128 + np.stack(waves, -1) + noise).astype(np.uint8)


@functools.cache
def _encoded(name: str) -> bytes:
  kind, options = (_FORMATS | _OTHERS)[name]
  buffer = io.BytesIO()
  Image.fromarray(_picture()).save(buffer, kind, **options)
  return buffer.getvalue()


def _any(rng: np.random.Generator) -> bytes:
  names = [*_FORMATS, *_OTHERS]
  return mutated(_encoded(names[rng.integers(len(names))]), rng)


def _holed(rng: np.random.Generator) -> bytes:
  """A picture that was cut, ended anew or zeroed in part, or claims more."""
  name = list(_FORMATS)[rng.integers(len(_FORMATS))]
  data = _encoded(name)
  begin, end = len(data) // 3, len(data) - 24
  if _FORMATS[name][0] == "JPEG":
    scans = jpeg.read_markers(data).scans
    scan = max(scans, key=lambda scan: scan.bytes)
    begin, end = scan.begin, scan.end
  place = int(rng.integers(begin, end - 48))
  step = rng.integers(4)
  if step == 0:
    return data[:place]
  if step == 1:
    return data[:place] + data[-12:]
  if step == 2 and _FORMATS[name][0] == "JPEG":
    frame = data.find(b"\xff\xc2" if "progressive" in name else b"\xff\xc0")
    sides = rng.integers(128, 10_000, 2).astype(">u2")
    return data[: frame + 5] + sides.tobytes() + data[frame + 9 :]
  count = int(rng.integers(48, end - place + 1))
  return data[:place] + bytes(count) + data[place + count :]


def _read(path: Path) -> tuple[np.ndarray, str]:
  with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    photo = read_photo(path)
  warned = any(warning.category is PhotoWarning for warning in seen)
  assert warned == bool(photo.damage)
  return photo.image, _WARNED if warned else ACCEPTED


def _run(path: Path) -> str:
  return _read(path)[1]


def _run_holed(path: Path) -> str:
  image, outcome = _read(path)
  if outcome == ACCEPTED:
    assert image.shape == _picture().shape, image.shape
    off = np.abs(image.astype(int) - _picture()).max(-1) > _OFF
    assert off.mean() <= _SHARE, f"{off.mean():.3f} of the pixels are off"
  return outcome


KINDS = (
  Kind("images", 20_000, 150, ".jpg", _any, _run, (PhotoError,), _MEMORY_MB),
  Kind(
    "images with holes",
    6_000,
    150,
    ".jpg",
    _holed,
    _run_holed,
    (PhotoError,),
    _MEMORY_MB,
  ),
)
