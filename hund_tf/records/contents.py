"""Whether what a record says can be: what is whole may still be wrong.

`schema.decode` sees to fields, shapes and numbers that are not finite.
"""

import numpy as np

from hund_tf.json_text import shown_key
from hund_tf.records import pictures, schema
from hund_tf.records.schema import PersonRecord

_LARGEST = 1e6  # pixels, metres or latents; nothing that is known is near it
_ABOVE_ONE = 1e-3  # by which rounding may bring a weight above 1
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
    image: whether a photo is needed; it must be whole.

  Raises:
    ValueError: one line with the dataset, the record's key, what is wrong and
      what was expected.
  """
  record = schema.decode(serialized)
  problem = _problem(record, vertices)
  if image and not problem:
    problem = pictures.photo_problem(record)
  if problem:
    dataset, key = shown_key(record.dataset), shown_key(record.key)
    raise ValueError(f"dataset {dataset}: {key}: {problem}")


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
  return pictures.label_problem(record)


def _text(values: np.ndarray) -> str:
  return ", ".join(f"{value:.6g}" for value in values)
