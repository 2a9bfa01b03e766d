"""What holds for every record, and for every crop of one."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from hund_tf.compat import tf
from hund_tf.detection.features import crop_box
from hund_tf.detection.interface import Detection
from hund_tf.records import schema, shards
from hund_tf.records.crop_augmentation import (
  CropAugmentation,
  draw_crop,
  upright_crop,
)
from hund_tf.records.schema import JOINT_SETS, PersonRecord

_FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False)
_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_SHARES = st.floats(0, 1, width=32)


def _numbers(*shape: int):
  return arrays.arrays(np.float32, shape, elements=_FINITE, fill=_FINITE)


@st.composite
def _records(draw) -> PersonRecord:
  joint_set = draw(st.sampled_from(sorted(JOINT_SETS)))
  count = JOINT_SETS[joint_set]
  return PersonRecord(
    key=draw(st.text(st.characters(exclude_categories=["Cs"]), min_size=1)),
    dataset=draw(_TEXTS),
    subject=draw(_TEXTS),
    frame=draw(st.integers(-1, 2**62)),
    image=draw(st.binary(max_size=20)),
    intrinsics=draw(_numbers(4)),
    intrinsics_weight=draw(_SHARES),
    keypoints=draw(_numbers(137, 3)),
    joint_set=joint_set,
    joints=draw(_numbers(count, 3)),
    joint_weights=draw(_numbers(count)),
    state=draw(_numbers(204)),
    residual_mm=draw(_FINITE),
    vertices=draw(_numbers(draw(st.integers(0, 3)), 3)),
  )


def _assert_equal(left: PersonRecord, right: PersonRecord) -> None:
  for name, a, b in zip(PersonRecord._fields, left, right, strict=True):
    np.testing.assert_array_equal(a, b, err_msg=name)


@given(_records())
def test_a_record_is_read_as_it_was_written(record):
  serialized = schema.encode(record)
  _assert_equal(schema.decode(serialized), record)
  for name, tensor in schema.parse(tf.constant(serialized)).items():
    value = getattr(record, name)
    value = value.encode() if isinstance(value, str) else value
    np.testing.assert_array_equal(tensor.numpy(), value, err_msg=name)


@given(st.lists(_records(), min_size=1, max_size=4))
def test_a_shard_gives_the_records_it_was_given(tmp_path_factory, records):
  folder = tmp_path_factory.mktemp("shards")
  path = shards.shard_path(folder, "some", 0, 1)
  info = shards.write_shard(path, records, "digest")
  manifest = shards.write_manifest(
    folder, "some", [info], {"made by": "a test"}
  )
  shards.verify(shards.read_manifest(folder / "some.manifest.json"))
  for found, record in zip(shards.read_records(manifest), records, strict=True):
    _assert_equal(found, record)


_BOXES = st.builds(
  lambda corner, sides: np.float32([*corner, *sides]),
  st.tuples(*[st.floats(-500, 3000, width=32)] * 2),
  st.tuples(*[st.floats(8, 2048, width=32)] * 2),
)
_SEEDS = arrays.arrays(np.int32, 2)


@given(_BOXES, st.floats(1, 3))
def test_a_crop_is_a_square_around_the_box(box, scale):
  left, top, width, height = crop_box(_detection(box), scale)
  assert width == height
  np.testing.assert_allclose(width, scale * max(box[2:]), rtol=1e-5)
  np.testing.assert_allclose(
    [left + width / 2, top + height / 2], box[:2] + box[2:] / 2, atol=1e-2
  )


def _detection(box: np.ndarray) -> Detection:
  fields = dict.fromkeys(Detection._fields)
  return Detection(**(fields | {"box": box}))


@given(_BOXES, _SEEDS)
def test_drawn_crops_keep_their_bounds(box, seed):
  """Size, place and turn are within the settings; pixels stay square."""
  config = CropAugmentation()
  crop = draw_crop(tf.constant(box), config, tf.constant(seed))
  axes = crop.axes.numpy()
  size = float(crop.scale())
  np.testing.assert_allclose(
    axes.T @ axes, size**2 * np.eye(2), rtol=1e-4, atol=1e-4 * size**2
  )
  assert (np.linalg.det(axes) < 0) == bool(crop.mirrored)
  whole = config.box_scale * max(box[2:]) / 480
  assert np.exp(-config.scale) <= size / whole * 1.001
  assert size / whole <= np.exp(config.scale) * 1.001
  shift = np.abs(crop.center - (box[:2] + box[2:] / 2)).max()
  assert shift <= config.shift * 480 * size * 1.001 + 1e-2


@given(_BOXES, _SEEDS, st.integers(0, 2**32 - 1))
def test_points_of_a_crop_are_where_its_map_says(box, seed, points_seed):
  crop = draw_crop(tf.constant(box), CropAugmentation(), tf.constant(seed))
  places = np.random.default_rng(points_seed).uniform(0, 480, (6, 2))
  pixels = crop.center + (places - 240.0) @ crop.axes.numpy().T
  found = crop.to_crop(tf.cast(pixels, tf.float32))
  np.testing.assert_allclose(found, places, atol=0.1)


@given(_BOXES)
def test_without_augmentation_a_crop_is_upright(box):
  still = CropAugmentation(
    scale=0.0, shift=0.0, rotation=0.0, flip=0.0, color=0.0, patch=0.0
  )
  drawn = draw_crop(tf.constant(box), still, tf.constant([1, 2]))
  upright = upright_crop(tf.constant(crop_box(_detection(box))))
  for one, other in zip(drawn, upright, strict=True):
    np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-3)
