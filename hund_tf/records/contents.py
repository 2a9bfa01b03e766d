"""Whether what a record says can be: what is whole may still be wrong.

`schema.decode` sees to fields, shapes and numbers that are not finite.
"""

import struct

import numpy as np

from hund_tf.compat import tf
from hund_tf.json_text import shown_key
from hund_tf.records import pictures, schema
from hund_tf.records.schema import PersonRecord
from hund_tf.types import NUM_PARTS

_LARGEST = 1e6  # pixels, metres or latents; nothing that is known is near it
_ABOVE_ONE = 1e-3  # by which rounding may bring a weight above 1
_LARGEST_SIDE = 20_000  # pixels of a picture of labels
_PNG = b"\x89PNG\r\n\x1a\n"
_WEIGHTS = {
  "intrinsics_weight": None,
  "state_weight": None,
  "keypoints": 2,
  "detected": 2,
  "landmarks_3d": 3,
  "visibility": None,
  "part_weights": None,
  "joint_weights": None,
}  # field: the column of its weights; None: all of it


def check(
  serialized: bytes, vertices: int | None = None, image: bool = False
) -> None:
  """Looks whether a record can be trained on.

  Args:
    serialized: see `schema.encode`.
    vertices: that a record with vertices has; None: any number.
    image: whether a photo is needed, which is then decoded.

  Raises:
    ValueError: one line with the dataset, the record's key, what is wrong and
      what was expected.
  """
  record = schema.decode(serialized)
  problem = _problem(record, vertices)
  if problem:
    dataset, key = shown_key(record.dataset), shown_key(record.key)
    raise ValueError(f"dataset {dataset}: {key}: {problem}")
  if image:
    pictures.check_record(record)


def _problem(record: PersonRecord, vertices: int | None) -> str:
  """What is wrong, or nothing."""
  box, lens = record.box, record.intrinsics
  if not (box[2:] > 0.0).all():
    return f"box is {_text(box)}, expected a width and a height above 0"
  if not (lens[:2] > 0.0).all():
    return f"intrinsics are {_text(lens)}, expected focal lengths above 0"
  for name, value in record._asdict().items():
    if (
      isinstance(value, np.ndarray) and np.abs(value).max(initial=0) > _LARGEST
    ):
      return f"{name} has {np.abs(value).max():.3g}, expected at most 1e6"
  for name, column in _WEIGHTS.items():
    values = np.asarray(getattr(record, name))
    values = values if column is None else values[:, column]
    low, high = values.min(initial=0.0), values.max(initial=0.0)
    if low < 0.0 or high > 1.0 + _ABOVE_ONE:
      worst = low if low < 0.0 else high
      return f"{name} has the weight {worst:.6g}, expected 0 to 1"
  if not 0.0 <= record.residual_mm <= _LARGEST:
    return f"residual_mm is {record.residual_mm:.6g}, expected at least 0"
  found = len(record.vertices)
  if vertices is not None and found not in (0, vertices):
    return f"it has {found} vertices, expected none or {vertices}"
  return _label_problem(record)


def _label_problem(record: PersonRecord) -> str:
  """What is wrong with the pictures of labels, or nothing."""
  for name in ("mask", "part_labels"):
    data = getattr(record, name)
    if not data:
      continue
    if not data.startswith(_PNG) or len(data) < 24:
      return f"{name} cannot be decoded, expected a PNG"
    size = struct.unpack(">II", data[16:24])
    stored = tuple(int(value) for value in record.image_size)
    if (any(stored) and size != stored) or max(size) > _LARGEST_SIDE:
      return f"{name} is of {size} pixels, expected the image's {stored}"
    try:
      with tf.device("CPU:0"):
        labels = tf.io.decode_png(data, channels=1).numpy()
    except tf.errors.OpError as error:
      reason = error.message.splitlines()[0][:80]
      return f"{name} cannot be decoded, expected a PNG ({reason})"
    known = labels[labels != schema.UNKNOWN_PART]
    if name == "part_labels" and known.max(initial=0) >= NUM_PARTS:
      return (
        f"part_labels has the label {known.max()}, expected 0 to "
        f"{NUM_PARTS - 1} or {schema.UNKNOWN_PART}"
      )
  return ""


def _text(values: np.ndarray) -> str:
  return ", ".join(f"{value:.6g}" for value in values)
