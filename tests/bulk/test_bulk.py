"""Bulk reconstruction: the same numbers everywhere, restarts, bad inputs."""

import io
import json
import sys
import tarfile
import types

import numpy as np
import pytest

from hund_tf.bulk import listing, reading, runners, shard
from hund_tf.bulk.config import BulkConfig, Limits
from hund_tf.bulk.model import PeopleModel
from hund_tf.cli import batch, main
from hund_tf.compat import tf
from tests.bulk import tiny_model
from tests.held_folder import held

parquet = pytest.importorskip("pyarrow.parquet")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
  """The module and the folder that it was saved to."""
  folder = tmp_path_factory.mktemp("model") / "people"
  return tiny_model.save(folder), folder


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
  """A folder of seven photos."""
  folder = tmp_path_factory.mktemp("photos")
  for number in range(7):
    (folder / f"p{number}.png").write_bytes(tiny_model.photo(number))
  return folder


def _config(tiny, out, *inputs, **values):
  values = {"shard_photos": 3, "workers": 1} | values
  return BulkConfig(
    output_dir=str(out),
    people_model=str(tiny[1]),
    inputs=tuple(map(str, inputs)),
    **values,
  )


def _rows(out, table="people"):
  """All rows of a table, and photos without their folders."""
  rows = []
  for path in sorted(out.glob(f"{table}-*.parquet")):
    rows += parquet.read_table(path).to_pylist()
  for row in rows:
    row["photo"] = row["photo"].rsplit("/")[-1]
  return rows


def _write_tar(path, numbers, mode="w"):
  with tarfile.open(path, mode) as tar:
    for number in numbers:
      data = tiny_model.photo(number)
      for name, content in (("png", data), ("json", b"{}")):
        info = tarfile.TarInfo(f"a/p{number}.{name}")
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))


def _write_records(path, numbers):
  with tf.io.TFRecordWriter(str(path)) as writer:
    for number in numbers:
      value = tf.train.BytesList(value=[tiny_model.photo(number)])
      features = {"image/encoded": tf.train.Feature(bytes_list=value)}
      example = tf.train.Example(features=tf.train.Features(feature=features))
      writer.write(example.SerializeToString())


def test_the_same_numbers_everywhere(tiny, photos, tmp_path):
  """Plain Python, the SavedModel and both ways of running."""
  module, folder = tiny
  data = [tiny_model.photo(number) for number in range(7)]
  plain = module.people(tf.constant(data), tf.zeros([7]))
  loaded = PeopleModel(str(folder))(data)
  for name, value in plain.items():
    np.testing.assert_array_equal(loaded[name], value.numpy())
  results = {}
  for runner in ("local", "direct"):
    out = tmp_path / runner
    config = _config(
      tiny, out, photos, runner=runner, tables=("parquet", "tfrecord")
    )
    assert batch.run(config) == 0
    results[runner] = _rows(out), _rows(out, "photos")
  pytest.importorskip("apache_beam")
  assert results["local"] == results["direct"]
  people, of_photos = results["local"]
  counts = [(number + 1) % 3 for number in range(7)]
  assert [row["num_people"] for row in of_photos] == counts
  assert [row["photo"] for row in of_photos] == [f"p{i}.png" for i in range(7)]
  assert [(r["width"], r["height"]) for r in of_photos] == [
    (34 + i, 40) for i in range(7)
  ]
  where = [(i, p) for i, count in enumerate(counts) for p in range(count)]
  assert [(r["photo"], r["person"]) for r in people] == [
    (f"p{i}.png", p) for i, p in where
  ]
  for row, (i, person) in zip(people, where, strict=True):
    for output in ("joints", "state/shape", "scores", "box_index"):
      expected = plain[output][i, person].numpy().reshape(-1)
      found = np.atleast_1d(row[output.replace("/", "_")])
      np.testing.assert_allclose(found, expected, atol=1e-6)
  _check_records(tmp_path / "direct", plain, counts)


