"""Runs the scripts beside this file in processes of their own."""

import os
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).parents[2]


def run_script(
  name: str, *arguments: str, folder: Path, sees_package: bool
) -> None:
  """Runs a script and fails with its output if it fails.

  Args:
    name: of the script's file.
    *arguments: for the script.
    folder: where it runs.
    sees_package: whether it can import this package and the tests.
  """
  environment = dict(os.environ, TF_CPP_MIN_LOG_LEVEL="2")
  environment.pop("PYTHONPATH", None)
  if sees_package:
    environment["PYTHONPATH"] = str(_ROOT)
  command = [sys.executable, str(Path(__file__).with_name(name)), *arguments]
  done = subprocess.run(
    command, cwd=folder, env=environment, capture_output=True, text=True
  )
  assert done.returncode == 0, done.stdout + done.stderr
