"""The loop of a training run: steps, logs, checkpoints, and stopping."""

import abc
import contextlib
import os
import pathlib
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np

from hund_tf import files, interrupts, locks
from hund_tf.compat import tf, tf_keras
from hund_tf.training import run_folder
from hund_tf.training.checkpoints import Checkpointer
from hund_tf.training.loop_config import LoopConfig
from hund_tf.training.optimizer import (
  LearningRate,
  averaged_weights,
  make_optimizer,
)
from hund_tf.training.run_log import RunLog, StepRow

BEST_WEIGHTS = "best.npz"
LAST_WEIGHTS = "last.npz"
_PROFILE_AFTER = 10  # steps: the first ones trace and compile


class DivergenceError(RuntimeError):
  """The loss or its gradient is not finite."""


class StepBatches(Protocol):
  """Batches by their step."""

  # What went wrong in Python code of the pipeline: TensorFlow's own error shows
  # its text among much else.
  failure: Exception | None

  def dataset(self, first_step: int, strategy: tf.distribute.Strategy) -> Any:
    """Endless batches from a step on, of the strategy."""
    ...


class RunPlace(NamedTuple):
  """Where a run takes place; nothing of it changes the result."""

  folder: str | os.PathLike  # of the run
  strategy: tf.distribute.Strategy | None = None
  profile_steps: int = 0  # that the profiler records
  worker: int = 0  # number of this one of several
  report: Callable[[str], None] = print


