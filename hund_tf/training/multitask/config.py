"""Settings of a training run of the multitask network."""

import dataclasses

from hund_tf.training.loop_config import LoopConfig


@dataclasses.dataclass(frozen=True)
class MultitaskTrainingConfig(LoopConfig):
  """A run; examples are stored person records."""

  learning_rate: float = 1e-3
  clip_norm: float = 5.0
  # Weight of the losses of stages before the last.
  early_stage_weight: float = 0.5
  # A detector's keypoints are learned where none are annotated.
  learn_detected: bool = False
