"""Tables of people and photos: Parquet files, and TFRecords.

PEOPLE has one row a person, sorted by photo and, in it, by score:

  photo     string   as in PHOTOS
  row       int32    of the photo in its shard
  person    int32    of the people of the photo, from 0
  NAME      float32, or a list of them: an output of people of the model, "/"
            in its name replaced by "_"; `box_index` is int32. Arrays lie in
            rows; the field's metadata has their "shape" without photo and
            person, such as "63,3,3".

PHOTOS has one row a photo, also of those with errors:

  photo     string   its file; in an archive FILE/MEMBER or FILE#NUMBER
  row       int32    in its shard
  num_people, num_people_found  int32; -1 and 0 where there is an error
  error     string   empty for none
  width, height  int32 pixels, of the upright photo
  camera    list of 4 float32: fx, fy, cx, cy, pixels
  glb       string   file beside the table; empty for none

TFRecords hold one `tf.train.Example` a photo: the columns of PHOTOS, and those
of its people, one person after the other.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from hund_tf import files
from hund_tf.bulk.config import PARQUET, TFRECORD
from hund_tf.bulk.model import Column
from hund_tf.bulk.reading import Photo
from hund_tf.compat import tf
from hund_tf.extras import load_extra

PEOPLE, PHOTOS = "people", "photos"


def table_files(stem: str, kinds: Sequence[str]) -> list[str]:
  """Names of the files of a shard: "people-00000-of-00002.parquet" and so on.

  Args:
    stem: number of the shard, "00000-of-00002".
    kinds: of tables.
  """
  names = []
  if PARQUET in kinds:
    names += [f"{PEOPLE}-{stem}.parquet", f"{PHOTOS}-{stem}.parquet"]
  if TFRECORD in kinds:
    names.append(f"{PHOTOS}-{stem}.tfrecord")
  return names


def photo_rows(
  photos: Sequence[Photo], found: Mapping[str, np.ndarray], first: int
) -> list[dict]:
  """Rows of PHOTOS of a batch.

  Args:
    photos: the batch.
    found: outputs of the model for those without an error, in their order.
    first: row of the first photo in its shard.
  """
  rows, given = [], 0
  for row, photo in enumerate(photos, first):
    values = {"photo": photo.name, "row": row, "num_people": -1}
    values |= {"num_people_found": 0, "error": photo.error, "glb": ""}
    values |= {"width": 0, "height": 0, "camera": [0.0] * 4}
    if not photo.error:
      count = int(found["num_people"][given])
      text = found["error"][given].decode("utf-8", "replace")
      values["num_people"] = count
      values["num_people_found"] = (
        int(found["num_people_found"][given])
        if "num_people_found" in found
        else max(count, 0)
      )
      values["error"] = text or ("is no photo" if count < 0 else "")
      if "image_size" in found:
        values["height"], values["width"] = map(int, found["image_size"][given])
      if "camera" in found:
        values["camera"] = found["camera"][given].tolist()
      given += 1
    rows.append(values)
  return rows


def people_columns(
  rows: Sequence[dict],
  found: Mapping[str, np.ndarray],
  columns: Sequence[Column],
) -> dict[str, np.ndarray | list]:
  """Columns of PEOPLE of a batch.

  Args:
    rows: of PHOTOS, those that the model was given.
    found: outputs of the model for these.
    columns: of the model.
  """
  where = [
    (i, person)
    for i, row in enumerate(rows)
    for person in range(row["num_people"])
  ]
  photo, person = np.array(where, np.int64).reshape(-1, 2).T
  result: dict[str, np.ndarray | list] = {
    "photo": [rows[i]["photo"] for i in photo],
    "row": np.array([rows[i]["row"] for i in photo], np.int32),
    "person": person.astype(np.int32),
  }
  for column in columns:
    if where:
      result[column.name] = found[column.output][photo, person]
    else:
      empty = (0, *(size or 0 for size in column.shape))
      result[column.name] = np.zeros(empty, column.dtype)
  return result


class TableWriter:
  """Writes the tables of a shard, batch by batch; see `open_tables`."""

  def __init__(self, people: Any, photos: Any, records: Any):
    self._people, self._photos, self._records = people, photos, records

  def write(
    self, rows: Sequence[dict], people: Mapping[str, np.ndarray | list]
  ) -> None:
    """Adds rows of PHOTOS and the columns of their people."""
    if self._photos is not None:
      pa = load_extra("pyarrow", "bulk")
      self._photos.write_table(
        pa.Table.from_pylist(list(rows), self._photos.schema)
      )
      schema = self._people.schema
      arrays = [_array(people[field.name], field.type) for field in schema]
      self._people.write_table(pa.Table.from_arrays(arrays, schema=schema))
    if self._records is not None:
      of_row = np.array(people["row"])
      for row in rows:
        mine = np.flatnonzero(of_row == row["row"])
        own = {
          name: np.asarray(values)[mine]
          for name, values in people.items()
          if name not in ("photo", "row")
        }
        self._records.write(_example(row, own).SerializeToString())


@contextmanager
def open_tables(
  folder: Path, stem: str, kinds: Sequence[str], columns: Sequence[Column]
) -> Iterator[TableWriter]:
  """The tables of a shard; they appear at the end, or not at all.

  Raises:
    OutputError: if they cannot be written.
    ImportError: if pyarrow is missing.
  """
  people = photos = records = None
  with ExitStack() as stack:
    paths = {
      name: stack.enter_context(files.atomic_path(folder / name))
      for name in table_files(stem, kinds)
    }
    if PARQUET in kinds:
      parquet = load_extra("pyarrow.parquet", "bulk")
      people, photos = (
        stack.enter_context(
          parquet.ParquetWriter(
            paths[f"{name}-{stem}.parquet"], schema, compression="zstd"
          )
        )
        for name, schema in (
          (PEOPLE, people_schema(columns)),
          (PHOTOS, photo_schema()),
        )
      )
    if TFRECORD in kinds:
      path = paths[f"{PHOTOS}-{stem}.tfrecord"]
      records = stack.enter_context(tf.io.TFRecordWriter(str(path)))
    yield TableWriter(people, photos, records)


def photo_schema() -> Any:
  """The pyarrow schema of PHOTOS."""
  pa = load_extra("pyarrow", "bulk")
  return pa.schema(
    [
      ("photo", pa.string()),
      ("row", pa.int32()),
      ("num_people", pa.int32()),
      ("num_people_found", pa.int32()),
      ("error", pa.string()),
      ("width", pa.int32()),
      ("height", pa.int32()),
      ("camera", pa.list_(pa.float32(), 4)),
      ("glb", pa.string()),
    ]
  )


def people_schema(columns: Sequence[Column]) -> Any:
  """The pyarrow schema of PEOPLE."""
  pa = load_extra("pyarrow", "bulk")
  fields = [
    pa.field("photo", pa.string()),
    pa.field("row", pa.int32()),
    pa.field("person", pa.int32()),
  ]
  for column in columns:
    kind = pa.from_numpy_dtype(np.dtype(column.dtype))
    known = [n for n in column.shape if n is not None]
    size = math.prod(known) if len(known) == len(column.shape) else -1
    if column.shape:
      kind = pa.list_(kind, size)
    shape = ",".join("?" if n is None else str(n) for n in column.shape)
    fields.append(pa.field(column.name, kind, metadata={"shape": shape}))
  return pa.schema(fields)


def _array(values: np.ndarray | list, kind: Any) -> Any:
  """A column of Arrow; arrays of a row are made flat."""
  pa = load_extra("pyarrow", "bulk")
  if not isinstance(values, np.ndarray) or not pa.types.is_nested(kind):
    return pa.array(values, kind)
  flat = pa.array(values.reshape(-1), kind.value_type)
  if pa.types.is_fixed_size_list(kind):
    return pa.FixedSizeListArray.from_arrays(flat, kind.list_size)
  size = int(np.prod(values.shape[1:]))
  offsets = np.arange(len(values) + 1, dtype=np.int32) * size
  return pa.ListArray.from_arrays(pa.array(offsets), flat)


def _example(row: dict, people: Mapping[str, np.ndarray]) -> tf.train.Example:
  """A photo with its people."""
  features = {}
  for name, value in {**row, **people}.items():
    if isinstance(value, str):
      data = [value.encode("utf-8", "replace")]
      features[name] = tf.train.Feature(
        bytes_list=tf.train.BytesList(value=data)
      )
      continue
    array = np.asarray(value).reshape(-1)
    if np.issubdtype(array.dtype, np.integer):
      kept = tf.train.Int64List(value=array)
      features[name] = tf.train.Feature(int64_list=kept)
    else:
      kept = tf.train.FloatList(value=array)
      features[name] = tf.train.Feature(float_list=kept)
  return tf.train.Example(features=tf.train.Features(feature=features))
