"""The retargeting tool, end to end on a small dataset."""

import json

import numpy as np
import pytest
from absl import flags
from absl.testing import flagsaver

from hund_tf.body import points
from hund_tf.body.adapters.smpl import SmplBody, SmplParameters
from hund_tf.compat import tf
from hund_tf.datasets.threedpw import sequences
from hund_tf.datasets.threedpw.reader import ThreeDPW
from hund_tf.records import shards
from hund_tf.records.schema import MESH, PersonRecord
from hund_tf.retargeting import correspondence, point_sets
from tests.body.adapters import smpl_like
from tests.datasets.threedpw import fixture as threedpw_fixture
from tests.retargeting import retargeting_cases
from tools import make_correspondence, retarget

# Required by the programs, but not by others whose flags are parsed in this
# process.
flags.FLAGS.set_default("source_records", "unset")
flags.FLAGS.set_default("fitted_records_dir", "unset")
flags.FLAGS.set_default("source_body", "unset")
flags.FLAGS.set_default("correspondence_output", "unset")


@pytest.fixture
def dataset(body_model, tmp_path):
  """Two shards: three people with joints, and one person without."""
  state = retargeting_cases.states(body_model)
  joints = body_model.decode(state, "proxy_1500").joints.numpy()
  records = [
    PersonRecord(
      f"r{i}",
      "made",
      image=b"image",
      joint_set="hund_63",
      joints=joints[i],
      joint_weights=np.ones(63, np.float32),
    )
    for i in range(3)
  ]
  folder = tmp_path / "in"
  folder.mkdir()
  parts = (records, [PersonRecord("bare", "made")])
  made = [
    shards.write_shard(shards.shard_path(folder, "made", i, 2), part)
    for i, part in enumerate(parts)
  ]
  shards.write_manifest(folder, "made", made, {"made": "here"})
  return folder


def test_states_are_written_once(dataset, tmp_path, capsys):
  flags.FLAGS.mark_as_parsed()
  out = tmp_path / "out"
  options = {
    "source_records": str(dataset),
    "fitted_records_dir": str(out),
    "fit_batch_size": 3,
    "fit_to": "joints",
  }
  with flagsaver.flagsaver(**options):
    assert retarget.main(["retarget"]) == 0
    report = capsys.readouterr().out
    assert "4 records, 3 fitted, 3 used" in report
    assert "1 had no measurements (bare)\n0 had residuals" in report
    assert "matched" not in report  # the records hold them
    manifest = shards.read_manifest(out)
    shards.verify(manifest)
    records = list(shards.read_records(manifest))
    assert [r.key for r in records] == ["r0", "r1", "r2", "bare"]
    assert records[3].state_weight == 0
    for record in records[:3]:
      assert record.image == b"image" and record.vertices.shape == (752, 3)
      gap = np.linalg.norm(record.body_joints - record.joints, axis=1) * 1e3
      assert gap.mean() == pytest.approx(record.residual_mm, rel=0.01)
      assert gap.mean() < 8.0
    # A run that was stopped: one shard is there, the other is made again.
    first, second = manifest.paths()
    second.unlink()
    times = first.stat().st_mtime_ns
    assert retarget.main(["retarget"]) == 0
    assert first.stat().st_mtime_ns == times and second.exists()


def test_what_cannot_be_done_is_said(dataset, tmp_path, capsys):
  flags.FLAGS.mark_as_parsed()
  for options, message in (
    ({"fit_to": "smpl"}, "needs --measurements or --threedpw_dir, --smpl_file"),
    ({"threedpw_dir": "3DPW"}, "joints takes no --threedpw_dir"),
    (
      {
        "fit_to": "smpl",
        "threedpw_dir": "3DPW",
        "measurements": "m.npz",
        "smpl_file": ["s.npz"],
        "correspondence": "c.npz",
      },
      "give --measurements or --threedpw_dir, not both",
    ),
    ({"fitted_records_dir": str(dataset)}, "the records themselves"),
    ({"source_records": str(tmp_path / "none.json")}, "not a manifest"),
  ):
    defaults = {
      "source_records": str(dataset),
      "fitted_records_dir": str(tmp_path / "o"),
      "fit_to": "joints",
    }
    with flagsaver.flagsaver(**defaults | options):
      assert retarget.main(["retarget"]) == 1
    assert message in capsys.readouterr().err


