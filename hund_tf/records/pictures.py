"""Whether the pictures in a record are whole, and what they have to be."""

import io
import struct

import numpy as np
from PIL import Image

from hund_tf.compat import tf
from hund_tf.decoding import damage, stored
from hund_tf.records.schema import UNKNOWN_PART, PersonRecord
from hund_tf.types import NUM_PARTS

_LARGEST_SIDE = 20_000  # pixels
_PNG = b"\x89PNG\r\n\x1a\n"
_COLORS = ("L", "RGB")  # of JPEGs that every decoder takes


def photo_problem(record: PersonRecord) -> str:
  """What is wrong with the photo, or nothing; see `stored.check`."""
  if not record.image:
    return "it holds no photo"
  try:
    kind = stored.check(record.image)
    with Image.open(io.BytesIO(record.image)) as header:
      size, mode = header.size, header.mode
    problem = _size_problem("image", size, record)
    if problem:
      return problem
    if kind == stored.PNG or mode not in _COLORS:
      _decode(record.image)
  except (
    *(ValueError, OSError, tf.errors.OpError, Image.DecompressionBombError),
  ) as error:
    return f"image cannot be decoded, expected a JPEG or PNG ({_line(error)})"
  return ""


def label_problem(record: PersonRecord) -> str:
  """What is wrong with mask and part labels, or nothing."""
  for name in ("mask", "part_labels"):
    data = getattr(record, name)
    if not data:
      continue
    if not data.startswith(_PNG) or len(data) < 24:
      return f"{name} cannot be decoded, expected a PNG"
    problem = _size_problem(name, struct.unpack(">II", data[16:24]), record)
    if problem:
      return problem
    try:
      damage.check_png(data)
      labels = _decode(data, channels=1)
    except (ValueError, tf.errors.OpError) as error:
      return f"{name} cannot be decoded, expected a PNG ({_line(error)})"
    known = labels[labels != UNKNOWN_PART]
    if name == "part_labels" and known.max(initial=0) >= NUM_PARTS:
      return (
        f"part_labels has the label {known.max()}, expected 0 to "
        f"{NUM_PARTS - 1} or {UNKNOWN_PART}"
      )
  return ""


def _size_problem(
  name: str, size: tuple[int, int], record: PersonRecord
) -> str:
  expected = tuple(int(value) for value in record.image_size)
  if (any(expected) and size != expected) or max(size) > _LARGEST_SIDE:
    return f"{name} is of {size} pixels, expected the image's {expected}"
  return ""


def _decode(data: bytes, channels: int = 0) -> np.ndarray:
  with tf.device("CPU:0"):
    return tf.io.decode_image(data, channels, expand_animations=False).numpy()


def _line(error: Exception) -> str:
  text = getattr(error, "message", str(error)) or type(error).__name__
  return text.splitlines()[0][:120]
