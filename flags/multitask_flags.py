"""Flags of the multitask network's training: records, changes, losses."""

from dataclasses import dataclass

from absl import flags

from flags import run_flags
from hund_tf.losses.multitask import MultitaskLossConfig
from hund_tf.records.crop_augmentation import CropAugmentation
from hund_tf.training.multitask.config import MultitaskTrainingConfig

_TRAINING = MultitaskTrainingConfig()
_CROPS = CropAugmentation()
_LOSSES = MultitaskLossConfig()

_RECORDS = flags.DEFINE_list(
  "train_records",
  None,
  "Manifests (or folders) of the person records that are learned.",
  required=True,
)
_RECORD_WEIGHTS = flags.DEFINE_list(
  "train_record_weights",
  [],
  "How often each of --train_records is read; none: by their sizes.",
)
_DETECTED = flags.DEFINE_bool(
  "learn_detected",
  _TRAINING.learn_detected,
  "Learn a detector's keypoints where none are annotated (pseudo-labels).",
)
_EARLY = flags.DEFINE_float(
  "early_stage_weight",
  _TRAINING.early_stage_weight,
  "Weight of the losses of stages before the last.",
  lower_bound=0.0,
)
_BOX_SCALE = flags.DEFINE_float(
  "crop_box_scale",
  _CROPS.box_scale,
  "Side of a crop, in larger sides of the person's box.",
  lower_bound=0.1,
)
_SCALE = flags.DEFINE_float(
  "crop_scale", _CROPS.scale, "Largest log change.", lower_bound=0.0
)
_SHIFT = flags.DEFINE_float(
  "crop_shift", _CROPS.shift, "Largest move, crop sides.", lower_bound=0.0
)
_ROTATION = flags.DEFINE_float(
  "crop_rotation",
  _CROPS.rotation,
  "Largest turn, degrees.",
  lower_bound=0.0,
  upper_bound=180.0,
)
_FLIP = flags.DEFINE_float(
  "crop_flip",
  _CROPS.flip,
  "Share of mirrored crops.",
  lower_bound=0.0,
  upper_bound=1.0,
)
_COLOR = flags.DEFINE_float(
  "crop_color", _CROPS.color, "Largest change of colours.", lower_bound=0.0
)
_PATCH = flags.DEFINE_float(
  "crop_patch",
  _CROPS.patch,
  "Share of crops in which a patch hides something.",
  lower_bound=0.0,
  upper_bound=1.0,
)
_KEYPOINT_WEIGHT = flags.DEFINE_float(
  "keypoint_loss_weight", _LOSSES.keypoint_weight, "Of K.", lower_bound=0.0
)
_PART_WEIGHT = flags.DEFINE_float(
  "part_loss_weight", _LOSSES.part_weight, "Of B.", lower_bound=0.0
)
_HIDDEN = flags.DEFINE_float(
  "hidden_weight",
  _LOSSES.hidden_weight,
  "Of keypoints that are not seen; seen ones count 1.",
  lower_bound=0.0,
)
_BOOST = flags.DEFINE_float(
  "foreground_boost",
  _LOSSES.foreground_boost,
  "How much more cells of parts count than cells of background.",
  lower_bound=0.0,
)

_OVERLAP = flags.DEFINE_float(
  "overlap_loss_weight",
  _LOSSES.overlap_weight,
  "Of 1 - the mean overlap of the parts.",
  lower_bound=0.0,
)


@dataclass(frozen=True)
class RecordsConfig:
  """Which records are learned; see the flags of the same names."""

  train: tuple[str, ...]
  weights: tuple[float, ...] | None


@flags.validator(
  "train_record_weights", "--train_record_weights: expected numbers above 0"
)
def _record_weights(values: list[str]) -> bool:
  try:
    return all(float(value) > 0.0 for value in values)
  except ValueError:
    return False


def to_records() -> RecordsConfig:
  """The records as the flags describe them."""
  weights = tuple(float(value) for value in _RECORD_WEIGHTS.value)
  return RecordsConfig(tuple(_RECORDS.value), weights or None)


def to_config() -> MultitaskTrainingConfig:
  """The training as the flags describe it.

  Raises:
    ValueError: if the flags contradict each other.
  """
  return MultitaskTrainingConfig(
    **run_flags.to_loop(),
    early_stage_weight=_EARLY.value,
    learn_detected=_DETECTED.value,
  )


def to_augmentation() -> CropAugmentation:
  """The changes of crops as the flags describe them."""
  return CropAugmentation(
    box_scale=_BOX_SCALE.value,
    scale=_SCALE.value,
    shift=_SHIFT.value,
    rotation=_ROTATION.value,
    flip=_FLIP.value,
    color=_COLOR.value,
    patch=_PATCH.value,
  )


def to_losses() -> MultitaskLossConfig:
  """The losses as the flags describe them."""
  return MultitaskLossConfig(
    keypoint_weight=_KEYPOINT_WEIGHT.value,
    part_weight=_PART_WEIGHT.value,
    hidden_weight=_HIDDEN.value,
    foreground_boost=_BOOST.value,
    overlap_weight=_OVERLAP.value,
  )
