"""Phases follow each other, each from the best weights of the one before."""

import pytest

from hund_tf.training import phases
from hund_tf.training.loop import BEST_WEIGHTS, LAST_WEIGHTS


@pytest.fixture
def flag_files(tmp_path):
  """Two empty flag files."""
  paths = [tmp_path / "1_first.flags", tmp_path / "2_second.flags"]
  for path in paths:
    path.touch()
  return [str(path) for path in paths]


def test_each_phase_starts_from_the_best_weights_of_the_last(flag_files):
  first, second = phases.plan(flag_files, "run", "begin.npz")
  assert first.flags() == [
    "--run_dir=run/1_first",
    "--initial_weights=begin.npz",
  ]
  assert second.flags() == [
    "--run_dir=run/2_second",
    f"--initial_weights=run/1_first/{BEST_WEIGHTS}",
  ]


def test_the_first_phase_begins_anew_without_weights(flag_files):
  first, _ = phases.plan(flag_files, "run")
  assert first.flags() == ["--run_dir=run/1_first"]


def test_a_phase_is_done_once_its_last_weights_are_there(flag_files, tmp_path):
  phase = phases.plan(flag_files, tmp_path)[0]
  assert not phase.is_done()
  phase.run_dir.mkdir()
  (phase.run_dir / BEST_WEIGHTS).touch()
  assert not phase.is_done()
  (phase.run_dir / LAST_WEIGHTS).touch()
  assert phase.is_done()


def test_a_missing_flag_file_is_named():
  with pytest.raises(ValueError, match="none.flags: no such file"):
    phases.plan(["none.flags"], "run")


def test_two_phases_of_one_name_are_refused(flag_files):
  with pytest.raises(ValueError, match="another phase is called '1_first'"):
    phases.plan([flag_files[0], flag_files[0]], "run")