def _check_records(out, plain, counts):
  files = [str(path) for path in sorted(out.glob("photos-*.tfrecord"))]
  records = [
    tf.train.Example.FromString(data).features.feature
    for data in tf.data.TFRecordDataset(files).as_numpy_iterator()
  ]
  assert len(records) == 7
  for i, record in enumerate(records):
    assert list(record["num_people"].int64_list.value) == [counts[i]]
    joints = np.array(record["joints"].float_list.value).reshape(-1, 4, 3)
    np.testing.assert_allclose(joints, plain["joints"][i, : counts[i]])


def test_the_schema_tells_shapes(tiny, photos, tmp_path):
  assert batch.run(_config(tiny, tmp_path, photos, shard_photos=9)) == 0
  schema = parquet.read_schema(tmp_path / "people-00000-of-00001.parquet")
  assert schema.field("joints").metadata[b"shape"] == b"4,3"
  assert schema.field("joints").type.list_size == 12
  assert str(schema.field("box_index").type) == "int32"
  assert str(schema.field("scores").type) == "float"


def test_beams_own_handler_takes_the_model(tiny, monkeypatch):
  pytest.importorskip("apache_beam")
  hub = types.ModuleType("tensorflow_hub")
  hub.resolve = lambda name: name
  if "tensorflow_hub" not in sys.modules:
    monkeypatch.setitem(sys.modules, "tensorflow_hub", hub)
  from apache_beam.ml.inference import tensorflow_inference

  module, folder = tiny
  handler = tensorflow_inference.TFModelHandlerTensor(str(folder))
  data = [tf.constant(tiny_model.photo(i)) for i in range(4)]
  found = list(handler.run_inference(data, handler.load_model()))
  expected = module(tf.stack(data))
  for i, one in enumerate(found):
    for name, value in one.inference.items():
      np.testing.assert_array_equal(value, expected[name][i])


def test_archives_give_what_files_give(tiny, photos, tmp_path):
  _write_tar(tmp_path / "a.tar", range(4))
  _write_tar(tmp_path / "b.tar.gz", range(4, 6), "w:gz")
  _write_records(tmp_path / "c.tfrecord", [6])
  out = tmp_path / "archives"
  inputs = [tmp_path / name for name in ("*.tar*", "c.tfrecord")]
  assert batch.run(_config(tiny, out, *inputs)) == 0
  assert batch.run(_config(tiny, tmp_path / "files", photos)) == 0
  same = ("person", "scores", "joints", "boxes", "quality")
  pick = lambda rows: [[row[name] for name in same] for row in rows]
  assert pick(_rows(out)) == pick(_rows(tmp_path / "files"))
  names = [row["photo"] for row in _rows(out, "photos")]
  assert names == [*(f"p{i}.png" for i in range(6)), "c.tfrecord#0"]


def test_goes_on_after_it_was_killed(tiny, photos, tmp_path, monkeypatch):
  config = _config(tiny, tmp_path, photos)
  call, calls = PeopleModel.__call__, []

  def killed(model, data):
    calls.append(len(data))
    if len(calls) == 2:
      raise KeyboardInterrupt
    return call(model, data)

  monkeypatch.setattr(PeopleModel, "__call__", killed)
  with pytest.raises(KeyboardInterrupt):
    batch.run(config)
  names = {path.name for path in tmp_path.iterdir()}
  stem = "00000-of-00003"
  assert names == {
    f"people-{stem}.parquet",
    f"photos-{stem}.parquet",
    f"shard-{stem}.json",
  }
  # What a process leaves that is killed at once.
  half = tmp_path / ".people-00001-of-00003.0123abcd.tmp.parquet"
  half.write_bytes(b"PAR1")
  assert batch.run(config) == 0 and not half.exists()
  assert calls == [3, 3, 3, 1]
  summary = json.loads((tmp_path / "summary.json").read_text())
  assert summary["photos"] == 7 and summary["people"] == len(_rows(tmp_path))
  assert summary["this_run"]["shards"] == 2
  assert summary["this_run"]["photos"] == 4
  assert sum(summary["qualities"]) == summary["people"]
  assert batch.run(config) == 0 and len(calls) == 4
  # A lost table, another input: that shard alone.
  (tmp_path / "people-00001-of-00003.parquet").unlink()
  assert batch.run(config) == 0 and calls[4:] == [3]
  assert batch.run(_config(tiny, tmp_path, photos, with_glb=True)) == 0
  assert calls[5:] == [3, 3, 1]


