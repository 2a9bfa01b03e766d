"""Self-supervised adaptation of the learned descent to somebody's photos.

The paper trains on photos without annotations by L_u alone, in turn with full
supervision (Sec. 2.2, FS+SS). Here the same goes on from trained weights, on
the photos that they will be used for. Few people teach little about how L_u
falls in general, so synthetic people, of whom there is no end, are trained on
it too, beside their truth. What is kept of it is decided on photos that are not
trained on, and on synthetic people whose truth is known: see `GuardConfig`.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from hund_tf.compat import tf
from hund_tf.losses.meta import META_LOSSES
from hund_tf.losses.supervised import SupervisedConfig
from hund_tf.models.hund.model import HundModel
from hund_tf.options import check, group, option
from hund_tf.reconstruction.methods import HundMethod
from hund_tf.records.crop_jitter import CropJitter
from hund_tf.synthetic.examples import SyntheticExamples
from hund_tf.training.adaptation.guard import (
  GuardConfig,
  Judgement,
  objections,
)
from hund_tf.training.adaptation.photo_batches import (
  PhotoBatches,
  SeenPerson,
  mirror_image,
)
from hund_tf.training.hund.config import TrainingConfig
from hund_tf.training.hund.step import make_train_step
from hund_tf.training.hund.validation import ValidationSet
from hund_tf.training.optimizer import averaged_weights, make_optimizer
from hund_tf.types import (
  Intrinsics,
  TrainingExample,
)

_WARMUP = 20  # steps, of rising rate, or a fifth of the steps


@dataclasses.dataclass(frozen=True)
class AdaptationConfig:
  """An adaptation; docs/history/adaptation.md tells of the defaults."""

  steps: int = option(
    1600, "Number of updates, at most.", name="adaptation_steps", low=1
  )
  batch_size: int = option(
    16, "People of an update on photos.", name="adaptation_batch_size", low=1
  )
  synthetic_batch_size: int = option(
    64, "People of an update on synthetic people.", low=1
  )
  optimizer: str = "muon"
  learning_rate: float = option(
    1e-3,
    "Learning rate at first; it falls by a cosine.",
    name="adaptation_rate",
    low=0.0,
  )
  clip_norm: float = 1.0  # of the whole gradient
  ema: float = option(
    0.99,
    "Momentum of the averages of the weights, which are judged and kept, over "
    "a tenth of the updates at most; 0 keeps none.",
    name="adaptation_ema",
    low=0.0,
    high=0.9999,
  )
  meta_loss: str = option(
    "sum",
    "Meta-loss: how the losses of the stages become one (Eq. 7, 8).",
    name="adaptation_meta_loss",
    choices=META_LOSSES,
  )
  synthetic_share: float = option(
    0.75,
    "Share of the updates, evenly spread, that are on synthetic people under "
    "full supervision and L_u; 0.5 is in turn, as in the paper.",
    low=0.0,
    high=0.99,
  )
  # Of synthetic people, beside their L_u: a quarter to a fortieth of what
  # the weights of the project were trained with at last (hund_open.flags).
  losses: SupervisedConfig = group(
    SupervisedConfig(
      vertex_weight=25.0, joint_weight=150.0, latent_weight=0.25
    ),
    prefix="adaptation_",
  )
  jitter: CropJitter = CropJitter()
  judge_steps: int = option(
    160, "Updates between two looks at what is held out.", low=1
  )
  # What the guard refuses half-way it may accept at the end, when the rate is
  # low.
  patience: int = option(
    8, "Looks in a row without better weights that end the adaptation.", low=1
  )
  synthetic_examples: int = option(
    256,
    "Synthetic people whose MPJPE may not rise.",
    name="judged_examples",
    low=1,
  )
  seed: int = option(
    0,
    "Seed of what is held out, of crops and of synthetic people.",
    name="adaptation_seed",
    low=0,
  )
  guard: GuardConfig = GuardConfig()

  def __post_init__(self):
    check(self)

  def is_synthetic(self, step: int) -> bool:
    """Whether a step is trained on synthetic people."""
    share = self.synthetic_share
    return int((step + 1) * share) > int(step * share)


class AdaptationResult(NamedTuple):
  """What an adaptation came to."""

  before: Judgement
  best: Judgement | None  # of the weights that were kept; None: refused
  history: list[Judgement]  # of all looks, `before` first
  reasons: list[str]  # why nothing was kept; empty if something was


class Adaptation:
  """Adapts a model to people in photos, and judges it on others."""

  def __init__(
    self,
    model: HundModel,
    people: Sequence[SeenPerson],
    held_out: Sequence[SeenPerson],
    synthetic: SyntheticExamples,
    validation: SyntheticExamples,
    config: AdaptationConfig | None = None,
    report: Callable[[str], None] = print,
  ):
    """Prepares an adaptation.

    Args:
      model: with its weights; it is trained in place.
      people: to train on, as they are and mirrored.
      held_out: to judge by, of other photos.
      synthetic: to train on as well. Their part maps are read but not compared
        with the body's: rendering it would be most of the cost of a step.
      validation: whose MPJPE may not rise.
      config: how.
      report: told of every look at what is held out.

    Raises:
      ValueError: if there is nobody to train on or to judge by.
    """
    self._config = config = config or AdaptationConfig()
    self.model, self._synthetic, self._report = model, synthetic, report
    objective = model.objective
    vertices = len(objective.body_model.mesh_ids(objective.config.mesh))
    size, seed = config.batch_size, config.seed
    people = [*people, *map(mirror_image, people)]
    self._photos = PhotoBatches(people, size, vertices, config.jitter, seed)
    self._held_out = PhotoBatches(held_out, size, vertices)
    self._validation = ValidationSet(
      validation, config.synthetic_examples, batch_size=size
    )
    self._method = HundMethod(model)
    warmup = min(_WARMUP, config.steps // 5)
    self._training = TrainingConfig(
      steps=config.steps,
      batch_size=size,
      seed=seed,
      optimizer=config.optimizer,
      learning_rate=config.learning_rate,
      warmup_steps=warmup,
      decay_steps=config.steps - warmup,
      clip_norm=config.clip_norm,
      ema=max(0.0, min(config.ema, 1.0 - 10.0 / config.steps)),
      meta_loss=config.meta_loss,
    )
    self._optimizer = make_optimizer(self._training)
    self._optimizer.build(model.trainable_variables)
    self._functions: dict[tuple[str, str], Callable] = {}

  def run(self, ended: Callable[[], bool] = lambda: False) -> AdaptationResult:
    """Trains until the steps are done or patience is over.

    Args:
      ended: asked after every step whether to end with what is reached.

    The model ends with the averaged weights of the lowest L_u that the guard
    accepts, or with those that it came with.
    """
    config = self._config
    before = self.judge(0)
    history, best, waited = [before], None, 0
    kept, why = self._weights(), "it ended"
    for step in range(config.steps):
      if not self._train(step):
        self._report(f"step {step + 1}: loss is not finite; ended")
        why = "the loss was not finite"
        break
      if ended():
        why = "a signal ended it"
        self._report(f"step {step + 1}: ended by a signal")
        break
      if (step + 1) % config.judge_steps and step + 1 != config.steps:
        continue
      with averaged_weights(self._optimizer, self.model.trainable_variables):
        now, weights = self.judge(step + 1), self._weights()
      history.append(now)
      better = now.objective < (best or before).objective
      if better and not objections(before, now, config.guard):
        best, kept, waited = now, weights, 0
        continue
      waited += 1
      if waited == config.patience:
        self._report(f"no better weights in {waited} looks; ended")
        break
    self._assign(kept)
    reasons = [] if best else self._reasons(before, history, why)
    return AdaptationResult(before, best, history, reasons)

  def cameras(self) -> Intrinsics:
    """Cameras of the held-out people's crops, fields [P, 2], crop pixels."""
    return _concatenated(
      [
        tf.nest.map_structure(lambda x, n=count: x[:n].numpy(), cameras)
        for _, cameras, count in self._held_out.plain()
      ]
    )

  def judge(self, step: int) -> Judgement:
    """How the weights as they are do on what is held out."""
    rows = []
    for features, cameras, count in self._held_out.plain():
      trace = self._method(features, cameras)
      last = trace.state, trace.terms
      rows.append(
        tf.nest.map_structure(lambda x, n=count: x[:n, -1].numpy(), last)
      )
    state, terms = _concatenated(rows)
    errors = self._validation.errors(self.model)
    judgement = Judgement(
      step=step,
      state=state,
      terms=terms,
      mpjpe=float(errors.mpjpe[-1]),
      pa_mpjpe=float(errors.pa_mpjpe[-1]),
    )
    self._report(
      f"step {step}: held-out L_u {judgement.objective:.2f}, synthetic MPJPE "
      f"{judgement.mpjpe:.1f} PA {judgement.pa_mpjpe:.1f} mm"
    )
    return judgement

  def _train(self, step: int) -> bool:
    """One update; False if its loss or gradient is not finite."""
    config = self._config
    if config.is_synthetic(step):
      batch = self._synthetic.example_batch(
        config.seed, step, config.synthetic_batch_size
      )
      regime, parts = "joint", "none"
    else:
      batch, regime = self._photos.batch(step), "SS"
      parts = "full" if _any_parts(batch) else "none"
    report = self._step(regime, parts)(batch, tf.constant(step, tf.int64))
    return bool(np.isfinite([report.loss, report.gradient_norm]).all())

  def _step(self, regime: str, parts: str) -> Callable:
    """The traced update under a supervision."""
    key = regime, parts
    if key not in self._functions:
      self._functions[key] = make_train_step(
        self.model,
        self._optimizer,
        dataclasses.replace(self._training, regime=regime),
        self._config.losses,
        self.model.config.num_stages,
        tf.distribute.get_strategy(),
        parts,
      )
    return self._functions[key]

  def _weights(self) -> list[np.ndarray]:
    return [variable.numpy() for variable in self.model.trainable_variables]

  def _assign(self, values: list[np.ndarray]) -> None:
    variables = self.model.trainable_variables
    for variable, value in zip(variables, values, strict=True):
      variable.assign(value)

  def _reasons(
    self, before: Judgement, history: list[Judgement], why: str
  ) -> list[str]:
    """What speaks against the look with the lowest L_u; why there is none."""
    looks = history[1:]
    if not looks:
      return [f"{why} before the first look"]
    least = min(looks, key=lambda x: np.nan_to_num(x.objective, nan=np.inf))
    return objections(before, least, self._config.guard)


def _concatenated(rows: Sequence):
  """Structures of arrays as one, along the first axis."""
  return tf.nest.map_structure(lambda *x: np.concatenate(x), *rows)


def _any_parts(batch: TrainingExample) -> bool:
  return bool(np.any(batch.features.part_weights.numpy() > 0.0))