@pytest.fixture(scope="module")
def smpl(body_model, tmp_path_factory):
  """A SMPL file made of our body, whose vertices are ours, and the table."""
  folder = tmp_path_factory.mktemp("smpl")
  np.savez(folder / "SMPL.npz", **smpl_like.arrays(body_model, 24))
  rows = np.arange(len(body_model.mesh_ids(MESH)), dtype=np.int32)
  ones = np.ones(len(rows), np.float32)
  table = correspondence.Correspondence(
    MESH,
    len(rows),
    np.stack([rows, rows, rows], axis=1),
    np.stack([ones, 0 * ones, 0 * ones], axis=1),
    ones,
    0 * ones,
  )
  correspondence.save(folder / "table.npz", table)
  return {
    "fit_to": "smpl",
    "smpl_file": [str(folder / "SMPL.npz")],
    "correspondence": str(folder / "table.npz"),
    "fit_batch_size": 3,
  }


def _posed(options, parameters):
  """Vertices of SMPL's parameters, by their keys."""
  body = SmplBody.load(options["smpl_file"][0])
  tensors = [
    tf.constant(parameters[name], tf.float32)
    for name in ("pose", "betas", "translation")
  ]
  posed = body.pose_parameters(
    SmplParameters(*tensors, tf.zeros([len(parameters["keys"]), 0]))
  )
  return dict(zip(parameters["keys"], posed.vertices.numpy(), strict=True))


def _run(options, source, out) -> dict[str, PersonRecord]:
  """The fitted records by their keys."""
  flags.FLAGS.mark_as_parsed()
  options = options | {
    "source_records": str(source),
    "fitted_records_dir": str(out),
  }
  with flagsaver.flagsaver(**options):
    assert retarget.main(["retarget"]) == 0
  records = shards.read_records(shards.read_manifest(out))
  return {record.key: record for record in records}


def _check(record, vertices):
  """The mesh of the record is near, and as near as the record says."""
  gap = 1e3 * np.linalg.norm(record.vertices - vertices, axis=1).mean()
  assert record.state_weight == 1 and gap < 5.0
  assert gap == pytest.approx(record.residual_mm, rel=0.02)


def test_smpl_parameters_are_fitted_by_their_keys(
  dataset, smpl, tmp_path, capsys
):
  random = np.random.default_rng(2)
  pose = random.normal(0, 0.12, (4, 24, 3))
  pose[:, 0] = random.normal(0, 1.5, (4, 3))
  parameters = {
    "keys": np.array(["r2", "stranger", "r0", "bare"]),
    "pose": pose.reshape(4, 72),
    "betas": random.normal(0, 0.7, (4, 10)),
    "translation": random.normal(0, 1.0, (4, 3)) + [0, 0, 4],
  }
  np.savez(tmp_path / "parameters.npz", **parameters)
  options = smpl | {"measurements": str(tmp_path / "parameters.npz")}
  records = _run(options, dataset, tmp_path / "out")
  report = capsys.readouterr().out
  assert "4 records, 3 fitted, 3 used" in report
  assert "1 had no measurements (r1)\n0 had residuals" in report
  assert "1 of 4 measurements matched no record" in report
  vertices = _posed(smpl, parameters)
  for key in ("r0", "r2", "bare"):
    _check(records[key], vertices[key])
  assert records["r1"].state_weight == 0 and not records["r1"].vertices.size
  np.testing.assert_array_equal(records["r0"].joints.shape, [63, 3])


