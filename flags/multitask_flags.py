"""Flags of the multitask network's training: records, changes, losses."""

from flags import run_flags
from flags.from_config import define
from hund_tf.losses.multitask import MultitaskLossConfig
from hund_tf.records.crop_augmentation import CropAugmentation
from hund_tf.training.multitask.config import (
  MultitaskTrainingConfig,
  RecordsConfig,
)

to_records = define(RecordsConfig, "Person records")
_to_config = define(
  MultitaskTrainingConfig,
  "Multitask network's training",
  only=(
    "early_stage_weight",
    "encoder_rate",
    "guided_share",
    "learn_detected",
  ),
)
to_augmentation = define(CropAugmentation, "Crops")
to_losses = define(MultitaskLossConfig, "Losses of the multitask network")


def to_config() -> MultitaskTrainingConfig:
  """The training as the flags describe it.

  Raises:
    ValueError: if the flags contradict each other.
  """
  return _to_config(**vars(run_flags.to_loop()))
