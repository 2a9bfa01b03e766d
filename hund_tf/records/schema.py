"""`PersonRecord`: a person in an image, and what is known of them.

Every dataset, the synthetic images and the pseudo-labels are stored in this
form. What is unknown is empty or has weight zero; there is no other flag.
"""

from typing import NamedTuple

import numpy as np

from hund_tf.compat import tf
from hund_tf.json_text import shown, shown_key
from hund_tf.types import NUM_JOINTS, NUM_KEYPOINTS, NUM_PARTS, STATE_SIZE

SCHEMA_VERSION = 1
MESH = "proxy_1500"  # of `vertices`; its vertices are a subset of the body's
UNKNOWN_PART = 255  # label of pixels of which no part is known
UNKNOWN_MASK = 128  # of a mask's pixels of which nothing is known
# Joint sets that datasets annotate in 3D, and how many joints each has.
JOINT_SETS = {
  "": 0,
  "hund_63": NUM_JOINTS,
  "h36m_17": 17,
  "smpl_24": 24,
  "hands_42": 42,
}


def _zeros(*shape: int) -> np.ndarray:
  array = np.zeros(shape, np.float32)
  array.setflags(write=False)
  return array


class PersonRecord(NamedTuple):
  """A person in an image.

  The image is a region of a photo, often a square around the person with some
  margin. Pixels are those of the stored image, (0, 0) covers [0, 1) x [0, 1).
  Points in 3D are in the camera frame (x right, y down, z forward), metres.
  """

  key: str  # unique within its dataset
  dataset: str
  subject: str = ""
  sequence: str = ""  # what protocols group by: an action or a clip
  camera: str = ""
  frame: int = -1  # number within the sequence, as the dataset counts
  image: bytes = b""  # encoded JPEG or PNG, RGB; empty: no image is stored
  image_size: np.ndarray = _zeros(2)  # [2] width, height, pixels
  photo_box: np.ndarray = _zeros(4)  # [4] the image's left, top, width, height
  # in pixels of the whole photo
  photo_size: np.ndarray = _zeros(2)  # [2] width, height of the whole photo; 0:
  # unknown, as in records that were written without this field
  intrinsics: np.ndarray = _zeros(4)  # [4] fx, fy, cx, cy of the stored image
  intrinsics_weight: float = 0.0  # 1 known, 0 assumed
  box: np.ndarray = _zeros(4)  # [4] person: left, top, width, height
  keypoints: np.ndarray = _zeros(NUM_KEYPOINTS, 3)  # [137, 3] annotated:
  # x, y, weight in [0, 1]
  detected: np.ndarray = _zeros(NUM_KEYPOINTS, 3)  # [137, 3] by a detector:
  # x, y, confidence in [0, 1]
  visibility: np.ndarray = _zeros(NUM_KEYPOINTS)  # [137] of the annotated: 1
  # seen, 0 hidden or unknown
  part_labels: bytes = b""  # encoded PNG, grey, of the image's size: part
  # index, 0 background, 255 unknown
  part_weights: np.ndarray = _zeros(NUM_PARTS + 1)  # [16] known channels, the
  # last is visibility, as in `ImageFeatures`
  mask: bytes = b""  # encoded PNG, grey, of the image's size: 255 where a
  # detector sees the person, 0 where not, between as a probability (128 where
  # nothing is known, as beyond the photo); empty: unknown
  joint_set: str = ""  # of `joints`, a key of JOINT_SETS
  joints: np.ndarray = _zeros(0, 3)  # [J, 3] annotated joints of the dataset
  joint_weights: np.ndarray = _zeros(0)  # [J]
  state: np.ndarray = _zeros(STATE_SIZE)  # [204] of our body
  state_weight: float = 0.0  # 1 known or fitted, 0 unknown; also of the next
  residual_mm: float = 0.0  # of the fit that gave the state; 0 if exact
  body_joints: np.ndarray = _zeros(NUM_JOINTS, 3)  # [63, 3] of our body
  vertices: np.ndarray = _zeros(0, 3)  # [V, 3] of MESH; empty if unknown
  landmarks_3d: np.ndarray = _zeros(NUM_KEYPOINTS, 4)  # [137, 4] by a detector:
  # x, y, z (metres, as in `Detection`) and weight in [0, 1], 0 = unknown


_TEXTS = ("key", "dataset", "subject", "sequence", "camera", "joint_set")
_FILES = ("image", "part_labels", "mask")
_SCALARS = ("intrinsics_weight", "state_weight", "residual_mm")
_FIXED = (
  "image_size",
  "photo_box",
  "photo_size",
  "intrinsics",
  "box",
  "keypoints",
  "detected",
  "visibility",
  "part_weights",
  "state",
  "body_joints",
  "landmarks_3d",
)
_VARIABLE = {"joints": 3, "joint_weights": 0, "vertices": 3}  # columns
_OPTIONAL = (
  "photo_size",
  "landmarks_3d",
)  # not in every record that is on disk
_VERSION_KEY = "schema_version"


def check(record: PersonRecord) -> PersonRecord:
  """The record with float32 arrays.

  Raises:
    ValueError: if a field has another shape than documented or is not finite;
      one line with the record's key, the field and what was expected.
  """
  default = PersonRecord("", "")
  changed = {}
  for name in _FIXED + tuple(_VARIABLE):
    value = np.asarray(getattr(record, name), np.float32)
    expected = getattr(default, name).shape
    if name in _VARIABLE:
      expected = (value.shape[0] if value.ndim else 0, *expected[1:])
    if value.shape != expected:
      raise ValueError(
        f"record {shown_key(record.key)}: {name} has shape {value.shape}, "
        f"expected {expected}"
      )
    if not np.isfinite(value).all():
      raise ValueError(
        f"record {shown_key(record.key)}: {name} has values that are not finite"
      )
    changed[name] = value
  number = JOINT_SETS.get(record.joint_set)
  if number is None:
    known = ", ".join(repr(name) for name in JOINT_SETS)
    raise ValueError(
      f"record {shown_key(record.key)}: joint_set is "
      f"{shown(record.joint_set)}, expected one of {known}"
    )
  found = len(changed["joints"]), len(changed["joint_weights"])
  if found != (number, number):
    raise ValueError(
      f"record {shown_key(record.key)}: {found[0]} joints and "
      f"{found[1]} joint_weights, expected {number} of joint_set "
      f"{record.joint_set!r}"
    )
  if not record.key:
    raise ValueError("record without a key: expected a name")
  return record._replace(**changed)


