"""What is published of a run: weights, flags, figures."""

import json

import pytest
from absl import flags
from absl.testing import flagsaver

from hund_tf.training import run_folder
from hund_tf.training.hund.config import TrainingConfig
from hund_tf.training.hund.trainer import BEST_WEIGHTS
from tools import publish_hund

# Required by the program, but not by others whose flags are parsed in this
# process.
flags.FLAGS.set_default("trained_run_dirs", "unset")


@pytest.fixture
def run_dir(tmp_path):
  """The folder of a finished run, with bytes in place of its weights."""
  folder = tmp_path / "run"
  settings = run_folder.describe(training=TrainingConfig(seed=5))
  flags_text = "--training_seed=5\n--pose_file=/home/me/poses.npz\n"
  run_folder.claim(folder, settings, flags_text)
  (folder / run_folder.STEPS_FILE).write_text("step,seconds\n10,3.5\n")
  (folder / run_folder.VALIDATION_FILE).write_text(
    "step,objective,mpjpe,pa_mpjpe\n10,9 8,80 70,60 50\n"
  )
  (folder / BEST_WEIGHTS).write_bytes(b"weights")
  return folder


@pytest.fixture
def publish(monkeypatch, tmp_path):
  """Publishes without measuring: run folder -> exit code."""
  monkeypatch.setattr(
    publish_hund, "_measure", lambda config, path: {"stages": path}
  )

  def call(run_dir, begun_with=None) -> int:
    flags.FLAGS.mark_as_parsed()
    with flagsaver.flagsaver(
      trained_run_dirs=[str(run_dir)],
      begun_with=begun_with and str(begun_with),
      weights_output=str(tmp_path / "out" / "open.npz"),
    ):
      return publish_hund.main(["publish_hund"])

  return call


def test_weights_come_with_flags_seed_and_figures(publish, run_dir, tmp_path):
  assert publish(run_dir) == 0
  out = tmp_path / "out"
  assert (out / "open.npz").read_bytes() == b"weights"
  assert "--training_seed=5" in (out / "open.flags").read_text()
  assert "/home/me" not in (out / "open.flags").read_text()
  metrics = json.loads((out / "open.metrics.json").read_text())
  assert metrics["examples"] == 10 * TrainingConfig().batch_size
  assert metrics["runs"][0]["seed"] == 5
  assert metrics["stages"] == str(run_dir / BEST_WEIGHTS)


def test_runs_before_published_weights_are_kept(publish, run_dir, tmp_path):
  """Weights that a further run went on from, published in their place."""
  published = tmp_path / "out" / "open.npz"
  assert publish(run_dir) == 0
  assert publish(run_dir, begun_with=published) == 0
  metrics = json.loads(published.with_suffix(".metrics.json").read_text())
  assert [run["seed"] for run in metrics["runs"]] == [5, 5]
  assert metrics["examples"] == 20 * TrainingConfig().batch_size
  text = published.with_suffix(".flags").read_text()
  assert text.count("--training_seed=5") == 2
  assert [line for line in text.splitlines() if "# Run" in line] == [
    "# Run 1",
    "# Run 2",
  ]


def test_published_weights_without_metrics_are_refused(
  publish, run_dir, tmp_path, capsys
):
  (tmp_path / "open.metrics.json").write_text("[]")
  assert publish(run_dir, begun_with=tmp_path / "open.npz") == 1
  assert "open.metrics.json" in capsys.readouterr().err
  assert not (tmp_path / "out").exists()


def test_an_unfinished_run_is_refused(publish, run_dir, tmp_path, capsys):
  (run_dir / run_folder.VALIDATION_FILE).unlink()
  assert publish(run_dir) == 1
  assert run_folder.VALIDATION_FILE in capsys.readouterr().err
  assert not (tmp_path / "out").exists()