def test_3dpw_is_fitted_from_its_own_files(smpl, tmp_path, capsys):
  root, folder = tmp_path / "3DPW", tmp_path / "in"
  content = threedpw_fixture.write(root)
  for poses in content["poses"]:
    poses[:, 3:] *= 0.4  # within the limits of joints
  path = root / "sequenceFiles/test/walk_00.pkl"
  path.write_bytes(threedpw_fixture.pickle_python2(content))
  (item,) = ThreeDPW(root, "test").items()
  results = ThreeDPW(root, "test").convert(item)
  folder.mkdir()
  info = shards.write_shard(
    shards.shard_path(folder, "3dpw", 0, 1),
    [r for r in results if isinstance(r, PersonRecord) and r.frame > 1],
  )
  shards.write_manifest(folder, "3dpw", [info], {})
  options = smpl | {"threedpw_dir": str(root)}
  records = _run(options, folder, tmp_path / "out")
  report = capsys.readouterr().out
  assert "3 records, 3 fitted, 3 used" in report
  assert "0 had no measurements\n" in report
  assert "4 of 7 measurements matched no record" in report
  sequence = sequences.read_sequence(path)
  for record in records.values():
    actor, frame = int(record.subject[5]), record.frame
    world = {
      "keys": [""],
      "pose": sequence.poses[actor, frame].reshape(1, 72),
      "betas": sequence.betas[actor : actor + 1],
      "translation": sequence.translations[actor, frame : frame + 1],
    }
    vertices = _posed(smpl, world)[""]
    _check(record, sequences.to_camera(sequence, frame, vertices))


def test_markers_are_fitted_by_their_keys(
  dataset, body_model, tmp_path, capsys
):
  random = np.random.default_rng(3)
  ids = random.choice(body_model.mesh_ids(MESH), 90, replace=False)
  placed = {f"M{i}": (int(v), 0.0095) for i, v in enumerate(ids)}
  (tmp_path / "markers.json").write_text(
    json.dumps(
      {k: {"vertex": v, "offset_mm": 9.5} for k, (v, _) in placed.items()}
    )
  )
  model = points.PointModel(
    body_model, point_sets.markers(body_model.asset, placed)
  )
  truth = retargeting_cases.states(body_model)
  positions = model.points(truth).numpy()[[1, 0, 2, 0]]
  positions[0, ::7] = np.nan  # hidden
  positions[2, 2:] = np.nan  # too few
  np.savez(
    tmp_path / "markers.npz",
    keys=np.array(["r1", "stranger", "r2", "r0"]),
    names=np.array(list(placed)),
    positions=positions,
  )
  options = {
    "fit_to": "markers",
    "measurements": str(tmp_path / "markers.npz"),
    "marker_file": str(tmp_path / "markers.json"),
    "fit_batch_size": 3,
  }
  records = _run(options, dataset, tmp_path / "out")
  report = capsys.readouterr().out
  assert "4 records, 2 fitted, 2 used" in report
  assert "1 had no measurements (bare)\n" in report
  assert "1 had residuals that are not finite (r2)\n" in report
  assert "1 of 4 measurements matched no record" in report
  vertices = body_model.decode(truth, MESH).vertices.numpy()
  for row, key in enumerate(("r0", "r1")):
    gap = np.linalg.norm(records[key].vertices - vertices[row], axis=1)
    assert 1e3 * gap.mean() < 15.0 and records[key].residual_mm < 6.0
  assert records["r2"].state_weight == 0


def test_a_run_that_fits_nobody_fails(dataset, smpl, tmp_path, capsys):
  flags.FLAGS.mark_as_parsed()
  np.savez(
    tmp_path / "parameters.npz",
    keys=np.array(["a", "b"]),
    pose=np.zeros([2, 72]),
    betas=np.zeros([2, 10]),
    translation=np.zeros([2, 3]),
  )
  options = smpl | {
    "measurements": str(tmp_path / "parameters.npz"),
    "source_records": str(dataset),
    "fitted_records_dir": str(tmp_path / "out"),
  }
  with flagsaver.flagsaver(**options):
    assert retarget.main(["retarget"]) == 1
  message = capsys.readouterr().err
  assert "none of 4 records was fitted" in message
  assert "4 had no measurements (r0, r1, r2, bare)" in message
  assert "2 of 2 measurements matched no record" in message
  assert not list((tmp_path / "out").glob("*.manifest.json"))


def test_a_correspondence_needs_a_body(tmp_path, capsys):
  flags.FLAGS.mark_as_parsed()
  with flagsaver.flagsaver(
    source_body=str(tmp_path / "none.npz"),
    correspondence_output=str(tmp_path / "c.npz"),
  ):
    assert make_correspondence.main(["make_correspondence"]) == 1
  assert "none.npz" in capsys.readouterr().err
  assert not (tmp_path / "c.npz").exists()
