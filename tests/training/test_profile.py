"""The profile that `profile_steps` asks for is written, however a run ends."""

import dataclasses
import pathlib
from typing import NamedTuple

import numpy as np
import pytest
from tensorflow.tsl.profiler.protobuf import xplane_pb2

from hund_tf.compat import tf
from hund_tf.losses.supervised import SupervisedConfig
from hund_tf.training.hund import trainer as trainer_lib
from hund_tf.training.hund.step import StepReport
from hund_tf.training.hund.trainer import DivergenceError, HundTrainer
from hund_tf.types import AlignmentTerms
from tests.training.conftest import CONFIG

_STEP_NAME = "profiled_step"  # of the function below


class _Batch(NamedTuple):
  """In place of a batch of examples."""

  values: tf.Tensor


class _Batches:
  """In place of training batches: they are all the same."""

  def dataset(self, first_step, strategy):
    del first_step, strategy
    return tf.data.Dataset.from_tensors(_Batch(tf.zeros([2]))).repeat()


def _make_step(bad_step: int):
  """In place of the step of training; its loss is NaN at one step."""

  @tf.function
  def profiled_step(batch, step):
    del batch
    loss = tf.where(tf.equal(step, bad_step), np.nan, 1.0)
    stages = tf.ones([2])
    return StepReport(loss, loss, stages, AlignmentTerms(*[stages] * 5))

  return profiled_step


@pytest.fixture
def train(new_model, tmp_path, monkeypatch):
  """Makes a run of a number of steps, of which some are profiled."""

  def run(steps: int, profile_steps: int, bad_step: int = -1):
    step = _make_step(bad_step)
    monkeypatch.setattr(trainer_lib, "make_train_step", lambda *_: step)
    config = dataclasses.replace(
      CONFIG, steps=steps, checkpoint_steps=50, ema=0.0
    )
    HundTrainer(
      new_model(),
      _Batches(),
      None,
      config,
      SupervisedConfig(),
      tmp_path,
      profile_steps=profile_steps,
    ).run()

  return run


def _is_running() -> bool:
  """Whether the profiler still records; stops it, for other tests."""
  try:
    tf.profiler.experimental.stop(save=False)
  except tf.errors.UnavailableError:
    return False
  return True


def _recorded_steps(folder: pathlib.Path) -> list[int]:
  """Number of steps in each profile of a run folder."""
  paths = folder.glob("tensorboard/plugins/profile/*/*.xplane.pb")
  return [_count_steps(path.read_bytes()) for path in paths]


def _count_steps(profile: bytes) -> int:
  space = xplane_pb2.XSpace.FromString(profile)
  names = [
    plane.event_metadata[event.metadata_id].name
    for plane in space.planes
    for line in plane.lines
    for event in line.events
  ]
  return names.count(_STEP_NAME)


@pytest.mark.parametrize(
  ("steps", "profile_steps", "recorded"),
  [(14, 2, 2), (12, 2, 2), (12, 5, 2)],
  ids=["inside of the run", "up to its end", "cut off by its end"],
)
def test_a_run_writes_its_profile(
  train, tmp_path, steps, profile_steps, recorded
):
  train(steps, profile_steps)
  assert not _is_running()
  assert _recorded_steps(tmp_path) == [recorded]


def test_a_run_that_diverges_writes_its_profile(train, tmp_path):
  with pytest.raises(DivergenceError, match="step 11: loss nan"):
    train(20, 5, bad_step=11)
  assert not _is_running()
  assert _recorded_steps(tmp_path) == [2]


def test_a_run_that_went_on_counts_its_own_steps(train, tmp_path):
  train(3, 0)
  train(3 + 12, 1)  # takes 12 steps
  assert not _is_running()
  assert _recorded_steps(tmp_path) == [1]


@pytest.mark.parametrize(
  ("steps", "profile_steps"),
  [(12, 0), (10, 2)],
  ids=["not asked for", "ends before the window"],
)
def test_a_run_without_a_window_writes_none(
  train, tmp_path, steps, profile_steps
):
  train(steps, profile_steps)
  assert not _is_running()
  assert _recorded_steps(tmp_path) == []
