"""Trains a small model by the flag files of the paper's regimes.

Run by `test_regimes.py` in a process of its own: flags and determinism are of
the whole process. Prints what the tests look at as JSON.
"""

import json
import pathlib
import shutil
import sys

import numpy as np
from absl import flags
from absl.testing import flagsaver

from flags import run_flags, training_flags
from hund_tf.body.model import BodyModel
from hund_tf.models.hund.config import HundConfig
from hund_tf.training import run_devices
from tests.records import people
from tools import train_hund

_ROOT = pathlib.Path(__file__).parents[3]
_SIZE = HundConfig(
  num_stages=1, units=16, context_size=8, filters=(4,) * 6, jit_compile=False
)
_STEPS = 50
_FLAGS = (
  f"--steps={_STEPS}",
  "--global_batch_size=2",
  "--base_learning_rate=3e-3",
  "--part_weight=0",  # nothing is rendered
  "--log_steps=1",
  "--checkpoint_steps=20",
  "--allow_mismatch",  # the source tree may be worked on
)


def _train(folder: pathlib.Path, regime: str, *arguments: str) -> None:
  file = f"--flagfile={_ROOT}/flags/paper/{regime}.flags"
  with flagsaver.flagsaver():
    flags.FLAGS(["train", file, f"--run_dir={folder}", *_FLAGS, *arguments])
    train_hund.train(run_flags.to_run_config())


def _rows(folder: pathlib.Path) -> list[list[float]]:
  """Steps and losses of a run."""
  lines = (folder / "steps.csv").read_text().splitlines()
  step, loss = (lines[0].split(",").index(n) for n in ("step", "loss"))
  rows = [line.split(",") for line in lines[1:]]
  return [[int(row[step]), float(row[loss])] for row in rows]


def main() -> None:
  run_devices.be_deterministic()
  training_flags.to_model_config = lambda: _SIZE
  train_hund.ValidationSet = lambda *_: None
  folder = pathlib.Path(sys.argv[1])
  records = people.make(BodyModel(), 8)
  bare = [people.unlabelled(record) for record in records]
  annotated = [
    blank._replace(keypoints=record.keypoints)
    for blank, record in zip(bare, records, strict=True)
  ]
  sets = {
    "full": records[:4],
    "weak": annotated[:4],
    "one": bare[4:6],
    "two": bare[6:],
  }
  for name, rows in sets.items():
    people.write(folder / "data", name, rows)
  at = {name: f"{folder}/data/{name}.manifest.json" for name in sets}

  runs = folder / "runs"
  _train(runs / "ss", "ss", "--images=hund_tf/api/assets")
  _train(runs / "ws", "ws", f"--records={at['weak']}")
  mixed = (
    f"--records=full:{at['full']}",
    f"--records=self:{at['one']}",
    f"--records=self:{at['two']}",
    "--record_weights=1,3,2",
  )
  _train(runs / "fs_ss", "fs_ss", *mixed)

  # Killed at step 45, after the checkpoint of step 40.
  cut = runs / "cut"
  (cut / "checkpoints").mkdir(parents=True)
  for path in (runs / "fs_ss" / "checkpoints").glob("ckpt-40.*"):
    shutil.copy(path, cut / "checkpoints")
  rows = (runs / "fs_ss" / "steps.csv").read_text().splitlines(keepends=True)
  (cut / "steps.csv").write_text("".join(rows[:46]))
  _train(cut, "fs_ss", *mixed)
  whole, resumed = (
    np.load(runs / name / "last.npz") for name in ("fs_ss", "cut")
  )
  result: dict = {path.name: _rows(path) for path in runs.iterdir()}
  saved = (cut / "checkpoints").glob("*.index")
  result["saved"] = sorted(path.name for path in saved)
  result["equal"] = all(
    np.array_equal(whole[name], resumed[name]) for name in whole
  )
  (folder / "result.json").write_text(json.dumps(result))


if __name__ == "__main__":
  main()