class TrainingLoop(abc.ABC):
  """Trains a model in a run folder, from its last checkpoint on.

  What is trained on what is said by the methods that have no body here.
  """

  def __init__(
    self,
    model: tf_keras.Model,
    batches: StepBatches,
    config: LoopConfig,
    place: RunPlace,
  ):
    """Prepares a run; the model must be made in the strategy's scope.

    Of several workers the first writes to the run's folder and the others,
    whose files are the same, below it; all go on from the first one's
    checkpoints, so the folder must be one that all of them see.
    """
    self._profile_steps, self._profiling = place.profile_steps, False
    self._report = place.report
    self._strategy = place.strategy or tf.distribute.get_strategy()
    checkpoints = pathlib.Path(place.folder) / "checkpoints"
    self._folder = run_folder.worker_folder(place.folder, place.worker)
    self._folder.mkdir(parents=True, exist_ok=True)
    self._model, self._batches, self._config = model, batches, config
    with self._strategy.scope():
      self._optimizer = make_optimizer(config, self._slow())
      self._optimizer.build(model.trainable_variables)
    self._step = tf.Variable(0, dtype=tf.int64, trainable=False)
    self._best = tf.Variable(np.inf, dtype=tf.float32, trainable=False)
    self._seconds = tf.Variable(0.0, dtype=tf.float64, trainable=False)
    self._checkpoints = Checkpointer(
      checkpoints,
      config.keep_checkpoints,
      place.report,
      self._folder / "checkpoints",
      model=model,
      optimizer=self._optimizer,
      step=self._step,
      best=self._best,
      seconds=self._seconds,
    )
    self._rate = LearningRate(config)

  @abc.abstractmethod
  def _train_step(self, step: int) -> Callable:
    """The traced step; its report has `loss` and `gradient_norm`."""

  @abc.abstractmethod
  def _row(self, report: Any) -> StepRow:
    """What the log says of a step."""

  @abc.abstractmethod
  def _validate(self, log: RunLog) -> None:
    """Judges the model, and keeps it if it is the best."""

  def _slow(self) -> dict[str, float]:
    """Variables that take shorter steps; see `make_optimizer`."""
    return {}

  def _before(self, step: int) -> None:  # noqa: B027 - most need nothing
    """Is called before each step."""

  def run(self) -> None:
    """Trains until the configured step.

    Raises:
      DivergenceError: if a loss or gradient is not finite; the batch is then
        in the folder, and the last checkpoint is of before.
      CheckpointError: if the run has checkpoints and none can be read.
      RecordError: if too many records are damaged.
      LockedError: if another process trains in the folder.
      OutputError: if a file cannot be written; names the last good checkpoint.
      KeyboardInterrupt: after SIGINT or SIGTERM, when the step is done and its
        checkpoint written; a second signal ends it at once.
    """
    try:
      with (
        locks.only_writer(self._folder),
        interrupts.waiting(limit=1) as asked,
      ):
        self._run(asked)
    except (OSError, files.OutputError) as error:
      raise self._unwritable(error) from error
    finally:
      self._stop_profile()

  def _unwritable(self, error: OSError | files.OutputError) -> Exception:
    """What stopped the run, and what it can go on from."""
    newest = self._checkpoints.newest()
    kept = (
      f"the last good checkpoint is {newest}"
      if newest
      else ("there is no checkpoint yet")
    )
    if isinstance(error, files.OutputError):
      remedy = f"{error.remedy}; {kept}"
      return files.OutputError(error.path, error.problem, remedy)
    path = error.filename or self._folder
    problem = f"failed ({error.strerror or error})"
    return files.OutputError(path, problem, f"start again to go on; {kept}")

  def _run(self, asked: interrupts.Waiting) -> None:
    config = self._config
    self._checkpoints.remove_unfinished()
    files.remove_unfinished(self._folder, "*")
    first = self._checkpoints.restore() or 0
    log = RunLog(self._folder, first, self._report)
    stream = iter(self._batches.dataset(first, self._strategy))
    before = time.perf_counter() - float(self._seconds)
    mark, mark_step = time.perf_counter(), first
    for step in range(first, config.steps):
      self._profile(step - first)
      self._before(step)
      batch = self._next(stream)
      report = self._train_step(step)(batch, tf.constant(step, tf.int64))
      self._check(report, batch, step)
      self._step.assign(step + 1)
      done = step + 1 == config.steps
      if (step + 1) % config.log_steps == 0 or done:
        now = time.perf_counter()
        speed = (step + 1 - mark_step) * config.batch_size / (now - mark)
        mark, mark_step = now, step + 1
        rate = float(self._rate(step))
        log.step(step + 1, now - before, speed, rate, self._row(report))
      if (step + 1) % config.validate_steps == 0 or done:
        self._validate(log)
        mark, mark_step = time.perf_counter(), step + 1
      ending = bool(asked)
      if (step + 1) % config.checkpoint_steps == 0 or done or ending:
        self._seconds.assign(time.perf_counter() - before)
        path = self._checkpoints.save()
        if ending and not done:
          asked.end(f"after step {step + 1}, start again to go on from {path}")
    with self._averaged():
      self._save(LAST_WEIGHTS)

  def _next(self, stream: Iterator[Any]) -> Any:
    """The next batch; what failed in Python code is raised as it was."""
    try:
      return next(stream)
    except tf.errors.OpError as error:
      if self._batches.failure is not None:
        raise self._batches.failure from error
      raise

  @abc.abstractmethod
  def _save(self, name: str) -> None:
    """Writes the weights to a file of the run's folder."""

  def _keep_if_best(self, value: float) -> None:
    """Keeps the weights as they are if a validation's value is the least."""
    if value < float(self._best):
      self._best.assign(value)
      self._save(BEST_WEIGHTS)

  def _profile(self, taken: int) -> None:
    """Records the asked number of steps, from the eleventh on."""
    if not self._profile_steps:
      return
    if taken == _PROFILE_AFTER:
      tf.profiler.experimental.start(str(self._folder / "tensorboard"))
      self._profiling = True
    if taken == _PROFILE_AFTER + self._profile_steps:
      self._stop_profile()

  def _stop_profile(self) -> None:
    """Writes the profile that is being recorded, if any."""
    if self._profiling:
      self._profiling = False
      tf.profiler.experimental.stop()

  def _check(self, report: Any, batch: Any, step: int) -> None:
    """Stops on a loss or gradient that is not finite."""
    loss, norm = float(report.loss), float(report.gradient_norm)
    if np.isfinite(loss) and np.isfinite(norm):
      return
    path = self._folder / f"bad_batch_{step}.npz"
    local = self._strategy.experimental_local_results
    whole = tf.nest.map_structure(
      lambda x: np.concatenate([part.numpy() for part in local(x)]), batch
    )
    save_batch(whole, path)
    raise DivergenceError(
      f"step {step}: loss {loss}, gradient norm {norm}, expected finite; the "
      f"batch is in {path}, checkpoints are of step "
      f"{self._checkpoints.steps()}"
    )

  def _averaged(self) -> contextlib.AbstractContextManager:
    """The model has its averaged weights inside a `with`."""
    return averaged_weights(self._optimizer, self._model.trainable_variables)


def save_batch(batch: NamedTuple, path: pathlib.Path) -> None:
  """Writes a batch as an npz of its fields, named as in its type."""
  arrays = {}
  for name, value in batch._asdict().items():
    fields = value._asdict() if hasattr(value, "_asdict") else {"": value}
    for field, tensor in fields.items():
      arrays[f"{name}.{field}".rstrip(".")] = np.asarray(tensor)
  files.write_npz(path, arrays)
