"""One training step: descent, losses of its stages, meta-loss, update."""

from collections.abc import Callable
from typing import NamedTuple

from hund_tf.compat import tf, tf_keras
from hund_tf.draws import Draws
from hund_tf.losses import meta, random_terms
from hund_tf.losses.alignment import PartTerm
from hund_tf.losses.random_terms import RandomTerms
from hund_tf.losses.supervised import SupervisedConfig
from hund_tf.models.hund.model import HundModel
from hund_tf.models.hund.photo_model import PhotoHund
from hund_tf.training.hund.config import TrainingConfig
from hund_tf.training.hund.stage_losses import descent_losses, loop_losses
from hund_tf.training.hund.supervision import supervise
from hund_tf.training.optimizer import run_replicas, update
from hund_tf.types import AlignmentTerms, TrainingExample

_TERMS = 0x7E4  # added to the seed of random terms
_REPLICA = 0x10000  # and this for each device before a device


class StepReport(NamedTuple):
  """Means over the batch of a step."""

  loss: tf.Tensor  # [] meta-loss, what is minimised
  gradient_norm: tf.Tensor  # [] before clipping
  stage_losses: tf.Tensor  # [M + 1] training loss of s_0 ... s_M
  terms: AlignmentTerms  # [M + 1] L_u and its terms of s_0 ... s_M


class _Gradients(NamedTuple):
  """A loss with its gradient."""

  loss: tf.Tensor  # []
  stage_losses: tf.Tensor  # [M + 1, B]
  terms: AlignmentTerms  # [M + 1, B]
  gradients: list[tf.Tensor]
  variables: list[tf.Variable]  # that the gradients belong to


class _Descents:
  """Descents of a number of stages, and what is minimised of them."""

  def __init__(
    self,
    model: HundModel | PhotoHund,
    config: TrainingConfig,
    losses: SupervisedConfig,
    num_stages: int,
    parts: PartTerm,
  ):
    self._model, self._config, self._losses = model, config, losses
    self._num_stages, self._parts = num_stages, parts
    self._compiled_stages = tf.function(
      self._stages, autograph=False, jit_compile=True
    )

  def __call__(
    self, example: TrainingExample, drawn: tuple[RandomTerms, ...]
  ) -> _Gradients:
    model = self._model
    if (
      isinstance(model, HundModel)
      and model.config.jit_compile
      and model.objective.xla_compatible
    ):
      return self._by_program(example, drawn)
    return self._by_stages(example, drawn)

  def _total(self, stage_losses: tf.Tensor) -> tf.Tensor:
    """What is minimised, scalar, of the losses `[M + 1, B]`."""
    config = self._config
    per_example = meta.meta_loss(
      config.meta_loss, stage_losses[1:], stage_losses[0]
    )
    per_example += config.initial_state_weight * stage_losses[0]
    return tf.reduce_mean(per_example)

  def _by_stages(
    self, example: TrainingExample, drawn: tuple[RandomTerms, ...]
  ) -> _Gradients:
    """Operation by operation, the stages one after the other."""
    with tf.GradientTape() as tape:
      stage_losses, terms = descent_losses(
        self._model,
        example,
        self._num_stages,
        self._losses,
        self._parts,
        drawn,
      )
      loss = self._total(stage_losses)
    variables = self._model.trainable_variables
    gradients = tape.gradient(loss, variables)
    return _Gradients(loss, stage_losses, terms, gradients, variables)

  def _by_program(
    self, example: TrainingExample, drawn: tuple[RandomTerms, ...]
  ) -> _Gradients:
    """All stages as one XLA program, with its gradient.

    The convolutions stay outside, for TensorFlow's are faster on CPUs.
    """
    model = self._model
    first = [
      *model.embedding.trainable_variables,
      *model.initial_state.trainable_variables,
    ]
    with tf.GradientTape() as tape:
      inputs, states = model.begin(example.features, example.intrinsics)
    inputs = inputs._replace(drawn=drawn)
    loss, stage_losses, terms, to_start, gradients = self._compiled_stages(
      inputs, states, example._replace(features=(), image=())
    )
    start = [inputs.context, states[0]]
    first_gradients = tape.gradient(start, first, output_gradients=to_start)
    return _Gradients(
      loss,
      stage_losses,
      terms,
      [*first_gradients, *gradients],
      [*first, *model.cell.trainable_variables],
    )

  def _stages(self, inputs, states, example: TrainingExample):
    """Losses, and gradients to context and s_0 and to the cell's variables."""
    start = [inputs.context, states[0]]
    variables = self._model.cell.trainable_variables
    with tf.GradientTape() as tape:
      tape.watch(start)
      stage_losses, terms = loop_losses(
        self._model.cell,
        inputs,
        states,
        example,
        self._num_stages,
        self._losses,
        self._parts,
      )
      loss = self._total(stage_losses)
    to_start, gradients = tape.gradient(loss, [start, variables])
    return loss, stage_losses, terms, to_start, gradients


def terms_of_step(
  example: TrainingExample, share: float, seed: int, step: tf.Tensor
) -> tuple[RandomTerms, ...]:
  """Random terms of the people of a batch, a function of seed and step.

  Args:
    example: of B.
    share: of people with one, of those whose joints are known; half as many
      have another one.
    seed: of the run.
    step: number of the batch.
  """
  if not share:
    return ()
  replica = tf.distribute.get_replica_context()
  own = 0 if replica is None else replica.replica_id_in_sync_group
  draws = Draws(seed + _TERMS + _REPLICA * tf.cast(own, tf.int64), step)
  return tuple(
    random_terms.draw(draws, example.joints, example.weights.joints, part)
    for part in (share, share / 2.0)
  )


def make_train_step(
  model: HundModel | PhotoHund,
  optimizer: tf_keras.optimizers.Optimizer,
  config: TrainingConfig,
  losses: SupervisedConfig,
  num_stages: int,
  strategy: tf.distribute.Strategy,
  parts: PartTerm = "full",
) -> Callable[[TrainingExample, tf.Tensor], StepReport]:
  """The step of descents of M stages, as a function of batch and number.

  The batch is the strategy's, `config.batch_size` examples over all replicas.
  A loss that is not finite still updates: the caller stops on it and keeps
  nothing of the step.
  """
  descents = _Descents(model, config, losses, num_stages, parts)

  def replica_step(example: TrainingExample, step: tf.Tensor) -> StepReport:
    drawn = terms_of_step(example, config.random_terms, config.seed, step)
    found = descents(supervise(example, config.regime, step), drawn)
    norm = update(optimizer, found.gradients, found.variables, config.clip_norm)
    mean = lambda values: tf.reduce_mean(values, axis=1)
    return StepReport(
      found.loss,
      norm,
      mean(found.stage_losses),
      tf.nest.map_structure(mean, found.terms),
    )

  def step_function(example: TrainingExample, step: tf.Tensor) -> StepReport:
    return run_replicas(strategy, replica_step, example, step)

  return tf.function(step_function, autograph=False)
