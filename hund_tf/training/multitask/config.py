"""Settings of a training run of the multitask network."""

import dataclasses

from hund_tf.options import REQUIRED, check, option
from hund_tf.training.loop_config import LoopConfig


@dataclasses.dataclass(frozen=True)
class MultitaskTrainingConfig(LoopConfig):
  """A run; examples are stored person records."""

  learning_rate: float = option(
    1e-3,
    "Learning rate after the warm-up and before the decay.",
    name="base_learning_rate",
    low=0.0,
  )
  clip_norm: float = option(
    5.0, "Largest norm of the whole gradient; more is scaled down.", low=0.0
  )
  early_stage_weight: float = option(
    0.5, "Weight of the losses of the stages before the last.", low=0.0
  )
  encoder_rate: float = option(
    0.1,
    "Learning rate of the encoder that a network took over from another, in "
    "rates of the run.",
    low=0.0,
  )
  guided_share: float = option(
    0.6,
    "Share of crops in which a guided network is told where the keypoints are, "
    "with the errors of a detector.",
    low=0.0,
    high=1.0,
  )
  learn_detected: bool = option(
    False,
    "Learn a detector's keypoints where none are annotated (pseudo-labels).",
  )


@dataclasses.dataclass(frozen=True)
class RecordsConfig:
  """Which person records the multitask network learns."""

  train_records: tuple[str, ...] = option(
    REQUIRED, "Manifests (or folders) of the person records that are learned."
  )
  train_record_weights: tuple[float, ...] = option(
    (),
    "How often each of --train_records is read; by default by their sizes.",
    low=1e-9,
    expected="a number above 0",
  )

  def __post_init__(self):
    check(self)
