"""A run folder admits its own run only."""

import dataclasses
import json

import pytest

from hund_tf.training import run_folder
from hund_tf.training.config import TrainingConfig
from hund_tf.training.run_folder import RunMismatchError

_CONFIG = TrainingConfig(stage_steps=((0, 2), (5, 3)))


def test_the_same_run_goes_on(tmp_path):
  settings = run_folder.describe(training=_CONFIG)
  assert run_folder.claim(tmp_path / "run", settings, "--steps=3\n")
  again = run_folder.describe(training=_CONFIG)
  assert not run_folder.claim(tmp_path / "run", again, "")
  assert (tmp_path / "run" / "run.flags").read_text() == "--steps=3\n"
  assert len(settings["requirements_sha256"]) == 64


def test_another_run_is_refused(tmp_path):
  run_folder.claim(tmp_path, run_folder.describe(training=_CONFIG), "")
  other = dataclasses.replace(_CONFIG, learning_rate=0.5)
  settings = run_folder.describe(training=other)
  with pytest.raises(
    RunMismatchError, match="training.learning_rate: there 0.0001, here 0.5"
  ):
    run_folder.claim(tmp_path, settings, "")
  assert not run_folder.claim(tmp_path, settings, "", allow_mismatch=True)


def test_other_code_is_refused(tmp_path):
  settings = run_folder.describe(training=_CONFIG)
  run_folder.claim(tmp_path, settings | {"git_hash": "0" * 40}, "")
  with pytest.raises(RunMismatchError, match="git_hash: there 0000"):
    run_folder.claim(tmp_path, settings, "")


def test_a_broken_description_is_refused(tmp_path):
  (tmp_path / run_folder.CONFIG_FILE).write_text(json.dumps({})[:1])
  with pytest.raises(RunMismatchError, match="not JSON"):
    run_folder.claim(tmp_path, {}, "")
