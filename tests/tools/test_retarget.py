"""The retargeting tool, end to end on a small dataset."""

import numpy as np
import pytest
from absl import flags
from absl.testing import flagsaver

from hund_tf.data.records import shards
from hund_tf.data.records.schema import PersonRecord
from tests.optimization import retargeting_cases
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
    assert "4 records, 3 fitted, 3 used" in capsys.readouterr().out
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


def test_a_correspondence_needs_a_body(tmp_path, capsys):
  flags.FLAGS.mark_as_parsed()
  with flagsaver.flagsaver(
    source_body=str(tmp_path / "none.npz"),
    correspondence_output=str(tmp_path / "c.npz"),
  ):
    assert make_correspondence.main(["make_correspondence"]) == 1
  assert "none.npz" in capsys.readouterr().err
  assert not (tmp_path / "c.npz").exists()
