"""How a run ends from outside: signals, full disks, kills, damaged logs."""

import dataclasses
import errno
import os
import signal
from typing import NamedTuple

import numpy as np
import pytest

from hund_tf import files, interrupts
from hund_tf.compat import tf, tf_keras
from hund_tf.training import checkpoints as checkpoints_lib
from hund_tf.training.checkpoints import Checkpointer
from hund_tf.training.loop import RunPlace, TrainingLoop
from hund_tf.training.loop_config import LoopConfig
from hund_tf.training.run_log import RunLog, StepRow

_CONFIG = LoopConfig(steps=6, batch_size=1, log_steps=1, checkpoint_steps=4)


class _Report(NamedTuple):
  loss: tf.Tensor
  gradient_norm: tf.Tensor


class _Batches:
  failure = None

  def dataset(self, first_step, strategy):
    del strategy
    return tf.data.Dataset.counter(start=first_step).prefetch(1)


class _Loop(TrainingLoop):
  """Adds the numbers of the steps up; something happens at one of them."""

  def __init__(self, folder, at=-1, event=lambda: None, **changes):
    model = tf_keras.Sequential([tf_keras.layers.Dense(1)])
    model.build([1, 1])
    self.messages = []
    place = RunPlace(folder, report=self.messages.append)
    config = dataclasses.replace(_CONFIG, **changes)
    super().__init__(model, _Batches(), config, place)
    self._at, self._event = at, event

  def _train_step(self, step):
    def train(batch, number):
      if step == self._at:
        self._event()
      kernel = self._model.trainable_variables[0]
      kernel.assign(0.5 * kernel + tf.cast(batch + number, tf.float32))
      return _Report(tf.constant(1.0), tf.constant(1.0))

    return train

  def _row(self, report):
    return StepRow(float(report.loss), float(report.gradient_norm), {}, {})

  def _validate(self, log):
    pass

  def _save(self, name):
    files.write_npz(self._folder / name, {"kernel": self.kernel()})

  def kernel(self):
    return self._model.trainable_variables[0].numpy()


def _rows(folder):
  return (folder / "steps.csv").read_text().splitlines()[1:]


@pytest.mark.parametrize(
  ("number", "kind", "status", "text"),
  [
    (signal.SIGTERM, interrupts.Terminated, 0, "terminated: after step 3"),
    (signal.SIGINT, KeyboardInterrupt, 130, "interrupted: after step 3"),
  ],
)
def test_a_signal_ends_the_run_after_the_step_and_it_goes_on_alike(
  tmp_path, number, kind, status, text
):
  tf_keras.utils.set_random_seed(0)
  whole = _Loop(tmp_path / "whole")
  whole.run()
  tf_keras.utils.set_random_seed(0)
  cut = _Loop(tmp_path / "cut", 2, lambda: os.kill(os.getpid(), number))
  with pytest.raises(kind) as error:
    cut.run()
  assert interrupts.status(error.value) == status
  line = interrupts.line(error.value)
  assert line.startswith(text) and "ckpt-3" in line and "\n" not in line
  assert len(_rows(tmp_path / "cut")) == 3
  resumed = _Loop(tmp_path / "cut")
  resumed.run()
  np.testing.assert_array_equal(resumed.kernel(), whole.kernel())
  steps = [row.split(",")[0] for row in _rows(tmp_path / "cut")]
  assert steps == list("123456")


def test_the_second_signal_does_not_wait(tmp_path):
  def twice():
    os.kill(os.getpid(), signal.SIGTERM)
    os.kill(os.getpid(), signal.SIGTERM)
    raise AssertionError("the second one waits")

  with pytest.raises(interrupts.Terminated):
    _Loop(tmp_path, 2, twice).run()


def _no_space(*_, **__):
  raise tf.errors.ResourceExhaustedError(
    None,
    None,
    "{{function_node __wrapped__}} a/writing_temp; No space left on device "
    "[Op:SaveV2]\nand a trace",
  )


def _read_only(*_, **__):
  raise OSError(errno.EROFS, os.strerror(errno.EROFS), "a")


