"""What a run folder says about its run, so that only the same run resumes."""

import contextlib
import csv
import dataclasses
import hashlib
import json
import os
import pathlib
import subprocess
from collections.abc import Callable

from hund_tf import files, locks
from hund_tf.training import run_devices

CONFIG_FILE = "config.json"
FLAGS_FILE = "run.flags"
STEPS_FILE = "steps.csv"
VALIDATION_FILE = "validation.csv"
_ROOT = pathlib.Path(__file__).parents[2]
_REQUIREMENTS = "requirements.txt"
_THREADS = "cpu_threads"  # another number is no other run, but other bits
_LOCAL_FLAGS = {
  "run_dir",
  "initial_weights",
  "pose_file",
  "synthetic_mocap_dir",
  "records",
  "train_records",
  "validation_records",
  "network_weights",
  "backbone_weights",
  "data_service",
  "images",
  "boxes",
  "intrinsics",
}


class RunMismatchError(ValueError):
  """A run folder belongs to another run."""


def only_writer(
  folder: str | os.PathLike, worker: int = 0
) -> contextlib.AbstractContextManager[None]:
  """Inside, no other process trains in the folder; see `locks.only_writer`.

  Args:
    folder: of the run.
    worker: number of this one of several; each writes to a folder of its own.
  """
  return locks.only_writer(worker_folder(folder, worker))


def worker_folder(folder: str | os.PathLike, worker: int = 0) -> pathlib.Path:
  """Where a worker writes: the first to the run's folder, others below it."""
  folder = pathlib.Path(folder)
  return folder / f"worker_{worker}" if worker else folder


def git_hash() -> str:
  """The commit of the source tree, or 'unknown' outside of one."""
  try:
    result = subprocess.run(
      ["git", "rev-parse", "HEAD"],
      cwd=_ROOT,
      capture_output=True,
      text=True,
      check=True,
    )
  except (OSError, subprocess.CalledProcessError):
    return "unknown"
  return result.stdout.strip()


def requirements_hash() -> str:
  """SHA-256 of the pinned requirements, or 'unknown' without the file."""
  path = _ROOT / _REQUIREMENTS
  if not path.exists():
    return "unknown"
  return hashlib.sha256(path.read_bytes()).hexdigest()


def describe(**configs) -> dict:
  """Settings as plain values, with the code and libraries they ran with.

  Args:
    **configs: dataclasses, nested ones too, by name.
  """
  settings = {
    name: dataclasses.asdict(config) for name, config in configs.items()
  }
  settings["git_hash"] = git_hash()
  settings["requirements_sha256"] = requirements_hash()
  settings[_THREADS] = run_devices.num_threads()
  # Through JSON once, for tuples come back as lists.
  return json.loads(json.dumps(settings))


def claim(
  folder: str | os.PathLike,
  settings: dict,
  run_flags: str,
  allow_mismatch: bool = False,
  report: Callable[[str], None] = print,
) -> bool:
  """Writes the settings into a new run's folder, or compares an old one's.

  Args:
    folder: made if it does not exist.
    settings: what `describe` returns.
    run_flags: text of run.flags.
    allow_mismatch: whether other settings may go on in this folder; the
      folder keeps the first ones.
    report: told if the run goes on with another number of CPU threads.

  Returns:
    Whether the run is new.

  Raises:
    RunMismatchError: if the folder is of a run with other settings or code.
  """
  folder = pathlib.Path(folder)
  folder.mkdir(parents=True, exist_ok=True)
  path = folder / CONFIG_FILE
  if not path.exists():
    files.write_text(folder / FLAGS_FILE, run_flags)
    files.write_json(path, settings)
    return True
  try:
    old = files.read_json(path)
    if not isinstance(old, dict):
      raise ValueError("expected an object")
  except (OSError, ValueError) as error:
    raise RunMismatchError(
      f"{path}: not JSON ({files.problem(error)}); expected the settings of "
      "this run"
    ) from error
  before, now = old.pop(_THREADS, None), settings.get(_THREADS)
  if before is not None and before != now:
    report(
      f"run folder {folder}: the run was begun with {before} CPU threads and "
      f"goes on with {now}; its results will not be bit for bit those of a run "
      f"that was never stopped (--cpu_threads={before} would give them)"
    )
  lines = _differences(
    old, {k: v for k, v in settings.items() if k != _THREADS}
  )
  if lines and not allow_mismatch:
    raise RunMismatchError(
      f"run folder {folder} belongs to another run: {'; '.join(lines)}; take "
      "another --run_dir, or --allow_mismatch to go on nevertheless"
    )
  return False


def history(
  folder: str | os.PathLike,
  tool: str = "train_hund",
  columns: tuple[str, ...] = ("mpjpe", "pa_mpjpe"),
  cost: Callable[[dict[str, str]], float] = lambda row: float(
    row["pa_mpjpe"].split()[-1]
  ),
  final: bool = True,
) -> dict:
  """What a run did until its best validation.

  Args:
    folder: of the run.
    tool: that trained it.
    columns: of its validation that are kept.
    cost: of a row of its validation; the best has the least.
    final: whether nothing was trained from its weights, which must then know
      the part term.

  Returns:
    Settings, commit, seed, steps, examples and seconds (of computing).

  Raises:
    ValueError: if the folder is not that of a run that was validated.
  """
  folder = pathlib.Path(folder)
  try:
    settings = files.read_json(folder / CONFIG_FILE)
    steps = _read_rows(folder / STEPS_FILE)
    validation = _read_rows(folder / VALIDATION_FILE)
  except OSError as error:
    raise ValueError(f"run folder {folder}: {error}") from error
  training = settings["training"]
  # Weights of before do not know the part term that they will be given.
  first = training.get("part_term_step", 0)
  knowing = [row for row in validation if int(row["step"]) > first]
  # What else there is of the weights was trained before.
  branch = training.get("trained") == "terms"
  validation = knowing if knowing or (final and not branch) else validation
  if not validation or not steps:
    raise ValueError(
      f"run folder {folder}: the run was never validated after step {first}"
    )
  # `HundTrainer` keeps the newest weights of the branch for terms.
  best = validation[-1] if branch else min(validation, key=cost)
  step = int(best["step"])
  seconds = [float(r["seconds"]) for r in steps if int(r["step"]) <= step]
  return {
    "command": f"python -m tools.{tool} --flagfile=run.flags",
    "git_hash": settings["git_hash"],
    "seed": training["seed"],
    "steps": step,
    "examples": step * training["batch_size"],
    "seconds": seconds[-1] if seconds else 0.0,
    **{f"validation_{name}": best[name] for name in columns},
  }


def portable_flags(folder: str | os.PathLike) -> str:
  """The run's flags without those that name files of its machine."""
  text = (pathlib.Path(folder) / FLAGS_FILE).read_text(encoding="utf-8")
  kept = [
    line
    for line in text.splitlines(keepends=True)
    if line.strip().lstrip("-").split("=")[0] not in _LOCAL_FLAGS
  ]
  return "".join(kept)


def _read_rows(path: pathlib.Path) -> list[dict[str, str]]:
  with path.open(newline="", encoding="utf-8") as file:
    return list(csv.DictReader(file))


def _differences(old: dict, new: dict, prefix: str = "") -> list[str]:
  """'name: there A, here B' for every setting that differs."""
  lines = []
  for name in sorted({*old, *new}):
    before, now = old.get(name), new.get(name)
    if isinstance(before, dict) and isinstance(now, dict):
      lines += _differences(before, now, f"{prefix}{name}.")
    elif before != now:
      lines.append(f"{prefix}{name}: there {before}, here {now}")
  return lines
