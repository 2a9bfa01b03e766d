"""Programs that write to a folder which another one writes to."""

import importlib

import pytest

from hund_tf.training import run_devices
from tests.held_folder import held

_PROGRAMS = {
  "ablate_meta_losses": ("run_dir", "ablation", {}),
  "adapt": ("output_dir", "hund", {"images": ["a.jpg"]}),
  "compare_optimizers": ("output_dir", "hund", {}),
  "draw_body_model": ("picture_dir", "hund", {}),
  "evaluate": ("output_dir", "synthetic", {"protocol": "synthetic"}),
  "import_detectors": ("weights_dir", "hund", {}),
  "train_hund": ("run_dir", "hund", {}),
  "train_multitask": ("run_dir", "hund", {"train_records": ["a"]}),
  "train_phases": ("run_dir", "hund", {"phases": ["flags/hund_open.flags"]}),
}


@pytest.fixture(autouse=True)
def _devices_as_they_are(monkeypatch):
  """Neither can be chosen once TensorFlow has run in this process."""
  monkeypatch.setattr(run_devices, "prepare", lambda *_, **__: None)
  monkeypatch.setattr(run_devices, "be_deterministic", lambda: None)


@pytest.mark.parametrize("name", _PROGRAMS)
def test_it_says_who_writes_there(name, call_main, tmp_path):
  flag, lock, others = _PROGRAMS[name]
  program = importlib.import_module(f"tools.{name}")
  with held(tmp_path / "out", lock) as child:
    code, _, err = call_main(program, **{flag: str(tmp_path / "out")}, **others)
  assert code == 1
  assert f"{name}: " in err and f"out: process {child.pid} on " in err


def test_a_prior_that_is_being_trained(call_main, tmp_path):
  program = importlib.import_module("tools.train_pose_prior")
  with held(tmp_path, "prior") as child:
    code, _, err = call_main(
      program,
      prior_output=str(tmp_path / "prior.npz"),
      mocap_dir=str(tmp_path),
    )
  assert code == 1 and f"process {child.pid} on " in err
