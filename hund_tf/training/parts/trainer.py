"""Training of a part's descent."""

from collections.abc import Callable

from hund_tf.compat import tf
from hund_tf.losses.part_supervised import PartExample, PartLossConfig
from hund_tf.models.hund import part_weights
from hund_tf.models.hund.part_model import PartHund
from hund_tf.synthetic.part_examples import PartExamples
from hund_tf.training.input_pipeline import ALL_ROWS, Batches
from hund_tf.training.loop import RunPlace, TrainingLoop
from hund_tf.training.parts.step import (
  PartReport,
  PartTrainingConfig,
  make_train_step,
)
from hund_tf.training.parts.validation import PartValidation
from hund_tf.training.run_log import RunLog, StepRow


class PartBatches(Batches):
  """Batches of synthetic close-ups."""

  def __init__(self, examples: PartExamples, config: PartTrainingConfig):
    super().__init__(config)
    self._examples = examples

  def batch(self, step: tf.Tensor, rows: slice = ALL_ROWS) -> PartExample:
    """The batch of a step."""
    config = self._config
    example = self._examples.example_batch(config.seed, step, config.batch_size)
    return tf.nest.map_structure(lambda x: x[rows], example)


class PartTrainer(TrainingLoop):
  """Trains a model in a run folder, from its last checkpoint on."""

  def __init__(
    self,
    model: PartHund,
    batches: PartBatches,
    validation: PartValidation,
    config: PartTrainingConfig,
    losses: PartLossConfig,
    place: RunPlace,
  ):
    """Prepares a run; see `TrainingLoop`."""
    super().__init__(model, batches, config, place)
    self._validation = validation
    self._function = make_train_step(
      model, self._optimizer, config, losses, self._strategy
    )

  def _train_step(self, step: int) -> Callable:
    del step
    return self._function

  def _row(self, report: PartReport) -> StepRow:
    columns = {
      "stage_losses": [float(v) for v in report.stage_losses],
      "objective": [float(v) for v in report.objective],
    }
    scalars = {
      f"{name}/stage_{i}": value
      for name, values in columns.items()
      for i, value in enumerate(values)
    }
    loss, norm = float(report.loss), float(report.gradient_norm)
    return StepRow(loss, norm, columns, scalars)

  def _validate(self, log: RunLog) -> None:
    with self._averaged():
      errors = self._validation.errors(self._model)
      self._keep_if_best(float(errors.mpjpe[-1]))
    figures = {
      name: [round(float(v), 3) for v in values]
      for name, values in errors._asdict().items()
    }
    log.validation(int(self._step), figures)

  def _save(self, name: str) -> None:
    part_weights.save(self._model, self._folder / name)
