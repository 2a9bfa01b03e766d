"""The program: exit codes, files, and what it says of missing people."""

import csv
import json

import numpy as np
import pytest
from absl import flags
from absl.testing import flagsaver

from hund_tf.evaluation import protocols, tables
from tests.evaluation import small_records, withheld
from tools import evaluate

# Required by the program, but not by others whose flags are parsed in this
# process.
flags.FLAGS.set_default("output_dir", "unset")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
  folder = tmp_path_factory.mktemp("records")
  small_records.write(folder, small_records.records())
  return folder


@pytest.fixture
def predictions(tmp_path):
  """A file with everybody, half a metre too far to the right."""
  people = small_records.records()
  joints = np.array([p.joints for p in people]) + [0.5, 0.0, 0.0]
  path = tmp_path / "moved.npz"
  np.savez(path, keys=[p.key for p in people], joints_17=joints)
  return path


def _run(**values):
  flags.FLAGS.mark_as_parsed()
  with flagsaver.flagsaver(**{k: str(v) for k, v in values.items()}):
    return evaluate.main(["evaluate"])


def test_unexpected_counts_fail_unless_allowed(
  dataset, predictions, tmp_path, capsys
):
  common = {
    "protocol": "h36m_p1",
    "truth": dataset,
    "predictions": predictions,
    "output_dir": tmp_path / "out",
  }
  assert _run(**common) == 1
  output = capsys.readouterr()
  assert "WARNING: 36 people, expected about 110000" in output.err
  assert "--allow_partial" in output.err
  assert "| moved |" in output.out and "| Photo |" in output.out
  first = (tmp_path / "out" / "h36m_p1.json").read_text()
  flags.FLAGS.mark_as_parsed()
  with flagsaver.flagsaver(allow_partial=True):
    assert _run(**common) == 0
  assert (tmp_path / "out" / "h36m_p1.json").read_text() == first
  everyone = json.loads(first)["rows"][-1]
  assert everyone["mpjpe_trans_mm"] == pytest.approx(500.0, abs=1e-3)
  assert everyone["mpjpe_mm"] == pytest.approx(0.0, abs=1e-3)
  with (tmp_path / "out" / "h36m_p1.csv").open() as file:
    rows = list(csv.DictReader(file))
  assert float(rows[-1]["mpjpe_trans_mm"]) == everyone["mpjpe_trans_mm"]


def test_a_damaged_record_is_named_and_the_rest_goes_on(
  predictions, tmp_path, capsys
):
  people = small_records.records()
  (tmp_path / "data").mkdir()
  manifest = small_records.write(tmp_path / "data", people)
  shard = manifest.paths()[0]
  data = bytearray(shard.read_bytes())
  data[200] ^= 255  # in the first record
  shard.write_bytes(data)
  values = {"truth": tmp_path / "data", "predictions": predictions}
  assert _run(protocol="h36m_p1", output_dir=tmp_path, **values) == 1
  error = capsys.readouterr().err
  assert f"WARNING: {shard}: record 0 is damaged" in error
  assert "WARNING: 35 people" in error
  assert "1 of 3 frames are missing, the first is 0" in error


@pytest.mark.parametrize(
  ("values", "problem"),
  [
    ({"protocol": "h36m_p1"}, "needs --truth"),
    ({"protocol": "3dpw", "truth": "no/folder"}, "no/folder: not a manifest"),
    ({"protocol": "h36m_official"}, "needs --predictions or --h36m_dir"),
    ({"protocol": "photos_2d"}, "needs --annotations"),
    ({"protocol": "detection"}, "needs --truth or --annotations"),
    ({"protocol": "real3d", "truth": "none.json"}, "none.json: cannot be read"),
    (
      {"protocol": "parts", "annotations": "a.json"},
      "--features=landmarks: has no parts",
    ),
    (
      {"protocol": "synthetic", "predictions": "a.npz"},
      "--protocol=synthetic does not compare",
    ),
    (
      {"protocol": "h36m_official", "predictions": "none.npz"},
      "predictions none.npz: cannot be read",
    ),
    (
      {"protocol": "h36m_official", "h36m_dir": ".", "regressor": "j.npy"},
      "is for the vertices in --predictions",
    ),
    (
      {
        "protocol": "h36m_official",
        "predictions": "a.npz",
        "save_predictions": "b.npz",
      },
      "--predictions are already a file",
    ),
  ],
)
def test_wrong_flags_are_named(values, problem, tmp_path, capsys):
  assert _run(output_dir=tmp_path / "out", **values) == 1
  assert problem in capsys.readouterr().err


def test_the_official_protocol_writes_the_submission(tmp_path, capsys):
  people = withheld.predictions()
  np.savez(tmp_path / "p.npz", keys=people.keys, **people.arrays)
  values = {"predictions": tmp_path / "p.npz", "output_dir": tmp_path}
  assert _run(protocol="h36m_official", **values) == 0
  assert (tmp_path / "h36m_official.results").stat().st_size > 360 * 51 * 4
  output = capsys.readouterr().out
  assert "1080 frames of 360 videos, experiment All" in output
  assert "| SPIN (FS+WS) | 68.0 |" in output


def test_the_table_of_the_paper_ends_with_this_evaluation():
  row = tables.Row("all", 3, 3, {"mpjpe": 70.04, "pa_mpjpe": 50.0})
  lines = tables.compared(protocols.TABLE_3, row, "ours").splitlines()
  assert lines[0] == "| method | MPJPE-PA | MPJPE |"
  assert lines[3] == "| SPIN (FS+WS) | 59.2 | 96.9 |"
  assert lines[-1] == "| ours | 50.0 | 70.0 |"
