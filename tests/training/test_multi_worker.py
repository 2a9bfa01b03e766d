"""Two worker processes train one model: `--strategy=multi_worker`."""

import concurrent.futures
import csv
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hund_tf.training.hund.trainer import BEST_WEIGHTS, LAST_WEIGHTS

pytestmark = pytest.mark.slow

_ROOT = Path(__file__).parents[2]
_SECONDS = 240  # until all processes are killed
_WORKERS = 2
_STEPS = 3
_FLAGS = (
  f"--steps={_STEPS}",
  "--global_batch_size=2",
  "--base_learning_rate=1e-3",
  "--regime=joint",
  "--parts_share=0",
  "--part_weight=0",
  "--nojit_compile",
  "--log_steps=1",
  "--checkpoint_steps=1",
  "--validation_examples=1",
  "--allow_mismatch",  # the source tree may be worked on
)


def _free_addresses() -> list[str]:
  """An address of this machine for each worker."""
  sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(_WORKERS)]
  ports = [s.getsockname()[1] for s in sockets]
  for each in sockets:
    each.close()
  return [f"127.0.0.1:{port}" for port in ports]


def _clusters() -> list[str]:
  """TF_CONFIG of each worker."""
  cluster = {"worker": _free_addresses()}
  return [
    json.dumps({"cluster": cluster, "task": {"type": "worker", "index": i}})
    for i in range(_WORKERS)
  ]


def _finish(process: subprocess.Popen) -> None:
  code = process.wait(_SECONDS)
  if code:
    raise subprocess.CalledProcessError(code, process.args)


def _train(run_dir: Path, clusters: list[str], *flags: str) -> None:
  """Runs one process for each TF_CONFIG; if one fails, all are killed."""
  command = [sys.executable, "-m", "tests.training.hund.train_small", *_FLAGS]
  command += [f"--run_dir={run_dir}", *flags]
  logs = [run_dir.with_suffix(f".log_{i}") for i in range(len(clusters))]
  processes = []
  with concurrent.futures.ThreadPoolExecutor(len(clusters)) as pool:
    try:
      for cluster, log in zip(clusters, logs, strict=True):
        environment = os.environ | {"TF_CONFIG": cluster}
        with log.open("w") as file:
          processes.append(
            subprocess.Popen(
              command,
              cwd=_ROOT,
              env=environment,
              stdout=subprocess.DEVNULL,
              stderr=file,
            )
          )
      ends = [pool.submit(_finish, process) for process in processes]
      concurrent.futures.wait(
        ends, return_when=concurrent.futures.FIRST_EXCEPTION
      )
    finally:
      for process in processes:
        process.kill()
  failures = [
    f"worker {i}: {end.exception()}\n{log.read_text()[-3000:]}"
    for i, (end, log) in enumerate(zip(ends, logs, strict=True))
    if end.exception()
  ]
  if failures:
    pytest.fail("\n".join(failures))


def _weights(folder: Path) -> dict[str, np.ndarray]:
  with np.load(folder / LAST_WEIGHTS) as file:
    return {name: file[name] for name in file.files}


def _rows(folder: Path) -> list[dict[str, str]]:
  with (folder / "steps.csv").open() as file:
    return list(csv.DictReader(file))


def _checkpoints(folder: Path) -> list[int]:
  names = [path.name for path in (folder / "checkpoints").glob("*.index")]
  return sorted(int(re.fullmatch(r"ckpt-(\d+)\.index", n)[1]) for n in names)


def _assert_equal_weights(first: dict, second: dict) -> None:
  assert set(first) == set(second)
  for name, value in first.items():
    if value.dtype.kind != "f":
      np.testing.assert_array_equal(value, second[name], err_msg=name)
      continue
    # Adam divides by the gradient's size: where that is nearly zero, rounding
    # decides; a step is 1e-3.
    differs = np.abs(value - second[name]) > 1e-5
    assert np.mean(differs) < 0.01, f"{name}: {np.mean(differs)}"


@pytest.fixture(scope="module")
def one(tmp_path_factory) -> Path:
  """The folder of a run on one device."""
  folder = tmp_path_factory.mktemp("one") / "run"
  _train(folder, [""], "--strategy=one")
  return folder


@pytest.fixture(scope="module")
def two(tmp_path_factory) -> Path:
  """The folder of the same run by two workers."""
  folder = tmp_path_factory.mktemp("two") / "run"
  _train(folder, _clusters(), "--strategy=multi_worker", "--validate")
  return folder


def test_two_workers_train_as_one_device(one, two):
  _assert_equal_weights(_weights(two), _weights(one))
  losses = [[float(row["loss"]) for row in _rows(f)] for f in (one, two)]
  assert len(losses[0]) == _STEPS
  np.testing.assert_allclose(losses[1], losses[0], rtol=1e-4)


def test_workers_end_with_the_same_weights(two):
  first, second = _weights(two), _weights(two / "worker_1")
  assert set(first) == set(second)
  for name, value in first.items():
    np.testing.assert_array_equal(value, second[name], err_msg=name)


def test_the_first_worker_keeps_the_run_folder(two):
  for name in ("config.json", "run.flags", "steps.csv", "validation.csv"):
    assert (two / name).is_file(), name
  assert "--strategy=multi_worker" in (two / "run.flags").read_text()
  assert (two / BEST_WEIGHTS).is_file()
  # The others write below it what each worker of a strategy has to write.
  assert not (two / "worker_1" / "config.json").exists()
  assert _checkpoints(two) == _checkpoints(two / "worker_1") == [1, 2, 3]
  assert [row["step"] for row in _rows(two)] == ["1", "2", "3"]


def test_a_run_that_was_cut_off_goes_on(two, tmp_path):
  """From the first worker's checkpoints, and to the same end."""
  folder = tmp_path / "run"
  shutil.copytree(two, folder)
  shutil.rmtree(folder / "worker_1")
  (folder / LAST_WEIGHTS).unlink()
  for step in (1, 3):  # step 2 is where it goes on
    for path in (folder / "checkpoints").glob(f"ckpt-{step}.*"):
      path.unlink()
  _train(folder, _clusters(), "--strategy=multi_worker")
  # It did not start again, or the first step would have been saved.
  assert _checkpoints(folder) == [2, 3]
  assert _checkpoints(folder / "worker_1") == [3]
  assert [row["step"] for row in _rows(folder)] == ["1", "2", "3"]
  _assert_equal_weights(_weights(folder), _weights(two))
  _assert_equal_weights(_weights(folder / "worker_1"), _weights(two))