def encode(record: PersonRecord) -> bytes:
  """A record as a serialized `tf.train.Example`.

  Raises:
    ValueError: as `check`.
  """
  record = check(record)
  texts = {name: getattr(record, name).encode() for name in _TEXTS}
  texts |= {name: getattr(record, name) for name in _FILES}
  numbers = {name: [getattr(record, name)] for name in _SCALARS}
  numbers |= {
    name: getattr(record, name).ravel() for name in (*_FIXED, *_VARIABLE)
  }
  integers = {"frame": record.frame, _VERSION_KEY: SCHEMA_VERSION}
  feature = {
    name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
    for name, value in texts.items()
  }
  feature |= {
    name: tf.train.Feature(float_list=tf.train.FloatList(value=values))
    for name, values in numbers.items()
  }
  feature |= {
    name: tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
    for name, value in integers.items()
  }
  example = tf.train.Example(features=tf.train.Features(feature=feature))
  return example.SerializeToString(deterministic=True)


def decode(serialized: bytes) -> PersonRecord:
  """The record of a serialized `tf.train.Example`.

  Raises:
    ValueError: if it is not one of this schema's version, or a field is
      missing, of another size or not finite.
  """
  try:
    feature = tf.train.Example.FromString(serialized).features.feature
  except Exception as error:  # protobuf's DecodeError has no public name
    raise ValueError(f"not a tf.train.Example: {error}") from error
  if _VERSION_KEY not in feature:
    raise ValueError("not a person record: it has no schema_version")
  version = _one(feature, _VERSION_KEY, "int64_list")
  if version != SCHEMA_VERSION:
    raise ValueError(
      f"person record of version {version}, expected {SCHEMA_VERSION}"
    )
  values = {name: _one(feature, name, "bytes_list") for name in _FILES}
  for name in _TEXTS:
    try:
      values[name] = _one(feature, name, "bytes_list").decode()
    except UnicodeDecodeError as error:
      raise ValueError(
        f"person record: {name} is no UTF-8 ({error})"
      ) from error
  for name in _SCALARS:
    values[name] = _one(feature, name, "float_list")
    if not np.isfinite(values[name]):
      raise ValueError(
        f"record {shown_key(values['key'])}: {name} is not finite"
      )
  default = PersonRecord("", "")
  for name in _FIXED + tuple(_VARIABLE):
    if name not in feature:
      if name in _OPTIONAL:
        continue
      raise ValueError(
        f"record {shown_key(values['key'])}: it lacks the field {name}"
      )
    kind = feature[name].WhichOneof("kind") or "float_list"
    if kind != "float_list":
      raise ValueError(
        f"record {shown_key(values['key'])}: {name} is a {kind}, expected a "
        "float_list"
      )
    array = np.array(feature[name].float_list.value, np.float32)
    values[name] = _shaped(
      array, getattr(default, name).shape, name, values["key"]
    )
  values["frame"] = _one(feature, "frame", "int64_list")
  return check(PersonRecord(**values))


def _one(feature, name: str, kind: str):
  """The value of a field that has one."""
  found = getattr(feature[name], kind).value if name in feature else ()
  if len(found) != 1:
    raise ValueError(
      f"person record: {name} has {len(found)} values, expected one"
    )
  return found[0]


def _shaped(
  values: np.ndarray, shape: tuple[int, ...], name: str, key: str
) -> np.ndarray:
  """Numbers in a field's shape; one that may be empty has any length."""
  if name in _VARIABLE:
    columns = max(1, _VARIABLE[name])
    if values.size % columns == 0:
      return values.reshape(-1, *shape[1:])
    expected = f"a multiple of {columns}"
  elif values.size == np.prod(shape):
    return values.reshape(shape)
  else:
    expected = f"{np.prod(shape)}"
  raise ValueError(
    f"record {shown_key(key)}: {name} has {values.size} numbers, "
    f"expected {expected}"
  )


def parse(serialized: tf.Tensor) -> dict[str, tf.Tensor]:
  """A serialized record as tensors, for tf.data.

  Args:
    serialized: scalar string.

  Returns:
    The fields of `PersonRecord` by name: texts and files as scalar strings,
    `frame` int64, the others float32 with their documented shapes.
  """
  default = PersonRecord("", "")
  spec: dict[str, object] = {
    name: tf.io.FixedLenFeature([], tf.string) for name in _TEXTS + _FILES
  }
  spec |= {name: tf.io.FixedLenFeature([], tf.float32) for name in _SCALARS}
  spec |= {
    name: tf.io.FixedLenFeature(
      getattr(default, name).shape,
      tf.float32,
      getattr(default, name) if name in _OPTIONAL else None,
    )
    for name in _FIXED
  }
  spec |= {
    name: tf.io.FixedLenSequenceFeature(
      [columns] if columns else [], tf.float32, allow_missing=True
    )
    for name, columns in _VARIABLE.items()
  }
  spec["frame"] = tf.io.FixedLenFeature([], tf.int64)
  return tf.io.parse_single_example(serialized, spec)