def test_bad_inputs_are_listed_and_tolerated(tiny, photos, tmp_path, capsys):
  bad = tmp_path / "in"
  bad.mkdir()
  (bad / "empty.jpg").touch()
  (bad / "text.jpg").write_bytes(b"no photo")
  (bad / "large.jpg").write_bytes(bytes(7000))
  limits = Limits(photo_mb=0.0065)
  out = tmp_path / "out"
  config = _config(tiny, out, bad, photos, shard_photos=4, limits=limits)
  assert batch.run(config) == 1
  assert "30.00% of 10 photos are bad, allowed are" in capsys.readouterr().err
  lines = (out / "bad_inputs.jsonl").read_text().splitlines()
  listed = {row["photo"]: row["error"] for row in map(json.loads, lines)}
  assert [name.rsplit("/")[-1] for name in listed] == [
    "empty.jpg",
    "large.jpg",
    "text.jpg",
  ]
  assert "0 bytes" in listed[str(bad / "empty.jpg")]
  assert "expected at most" in listed[str(bad / "large.jpg")]
  rows = _rows(out, "photos")
  assert len(rows) == 10
  assert [row["num_people"] for row in rows if row["error"]] == [-1] * 3
  time = (out / "shard-00000-of-00003.json").stat().st_mtime_ns
  more = _config(
    tiny,
    out,
    bad,
    photos,
    shard_photos=4,
    limits=limits,
    max_bad_fraction=0.3,
  )
  assert batch.run(more) == 0
  assert (out / "shard-00000-of-00003.json").stat().st_mtime_ns == time


@pytest.mark.parametrize(
  "damage", ["cut in a photo", "cut between", "header", "gzip", "no tar"]
)
def test_a_damaged_tar_keeps_what_came_before(damage, tmp_path):
  path = tmp_path / ("a.tar.gz" if damage == "gzip" else "a.tar")
  _write_tar(path, range(4), "w:gz" if damage == "gzip" else "w")
  data = bytearray(path.read_bytes())
  third = data.find(b"a/p2.png")
  if damage == "cut in a photo":
    data = data[: third + 600]
  elif damage == "cut between":
    data = data[:third]
  elif damage == "header":
    data[third : third + 4] = b"\xff" * 4
  elif damage == "gzip":
    data = data[: len(data) // 2]
  else:
    data = bytearray(b"x" * 2000)
  path.write_bytes(data)
  found = list(reading.read(str(path), Limits()))
  *good, last = found
  assert last.name == str(path) and "the rest cannot be read" in last.error
  assert len(good) == {"gzip": len(good), "no tar": 0}.get(damage, 2)
  for number, photo in enumerate(good):
    assert photo.data == tiny_model.photo(number) and not photo.error


def test_damaged_records_keep_what_came_before(tmp_path):
  path = tmp_path / "a.tfrecord"
  _write_records(path, range(3))
  data = path.read_bytes()
  path.write_bytes(data[:-20])
  *good, last = reading.read(str(path), Limits())
  assert [photo.data for photo in good] == [tiny_model.photo(i) for i in (0, 1)]
  assert last.error.startswith("the rest cannot be read")
  path.write_bytes(data)
  found = list(reading.read(str(path), Limits(), "other"))
  assert len(found) == 3
  assert "has 0 values of the feature" in found[0].error


def test_meshes_are_written(tiny, photos, tmp_path):
  import trimesh

  assert batch.run(_config(tiny, tmp_path, photos, with_glb=True)) == 0
  rows = _rows(tmp_path, "photos")
  assert [bool(row["glb"]) for row in rows] == [
    row["num_people"] > 0 for row in rows
  ]
  scene = trimesh.load(tmp_path / rows[1]["glb"])
  assert len(scene.geometry) == 2
  assert "vertices" not in _rows(tmp_path)[0]


def test_batches_are_bounded():
  limits = Limits(batch_photos=3, batch_mb=0.001)
  sizes = [400, 400, 400, 5000, 1, 1, 1, 1]
  photos = [reading.Photo(str(n), bytes(n)) for n in sizes]
  groups = [
    [len(photo.data) for photo in group]
    for group in reading.batches(photos, limits)
  ]
  assert groups == [[400, 400], [400], [5000], [1, 1, 1], [1]]


def test_results_are_no_inputs(tmp_path):
  for name in ("b.jpg", ".c.jpg", "d.txt", "out/photos.tfrecord", "in/a.tar"):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).touch()
  found = listing.list_inputs([str(tmp_path)], str(tmp_path / "out"))
  assert found == [str(tmp_path / name) for name in ("b.jpg", "in/a.tar")]


