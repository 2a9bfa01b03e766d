"""Photos as users have them, decoded to RGB.

Every fault is a `PhotoError`, one line that names the file, what is wrong with
it and what would be right, so that a caller can report it and go on with the
other files.
"""

import functools
import importlib.util
import os
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from hund_tf.files import FileError, printable
from hund_tf.photos import pixels
from hund_tf.photos.exif import ExifFocal

IMAGE_SUFFIXES = (
  *(".jpg", ".jpeg", ".jpe", ".jfif", ".jif"),
  *(".png", ".webp", ".tif", ".tiff", ".bmp", ".dib", ".gif", ".avif"),
  *(".jp2", ".j2k", ".jpf", ".jpx", ".j2c", ".jpc"),
)
HEIF_SUFFIXES = (".heic", ".heif", ".hif")  # only with pillow-heif
VIDEO_SUFFIXES = (
  *(".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg"),
  *(".wmv", ".flv", ".3gp", ".mts", ".m2ts"),
)
MIN_SIDE = 32  # pixels; a person cannot be made out in less
MAX_PIXELS = 100_000_000  # 300 MB as RGB

_FORMATS = (
  *("JPEG", "PNG", "WEBP", "TIFF", "BMP", "DIB", "GIF", "AVIF", "JPEG2000"),
)
_KINDS = "JPEG, PNG, WebP, AVIF, JPEG 2000, TIFF, BMP or GIF"
_HEIF_BRANDS = (
  *(b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"),
  *(b"mif1", b"msf1"),
)


class PhotoError(FileError):
  """A photo that cannot be used."""


class PhotoWarning(UserWarning):
  """Of a photo that is used although its file looks damaged."""


class Photo(NamedTuple):
  """A decoded photo."""

  image: np.ndarray  # uint8 [H, W, 3] RGB, upright
  exif: ExifFocal  # what its metadata say of the focal length
  damage: str = ""  # what in the file looks damaged; empty for nothing


def load_photo(
  path: str | os.PathLike, max_pixels: int = MAX_PIXELS
) -> np.ndarray:
  """Decodes a photo to upright 8-bit RGB.

  The size in the header is checked before any pixel is decoded. The EXIF
  orientation is applied. Of an animation or of a file with several pages the
  first is taken. Transparent pixels are laid over white. Grey, palette and
  CMYK photos become RGB (without colour management); 16 bits per channel are
  scaled to 8, over the whole range 0 to 65535; floating point grey is taken as
  0 to 1.

  Args:
    path: a JPEG, PNG, WebP, AVIF, JPEG 2000, TIFF, BMP or GIF file, whatever
      its suffix; with pillow-heif installed also HEIC.
    max_pixels: the largest width times height that is decoded.

  Returns:
    uint8 [H, W, 3] RGB, both sides at least `MIN_SIDE` pixels.

  Warns:
    PhotoWarning: if every pixel was decoded, but the file holds signs of
      damage.

  Raises:
    PhotoError: if the file is missing, unreadable, empty, not an image,
      truncated, corrupt, too small, or too large to be decoded in 4 bytes for
      each of `max_pixels` and 100 MB. Missing pixels are never filled in.
  """
  return read_photo(path, max_pixels).image


def read_photo(path: str | os.PathLike, max_pixels: int = MAX_PIXELS) -> Photo:
  """`load_photo`, with what the metadata say of the camera, and of damage."""
  path = Path(path)
  _check_file(path)
  with warnings.catch_warnings():
    # The size is checked below; damaged metadata does not spoil the pixels.
    warnings.simplefilter("ignore")
    with _open(path) as image:
      _check_size(path, image.size, max_pixels)
      try:
        found = pixels.inspect(path, image)
        _check_memory(path, image, found.peak_bytes, max_pixels)
        photo = Photo(*pixels.decode(path, image, found))
      except PhotoError:
        raise
      except Exception as error:  # decoders of broken bytes raise any kind
        raise PhotoError(
          path,
          f"the {image.format} data is truncated or corrupt ({error})",
          "copy or export the photo again, complete",
        ) from error
  if photo.damage:
    warnings.warn(
      f"{printable(path)}: may be damaged: {photo.damage}",
      PhotoWarning,
      stacklevel=2,
    )
  return photo


def _check_file(path: Path) -> None:
  if path.is_dir():
    raise PhotoError(path, "is a folder", "give an image file")
  if not path.exists():
    raise PhotoError(path, "does not exist", "give an existing image file")
  if not path.is_file():
    raise PhotoError(path, "is not a regular file", "give an image file")
  if path.stat().st_size == 0:
    raise PhotoError(
      path, "is empty (0 bytes)", f"give a complete {_KINDS} file"
    )


def _open(path: Path) -> Image.Image:
  """Reads the header; raises PhotoError if it is not that of an image."""
  try:
    formats = (*_FORMATS, *(["HEIF"] if heif_is_readable() else []))
    return Image.open(path, formats=formats)
  except Image.DecompressionBombError as error:
    raise PhotoError(
      path,
      f"is too large: more than {2 * Image.MAX_IMAGE_PIXELS:,} pixels",
      f"give a photo of at most {MAX_PIXELS:,} pixels",
    ) from error
  except Image.UnidentifiedImageError as error:
    raise PhotoError(path, *_what_instead(path)) from error
  except Exception as error:  # headers of broken files raise any kind
    if isinstance(error, OSError) and error.errno:
      problem = f"cannot be read ({error.strerror})"
      remedy = "give an image file that you may read"
    else:
      problem = f"the header is truncated or corrupt ({error})"
      remedy = f"give a complete {_KINDS} file"
    raise PhotoError(path, problem, remedy) from error


def _what_instead(path: Path) -> tuple[str, str]:
  """Problem and remedy of a file that no decoder takes for an image."""
  with path.open("rb") as file:
    head = file.read(12)
  if head[4:8] == b"ftyp" and head[8:] in _HEIF_BRANDS:
    return (
      "is an HEIC photo, which needs pillow-heif",
      "install it (pip install pillow-heif) or export the photo as JPEG",
    )
  container = head[4:8] == b"ftyp" and head[8:] not in (b"avif", b"avis")
  matroska = head[:4] == b"\x1a\x45\xdf\xa3"
  if container or matroska or (head[:4] == b"RIFF" and head[8:] == b"AVI "):
    return (
      "is a video, not a photo",
      "give frames of it as photos (ffmpeg -i VIDEO frame_%05d.png); only "
      "tools/adapt reads videos, by --video",
    )
  return "is not a readable image", f"give a complete {_KINDS} file"


@functools.cache
def heif_is_readable() -> bool:
  """Whether pillow-heif is installed; makes Pillow know it."""
  if importlib.util.find_spec("pillow_heif") is None:
    return False
  import pillow_heif

  pillow_heif.register_heif_opener()
  return True


def _check_size(path: Path, size: tuple[int, int], max_pixels: int) -> None:
  width, height = size
  if width * height > max_pixels:
    raise PhotoError(
      path,
      f"is too large: {width} x {height} pixels",
      f"give a photo of at most {max_pixels:,} pixels",
    )
  if min(size) < MIN_SIDE:
    raise PhotoError(
      path,
      f"is too small: {width} x {height} pixels",
      f"give a photo of at least {MIN_SIDE} x {MIN_SIDE} pixels",
    )


def _check_memory(
  path: Path, image: Image.Image, peak: float, max_pixels: int
) -> None:
  """Refuses what would take more than 4 bytes a pixel of the limit.

  Besides, 100 MB are left to whatever the size does not change.
  """
  most = 4 * max_pixels + 80_000_000
  if peak > most:
    width, height = image.size
    fitting = int(width * height * most / peak)
    raise PhotoError(
      path,
      f"is too large: {width} x {height} pixels of this kind of "
      f"{image.format} take {peak / 1e6:,.0f} MB to decode",
      f"give a photo of at most {fitting:,} pixels, or a baseline JPEG",
    )
