"""Training of the learned descent."""

import os
from collections.abc import Callable
from typing import Protocol

import numpy as np

from hund_tf.compat import tf
from hund_tf.losses.supervised import SupervisedConfig
from hund_tf.models.hund import weights
from hund_tf.models.hund.model import HundModel
from hund_tf.models.hund.photo_model import PhotoHund
from hund_tf.models.multitask import weights as multitask_weights
from hund_tf.training.hund.config import TrainingConfig
from hund_tf.training.hund.step import StepReport, make_train_step
from hund_tf.training.hund.validation import StageErrors, ValidationSet
from hund_tf.training.input_pipeline import Batches
from hund_tf.training.loop import (
  BEST_WEIGHTS,
  LAST_WEIGHTS,
  DivergenceError,
  RunPlace,
  TrainingLoop,
)
from hund_tf.training.run_log import RunLog, StepRow
from hund_tf.types import BodyOutput

__all__ = ["BEST_WEIGHTS", "LAST_WEIGHTS", "DivergenceError", "HundTrainer"]


class StageDrawer(Protocol):
  """Draws the same few people at every validation; see `StripDrawer`."""

  @property
  def faces(self) -> np.ndarray:
    """Triangles `[F, 3]` of the bodies."""
    ...

  def bodies(self) -> list[BodyOutput]:
    """Bodies of the states s_0 ... s_M with the model's present weights."""
    ...

  def strip(self, bodies: list[BodyOutput]) -> np.ndarray:
    """The picture `[H, W, 3]` uint8 of these bodies."""
    ...


class HundTrainer(TrainingLoop):
  """Trains a model in a run folder, from its last checkpoint on."""

  def __init__(
    self,
    model: HundModel | PhotoHund,
    batches: Batches,
    validation: ValidationSet | None,
    config: TrainingConfig,
    losses: SupervisedConfig,
    run_dir: str | os.PathLike,
    strategy: tf.distribute.Strategy | None = None,
    profile_steps: int = 0,
    worker: int = 0,
    report: Callable[[str], None] = print,
    drawer: StageDrawer | None = None,
  ):
    """Prepares a run; see `TrainingLoop`. A drawer adds pictures to its log.

    Raises:
      ValueError: if terms are to be trained that the model has no branch for,
        or alone beside its network.
    """
    if config.random_terms:
      _train_terms(model, alone=config.trained == "terms")
    super().__init__(
      model,
      batches,
      config,
      RunPlace(run_dir, strategy, profile_steps, worker, report),
    )
    self._validation = validation
    self._losses = losses
    self._functions: dict[tuple, Callable] = {}
    self._drawer = drawer

  def _before(self, step: int) -> None:
    if step and step == self._config.part_term_step:
      # What stages read is another thing from here on.
      self._best.assign(np.inf)

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

  def _row(self, report: StepReport) -> StepRow:
    losses = [float(v) for v in report.stage_losses]
    terms = {
      name: [float(v) for v in values]
      for name, values in report.terms._asdict().items()
    }
    scalars = {f"loss/stage_{i}": loss for i, loss in enumerate(losses)}
    for name, values in terms.items():
      scalars |= {f"terms/{name}/stage_{i}": v for i, v in enumerate(values)}
    return StepRow(
      float(report.loss),
      float(report.gradient_norm),
      {"stage_losses": losses, "objective": terms["total"]},
      scalars,
    )

  def _validate(self, log: RunLog) -> None:
    if self._validation is None:
      return
    step = int(self._step)
    with self._averaged():
      errors, bodies = self._judge()
    figures = errors.as_dict()
    log.validation(step, figures)
    if self._drawer is None:
      return
    log.picture(step, "validation/stages", self._drawer.strip(bodies))
    log.mesh(step, bodies[-1].vertices[0].numpy(), self._drawer.faces)

  def _judge(self) -> tuple[StageErrors, list[BodyOutput]]:
    """Errors of the weights as they are; keeps them if they are the best."""
    read = int(self._step) >= self._config.part_term_step
    errors = self._validation.errors(
      self._model,
      parts="value" if read else "none",
      random_terms=self._config.random_terms,
    )
    cost = float(errors.pa_mpjpe[-1])
    if self._config.trained == "terms":
      cost = -float(self._step)  # joints say little of it: the newest are kept
    self._keep_if_best(cost)
    return errors, self._drawer.bodies() if self._drawer else []

  def _save(self, name: str) -> None:
    model = self._model
    if isinstance(model, PhotoHund):
      if model.train_network:
        path = self._folder / f"network_{name}"
        multitask_weights.save(model.network, path)
      model = model.hund
    weights.save(model, self._folder / name)


def _train_terms(model: HundModel | PhotoHund, alone: bool) -> None:
  """Trains the branch for terms, with all else or alone."""
  if isinstance(model, PhotoHund):
    if alone and model.train_network:
      raise ValueError(
        "trained: terms, with a network that is trained too; expected all, or "
        "a network that is not (--notrain_network)"
      )
    model = model.hund
  model.train_terms(alone)