def test_a_worker_wants_the_model_of_the_run(tiny, tmp_path):
  job = shard.Job(_config(tiny, tmp_path, "a"), str(tmp_path), 1, "another")
  with pytest.raises(ValueError, match="is another model here"):
    shard.load_model(job)


def test_the_command(tiny, photos, tmp_path, capsys):
  out = str(tmp_path / "out")
  arguments = ["batch", f"{photos}/p1.png", f"{photos}/p2.png", "-o", out]
  arguments += ["--people_model", str(tiny[1]), "--workers=1"]
  assert main.main(arguments) == 0
  said = capsys.readouterr().out
  assert "2 photos, 2 people, 0 bad inputs (0.00%) in 1 shards" in said


def test_shards_are_numbered_in_order():
  names = ["a.jpg", "b.tar", "c.png", "d.jpg", "e.TFRecord"]
  shards = listing.shards_of(names, 2)
  assert [one.inputs for one in shards] == [
    ("a.jpg", "c.png"),
    ("d.jpg",),
    ("b.tar",),
    ("e.TFRecord",),
  ]
  assert [one.index for one in shards] == [0, 1, 2, 3]


def test_what_cannot_be_run_is_told_in_a_line(tiny, photos, tmp_path, capsys):
  out = tmp_path / "out"
  (tmp_path / "nothing").mkdir()

  def told(*inputs, **values):
    assert batch.run(_config(tiny, out, *inputs, **values)) == 1
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert line.startswith("batch: ")
    return line

  assert "names no photo, tar or TFRecord file" in told(tmp_path / "nothing")
  assert "inputs: nothing" in told()
  no_model = (tiny[0], tmp_path / "nothing")
  assert batch.run(_config(no_model, out, photos)) == 1
  assert "holds no SavedModel" in capsys.readouterr().err
  assert batch.run(_config(tiny, out, photos)) == 0
  assert "of a run over other inputs" in told(photos, shard_photos=9)
  with held(out) as child:
    assert f"process {child.pid} on " in told(photos)


def test_processes_make_the_same_tables(tiny, photos, tmp_path):
  one, two = tmp_path / "one", tmp_path / "two"
  assert batch.run(_config(tiny, one, photos, shard_photos=4)) == 0
  assert batch.run(_config(tiny, two, photos, shard_photos=4, workers=2)) == 0
  assert _rows(one) == _rows(two)
  assert runners.SUMMARY in {path.name for path in two.iterdir()}