@pytest.mark.parametrize(
  ("place", "name", "error", "text"),
  [
    (
      tf.train.Checkpoint,
      "write",
      _no_space,
      r"written \(No space left on device\);",
    ),
    (tf.train.Checkpoint, "write", _read_only, "Read-only file system"),
    (checkpoints_lib.os, "replace", _read_only, "Read-only file system"),
    (tf.summary, "scalar", _no_space, "No space left"),
    (files.np, "savez_compressed", _read_only, "Read-only file system"),
  ],
)
def test_what_cannot_be_written_is_one_line_with_the_last_checkpoint(
  tmp_path, monkeypatch, place, name, error, text
):
  _Loop(tmp_path, steps=2).run()
  before = sorted(p.name for p in (tmp_path / "checkpoints").iterdir())
  loop = _Loop(tmp_path)
  monkeypatch.setattr(place, name, error)
  with pytest.raises(files.OutputError, match=text) as caught:
    loop.run()
  monkeypatch.undo()
  assert "last good checkpoint is" in str(caught.value)
  assert "\n" not in str(caught.value)
  assert "ckpt-" in str(caught.value)
  after = sorted(p.name for p in (tmp_path / "checkpoints").iterdir())
  assert set(before) <= set(after)
  assert not [name for name in after if name.startswith("writing")]
  _Loop(tmp_path).run()
  assert len(_rows(tmp_path)) == 6


def test_leftovers_of_kills_are_removed_at_the_next_start(tmp_path):
  folder = tmp_path / "checkpoints"
  _Loop(tmp_path, steps=2).run()
  (folder / "writing_temp").mkdir()
  (folder / "writing_temp" / "part-00000-of-00001").write_text("x")
  (folder / "writing.data-00000-of-00001").write_text("x")
  (folder / "ckpt-9.data-00000-of-00001").write_text("x")
  (tmp_path / ".best.01234567.tmp.npz").write_text("x")
  _Loop(tmp_path).run()
  names = {path.name.split(".")[0] for path in folder.iterdir()}
  assert names == {"ckpt-2", "ckpt-4", "ckpt-6"}
  assert not list(tmp_path.glob(".best*"))


_HEADER = "step,seconds,loss\r\n"


@pytest.mark.parametrize(
  ("damage", "kept"),
  [
    ("3,1.0,0.", 2),
    ("3,1.0", 2),
    ("\0\0\0\0", 2),
    ("3,1.0,0.5\r\n4,1", 3),
    ("3,x,0.5\r\n4,1.0,0.5\r\n", 3),
    ("\xff\r\n", 2),
  ],
)
def test_a_damaged_log_is_cut_to_its_whole_lines(tmp_path, damage, kept):
  path = tmp_path / "steps.csv"
  rows = "1,1.0,0.5\r\n2,1.0,0.5\r\n"
  path.write_bytes((_HEADER + rows + damage).encode("latin-1"))
  messages = []
  RunLog(tmp_path, 10, messages.append)
  assert len(_rows(tmp_path)) == kept
  assert len(messages) == 1 and "1 damaged lines" in messages[0]
  RunLog(tmp_path, 10, messages.append)
  assert len(messages) == 1


@pytest.mark.parametrize("text", ["", "st", "step,loss", "\0\0\0\0"])
def test_a_log_without_its_first_line_begins_anew(tmp_path, text):
  (tmp_path / "steps.csv").write_text(text)
  messages = []
  RunLog(tmp_path, 10, messages.append)
  assert "first line is damaged" in messages[0]
  assert (tmp_path / "steps.csv.damaged").read_text() == text
  assert not (tmp_path / "steps.csv").exists()


def test_a_checkpoint_that_lost_its_index_is_none(tmp_path):
  step = tf.Variable(3, dtype=tf.int64)
  checkpoints = Checkpointer(tmp_path, 3, step=step)
  checkpoints.save()
  assert checkpoints.newest().endswith("ckpt-3")
  (tmp_path / "ckpt-3.index").unlink()
  assert checkpoints.newest() is None and checkpoints.restore() is None
