"""The training loop: steps, logs, validation, checkpoints, and stopping."""

import os
import pathlib
import time
from collections.abc import Callable, Iterator

import numpy as np

from hund_tf.compat import tf
from hund_tf.losses.supervised import SupervisedConfig
from hund_tf.models import weights
from hund_tf.models.hund import HundModel
from hund_tf.training.checkpoints import Checkpointer
from hund_tf.training.config import TrainingConfig
from hund_tf.training.input_pipeline import Batches
from hund_tf.training.run_log import RunLog
from hund_tf.training.stage_strip import StripDrawer
from hund_tf.training.train_step import (
  LearningRate,
  StepReport,
  make_optimizer,
  make_train_step,
)
from hund_tf.training.validation import StageErrors, ValidationSet
from hund_tf.types import BodyOutput, TrainingExample

BEST_WEIGHTS = "best.npz"
LAST_WEIGHTS = "last.npz"
_PROFILE_AFTER = 10  # steps: the first ones trace and compile


class DivergenceError(RuntimeError):
  """The loss or its gradient is not finite."""


class HundTrainer:
  """Trains a model in a run folder, from its last checkpoint on."""

  def __init__(
    self,
    model: HundModel,
    batches: Batches,
    validation: ValidationSet | None,
    config: TrainingConfig,
    losses: SupervisedConfig,
    run_dir: str | os.PathLike,
    strategy: tf.distribute.Strategy | None = None,
    profile_steps: int = 0,
    worker: int = 0,
    report: Callable[[str], None] = print,
  ):
    """Prepares a run; the model must be made in the strategy's scope.

    Of several workers the first writes to the run's folder and the others,
    whose files are the same, below it; all go on from the first one's
    checkpoints, so the folder must be one that all of them see.
    """
    self._profile_steps, self._profiling = profile_steps, False
    self._strategy = strategy or tf.distribute.get_strategy()
    checkpoints = pathlib.Path(run_dir) / "checkpoints"
    self._folder = pathlib.Path(run_dir)
    if worker:
      self._folder /= f"worker_{worker}"
    self._folder.mkdir(parents=True, exist_ok=True)
    self._model, self._batches = model, batches
    self._validation, self._config, self._losses = validation, config, losses
    self._report = report
    with self._strategy.scope():
      self._optimizer = make_optimizer(config)
      self._optimizer.build(model.trainable_variables)
    self._step = tf.Variable(0, dtype=tf.int64, trainable=False)
    self._best = tf.Variable(np.inf, dtype=tf.float32, trainable=False)
    self._seconds = tf.Variable(0.0, dtype=tf.float64, trainable=False)
    self._checkpoints = Checkpointer(
      checkpoints,
      config.keep_checkpoints,
      report,
      self._folder / "checkpoints",
      model=model,
      optimizer=self._optimizer,
      step=self._step,
      best=self._best,
      seconds=self._seconds,
    )
    self._rate = LearningRate(config)
    self._functions: dict[tuple, Callable] = {}
    self._drawer = None
    if validation is not None:
      self._drawer = StripDrawer(model, validation.examples[0])

  def run(self) -> None:
    """Trains until the configured step.

    Raises:
      DivergenceError: if a loss or gradient is not finite; the batch is then
        in the folder, and the last checkpoint is of before.
      CheckpointError: if the run has checkpoints and none can be read.
      RecordError: if too many records are damaged.
    """
    try:
      self._run()
    finally:
      self._stop_profile()

  def _run(self) -> None:
    config = self._config
    first = self._checkpoints.restore() or 0
    log = RunLog(self._folder, first)
    stream = iter(self._batches.dataset(first, self._strategy))
    before = time.perf_counter() - float(self._seconds)
    mark, mark_step = time.perf_counter(), first
    for step in range(first, config.steps):
      self._profile(step - first)
      if step and step == config.part_term_step:
        # What stages read is another thing from here on.
        self._best.assign(np.inf)
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
        log.step(step + 1, now - before, speed, rate, report)
      if (step + 1) % config.validate_steps == 0 or done:
        self._validate(log)
        mark, mark_step = time.perf_counter(), step + 1
      if (step + 1) % config.checkpoint_steps == 0 or done:
        self._seconds.assign(time.perf_counter() - before)
        self._checkpoints.save()
    self._with_averages(
      lambda: weights.save(self._model, self._folder / LAST_WEIGHTS)
    )

  def _next(self, stream: Iterator[TrainingExample]) -> TrainingExample:
    """The next batch; what failed in Python code is raised as it was."""
    try:
      return next(stream)
    except tf.errors.OpError as error:
      if self._batches.failure is not None:
        raise self._batches.failure from error
      raise

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

  def _train_step(self, step: int) -> Callable:
    """The traced step for the stages and the part term of this step."""
    stages = self._config.stages_at(step, self._model.config.num_stages)
    parts = self._config.part_term_at(step)
    if (stages, parts) not in self._functions:
      self._functions[stages, parts] = make_train_step(
        self._model,
        self._optimizer,
        self._config,
        self._losses,
        stages,
        self._strategy,
        parts,
      )
    return self._functions[stages, parts]

  def _check(
    self, report: StepReport, batch: TrainingExample, step: int
  ) -> None:
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

  def _validate(self, log: RunLog) -> None:
    if self._validation is None:
      return
    step = int(self._step)
    errors, bodies = self._with_averages(self._judge)
    log.validation(step, errors)
    log.pictures(
      step,
      self._drawer.strip(bodies),
      bodies[-1].vertices[0].numpy(),
      self._drawer.faces,
    )

  def _judge(self) -> tuple[StageErrors, list[BodyOutput]]:
    """Errors of the weights as they are; keeps them if they are the best."""
    read = int(self._step) >= self._config.part_term_step
    errors = self._validation.errors(
      self._model, parts="value" if read else "none"
    )
    value = float(errors.pa_mpjpe[-1])
    if value < float(self._best):
      self._best.assign(value)
      weights.save(self._model, self._folder / BEST_WEIGHTS)
    return errors, self._drawer.bodies()

  def _with_averages(self, function: Callable):
    """Calls a function while the model has its averaged weights."""
    if not self._config.ema:
      return function()
    variables = self._model.trainable_variables
    kept = [variable.numpy() for variable in variables]
    self._optimizer.finalize_variable_values(variables)
    try:
      return function()
    finally:
      for variable, value in zip(variables, kept, strict=True):
        variable.assign(value)


def save_batch(batch: TrainingExample, path: pathlib.Path) -> None:
  """Writes a batch as an npz of its fields, named as in `TrainingExample`."""
  arrays = {}
  for name, value in batch._asdict().items():
    fields = value._asdict() if hasattr(value, "_asdict") else {"": value}
    for field, tensor in fields.items():
      arrays[f"{name}.{field}".rstrip(".")] = np.asarray(tensor)
  temporary = path.with_name(path.name + ".tmp.npz")
  np.savez_compressed(temporary, **arrays)
  os.replace(temporary, path)
