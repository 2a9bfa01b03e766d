"""Person records, and datasets of them: manifest, shards, indices, damaged."""

import functools
import io
import json
import tempfile
import zipfile
from pathlib import Path

import numpy as np

from hund_tf.compat import tf
from hund_tf.records import contents, integrity, schema, shards
from hund_tf.records.regions import encode_png
from hund_tf.records.schema import PersonRecord
from tests.fuzz import json_files
from tests.fuzz.kind import ACCEPTED, Kind
from tests.fuzz.mutations import mutated

_NUMBERS = (0.0, -5.0, 1e30, np.nan, np.inf, -np.inf, 1e-40, 3e38)
_TEXTS = (b"", b"\n", b"\xff", b"\x1b[2J", b"x" * 5000, b"hund_63", b"GIF89a")
_INTEGERS = (-1, 0, 1, 2, 13, 2**31, 2**40, 2**62, -(2**63), 2**63 - 1)
_KINDS = ("bytes_list", "float_list", "int64_list")


def _record(number: int) -> PersonRecord:
  labels = np.full([30, 40], 14, np.uint8)
  photo = np.random.default_rng(number).integers(0, 255, [30, 40, 3])
  return PersonRecord(
    key=f"people/{number}",
    dataset="people",
    image=encode_png(photo.astype(np.uint8)),
    image_size=np.array([40, 30]),
    intrinsics=np.array([50, 50, 20, 15]),
    box=np.array([1, 2, 20, 25]),
    mask=encode_png(labels),
    part_labels=encode_png(labels),
    part_weights=np.ones(16),
    joint_set="h36m_17",
    joints=np.zeros((17, 3)),
    joint_weights=np.ones(17),
    vertices=np.zeros((5, 3)),
    state_weight=1.0,
  )


@functools.cache
def _serialized() -> tuple[bytes, ...]:
  return tuple(schema.encode(_record(number)) for number in range(4))


def _change_field(feature, rng: np.random.Generator) -> None:
  """One field has other values, more or fewer of them, or is gone."""
  name = sorted(feature)[rng.integers(len(feature))]
  how = rng.random()
  if how < 0.15:
    del feature[name]
    return
  kind = feature[name].WhichOneof("kind")
  if how < 0.25 or kind is None:
    kind = _KINDS[rng.integers(3)]
  values = getattr(feature[name], kind).value
  if how < 0.4:
    values[:] = list(values)[: int(rng.integers(len(values) + 1))]
    return
  extremes = dict(zip(_KINDS, (_TEXTS, _NUMBERS, _INTEGERS), strict=True))[kind]
  new = extremes[rng.integers(len(extremes))]
  if how < 0.5 or not values:
    values.append(new)
  elif kind == "bytes_list" and rng.random() < 0.5:
    values[0] = mutated(values[0], rng)
  else:
    values[int(rng.integers(len(values)))] = new


def _make_record(rng: np.random.Generator) -> bytes:
  data = _serialized()[rng.integers(4)]
  if rng.random() < 0.3:
    return mutated(data, rng)
  example = tf.train.Example.FromString(data)
  for _ in range(rng.integers(1, 4)):
    _change_field(example.features.feature, rng)
  return example.SerializeToString(deterministic=True)


def _read_record(path: Path) -> str:
  """What is fit to train on can be parsed as training does."""
  data = path.read_bytes()
  try:
    contents.check(data, vertices=5, image=True)
  except ValueError as error:
    # Who reads a shard names it beside the record.
    raise ValueError(f"{path}: {error}") from error
  fields = schema.parse(tf.constant(data))
  assert all(np.isfinite(fields[name]).all() for name in ("state", "joints"))
  return ACCEPTED


@functools.cache
def _dataset() -> dict[str, bytes]:
  """The files of a dataset of two shards by their names."""
  with tempfile.TemporaryDirectory() as place:
    folder = Path(place)
    infos = [
      shards.write_shard(
        shards.shard_path(folder, "people", i, 2),
        [_record(i), _record(i + 2)],
      )
      for i in range(2)
    ]
    shards.write_manifest(folder, "people", infos, {"made by": "a test"})
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir())}


def _change_index(data: bytes, rng: np.random.Generator) -> bytes:
  index = np.load(io.BytesIO(data))
  how = rng.integers(4)
  if how == 0:
    index = index[: rng.integers(len(index))]
  elif how == 1:
    others = (index.astype("f8"), index.T, index[::-1], index.astype(">i8"))
    index = (*others, np.concatenate([index, index]))[rng.integers(5)]
  else:
    place = rng.integers(index.size)
    index.ravel()[place] = _INTEGERS[rng.integers(len(_INTEGERS))]
  file = io.BytesIO()
  np.save(file, index)
  return file.getvalue()


def _change_file(
  files: dict[str, bytes], name: str, rng: np.random.Generator
) -> None:
  data, how = files[name], rng.random()
  if how < 0.05:
    del files[name]
  elif how < 0.1:
    other = sorted(files)[rng.integers(len(files))]
    files[name], files[other] = files[other], files[name]
  elif name.endswith(".json"):
    try:
      files[name] = json_files.damaged(json.loads(data), rng)
    except ValueError:
      files[name] = mutated(data, rng)
  elif name.endswith(".npy") and how < 0.7:
    try:
      files[name] = _change_index(data, rng)
    except ValueError:
      files[name] = mutated(data, rng)
  else:
    files[name] = mutated(data, rng)


def _make_dataset(rng: np.random.Generator) -> bytes:
  """An archive of a dataset's files, of which up to three are damaged."""
  files = dict(_dataset())
  for _ in range(rng.integers(0, 4)):
    names = sorted(files)
    if rng.random() < 0.4:
      names = [name for name in names if "manifest" in name] or names
    _change_file(files, names[rng.integers(len(names))], rng)
  out = io.BytesIO()
  with zipfile.ZipFile(out, "w") as archive:
    for name, data in files.items():
      archive.writestr(name, data)
  return out.getvalue()


def _read_dataset(path: Path) -> str:
  """What passes all checks holds what was written, all of it."""
  with tempfile.TemporaryDirectory(dir=path.parent, prefix=path.name) as place:
    with zipfile.ZipFile(path) as archive:
      archive.extractall(place)
    manifest = shards.read_manifest(Path(place))
    shards.verify(manifest)
    found = shards.first_records(manifest, 100, contents.check)
  assert sorted(found) == sorted(_serialized()), f"{len(found)} other records"
  return ACCEPTED


KINDS = (
  Kind(
    "records",
    *(250, 25, ".record"),
    _make_record,
    _read_record,
    (ValueError,),
    50,
  ),
  Kind(
    "manifests, shards, indices",
    *(250, 25, ".zip"),
    _make_dataset,
    _read_dataset,
    (integrity.RecordError,),
    50,
  ),
)
