"""A run folder admits its own run only."""

import dataclasses
import json

import pytest
from PIL import Image

from hund_tf.training import run_devices, run_folder
from hund_tf.training.hund.config import TrainingConfig
from hund_tf.training.run_folder import RunMismatchError
from hund_tf.visualization import training_curves

_CONFIG = TrainingConfig(stage_steps=((0, 2), (5, 3)))


def test_the_same_run_goes_on(tmp_path):
  settings = run_folder.describe(training=_CONFIG)
  assert run_folder.claim(tmp_path / "run", settings, "--steps=3\n")
  again = run_folder.describe(training=_CONFIG)
  assert not run_folder.claim(tmp_path / "run", again, "")
  assert (tmp_path / "run" / "run.flags").read_text() == "--steps=3\n"
  assert len(settings["requirements_sha256"]) == 64


def test_another_number_of_threads_is_told(tmp_path):
  settings = run_folder.describe(training=_CONFIG)
  assert settings["cpu_threads"] == run_devices.num_threads() >= 1
  run_folder.claim(tmp_path, settings | {"cpu_threads": 3}, "")
  told = []
  now = settings | {"cpu_threads": 5}
  assert not run_folder.claim(tmp_path, now, "", report=told.append)
  assert len(told) == 1
  assert "begun with 3 CPU threads and goes on with 5" in told[0]
  same = settings | {"cpu_threads": 3}
  assert not run_folder.claim(tmp_path, same, "", report=told.append)
  # Folders of before do not say it.
  path = tmp_path / run_folder.CONFIG_FILE
  old = json.loads(path.read_text())
  del old["cpu_threads"]
  path.write_text(json.dumps(old))
  assert not run_folder.claim(tmp_path, now, "", report=told.append)
  assert len(told) == 1


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


@pytest.fixture
def finished(tmp_path):
  """A run of 20 steps that was best after 10."""
  settings = run_folder.describe(training=_CONFIG) | {"git_hash": "abc"}
  flags = (
    "--steps=20\n--run_dir=/home/me/run\n--nojit_compile\n--pose_file=p.npz\n"
  )
  run_folder.claim(tmp_path, settings, flags)
  (tmp_path / run_folder.STEPS_FILE).write_text(
    "step,seconds,stage_losses\n5,1.5,9 8\n10,3.5,8 7\n20,7.0,7 6\n"
  )
  (tmp_path / run_folder.VALIDATION_FILE).write_text(
    "step,objective,mpjpe,pa_mpjpe\n"
    "5,9 8,200 180,90 80\n10,8 7,190 170,89 70\n20,7 6,180 160,60 71\n"
  )
  return tmp_path


def test_history_ends_at_the_best_last_stage(finished):
  history = run_folder.history(finished)
  assert history["steps"] == 10
  assert history["examples"] == 10 * _CONFIG.batch_size
  assert history["seconds"] == 3.5
  assert history["validation_pa_mpjpe"] == "89 70"
  assert history["git_hash"] == "abc"


def test_history_looks_at_weights_that_know_the_part_term(finished):
  path = finished / run_folder.CONFIG_FILE
  settings = json.loads(path.read_text())
  settings["training"]["part_term_step"] = 10
  path.write_text(json.dumps(settings))
  assert run_folder.history(finished)["steps"] == 20
  settings["training"]["part_term_step"] = 20
  path.write_text(json.dumps(settings))
  with pytest.raises(ValueError, match="never validated after step 20"):
    run_folder.history(finished)


def test_of_a_branch_for_terms_the_last_weights_count(finished):
  path = finished / run_folder.CONFIG_FILE
  settings = json.loads(path.read_text())
  settings["training"] |= {"part_term_step": 20, "trained": "terms"}
  path.write_text(json.dumps(settings))
  assert run_folder.history(finished)["steps"] == 20


def test_runs_that_others_went_on_from_need_not_know_the_part_term(finished):
  path = finished / run_folder.CONFIG_FILE
  settings = json.loads(path.read_text())
  settings["training"]["part_term_step"] = 20
  path.write_text(json.dumps(settings))
  assert run_folder.history(finished, final=False)["steps"] == 10
  settings["training"]["part_term_step"] = 10
  path.write_text(json.dumps(settings))
  assert run_folder.history(finished, final=False)["steps"] == 20


def test_published_flags_name_no_files(finished):
  assert run_folder.portable_flags(finished) == "--steps=20\n--nojit_compile\n"


def test_a_run_without_validation_has_no_history(finished):
  (finished / run_folder.VALIDATION_FILE).write_text("step,pa_mpjpe\n")
  with pytest.raises(ValueError, match="never validated"):
    run_folder.history(finished)
  (finished / run_folder.VALIDATION_FILE).unlink()
  with pytest.raises(ValueError, match=run_folder.VALIDATION_FILE):
    run_folder.history(finished)


def test_curves_count_the_steps_of_later_runs_on(finished, tmp_path):
  joined = training_curves._joined([finished, finished], "steps.csv")
  assert joined["step"] == [[5.0], [10.0], [15.0], [20.0], [30.0]]
  assert joined["stage_losses"][2] == [9.0, 8.0]
  picture = tmp_path / "curves.png"
  training_curves.save_training_curves([finished, finished], picture)
  with Image.open(picture) as image:
    assert min(image.size) > 100


def test_history_by_another_figure(tmp_path):
  """Of a run of the multitask network, whose best has the most."""
  settings = run_folder.describe(training=TrainingConfig(batch_size=4))
  run_folder.claim(tmp_path, settings, "")
  (tmp_path / "steps.csv").write_text("step,seconds\n1,2.0\n2,4.0\n3,6.0\n")
  rows = "step,pck,part_iou\n1,0.2,0.1\n2,0.5,0.3\n3,0.4,0.3\n"
  (tmp_path / "validation.csv").write_text(rows)
  found = run_folder.history(
    tmp_path, "train_multitask", ("pck",), lambda row: -float(row["pck"])
  )
  assert found["steps"] == 2 and found["examples"] == 8
  assert found["validation_pck"] == "0.5"
  assert "tools.train_multitask" in found["command"]
