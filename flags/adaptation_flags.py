"""Flags of the adaptation to photos without annotations."""

from dataclasses import dataclass

from absl import flags

from hund_tf.losses.meta import META_LOSSES
from hund_tf.photos.listing import split_names
from hund_tf.records.crop_jitter import CropJitter
from hund_tf.training.adaptation.trainer import AdaptationConfig, GuardConfig

_DEFAULT = AdaptationConfig()

_VIDEO = flags.DEFINE_multi_string(
  "video", [], "Video whose frames are photos too; may be repeated."
)
_FRAME_STEP = flags.DEFINE_integer(
  "frame_step",
  10,
  "Frames of --video from one that is taken to the next.",
  lower_bound=1,
)
_VALIDATION_IMAGES = flags.DEFINE_multi_string(
  "validation_images",
  [],
  "Photos to hold out, named as those of --images; all of --images are then "
  "trained on. Without it --validation_share of them are held out.",
)
_VALIDATION_SHARE = flags.DEFINE_float(
  "validation_share",
  0.5,
  "Share of the photos, and of the end of each video, that is held out.",
  lower_bound=0.01,
  upper_bound=0.99,
)
_STEPS = flags.DEFINE_integer(
  "adaptation_steps", _DEFAULT.steps, "Updates, at most.", lower_bound=1
)
_BATCH_SIZE = flags.DEFINE_integer(
  "adaptation_batch_size",
  _DEFAULT.batch_size,
  "People of an update on photos.",
  lower_bound=1,
)
_SYNTHETIC_BATCH_SIZE = flags.DEFINE_integer(
  "synthetic_batch_size",
  _DEFAULT.synthetic_batch_size,
  "People of an update on synthetic people.",
  lower_bound=1,
)
_RATE = flags.DEFINE_float(
  "adaptation_rate",
  _DEFAULT.learning_rate,
  "Learning rate, at first.",
  lower_bound=0.0,
)
_EMA = flags.DEFINE_float(
  "adaptation_ema",
  _DEFAULT.ema,
  "Momentum of the averages of weights, which are judged and kept, over a "
  "tenth of the updates at most; 0: none.",
  lower_bound=0.0,
  upper_bound=0.9999,
)
_META_LOSS = flags.DEFINE_enum(
  "adaptation_meta_loss",
  _DEFAULT.meta_loss,
  META_LOSSES,
  "Of the stages (Eq. 7, 8).",
)
_SYNTHETIC_SHARE = flags.DEFINE_float(
  "synthetic_share",
  _DEFAULT.synthetic_share,
  "Share of updates on synthetic people, under full supervision and L_u.",
  lower_bound=0.0,
  upper_bound=0.99,
)
_SHIFT = flags.DEFINE_float(
  "crop_shift",
  _DEFAULT.jitter.shift,
  "Standard deviation of the crops' middles, sides of the crop.",
  lower_bound=0.0,
  upper_bound=0.5,
)
_ZOOM = flags.DEFINE_float(
  "crop_zoom",
  _DEFAULT.jitter.zoom,
  "Standard deviation of the logarithm of the crops' sides.",
  lower_bound=0.0,
  upper_bound=1.0,
)
_JUDGE_STEPS = flags.DEFINE_integer(
  "judge_steps",
  _DEFAULT.judge_steps,
  "Updates between two looks at what is held out.",
  lower_bound=1,
)
_PATIENCE = flags.DEFINE_integer(
  "patience",
  _DEFAULT.patience,
  "Looks in a row without better weights that end the adaptation.",
  lower_bound=1,
)
_SEED = flags.DEFINE_integer(
  "adaptation_seed",
  _DEFAULT.seed,
  "Of what is held out, of crops and of synthetic people.",
  lower_bound=0,
)
_SYNTHETIC_EXAMPLES = flags.DEFINE_integer(
  "judged_examples",
  _DEFAULT.synthetic_examples,
  "Synthetic people whose MPJPE may not rise.",
  lower_bound=1,
)
_MIN_GAIN = flags.DEFINE_float(
  "min_gain",
  _DEFAULT.guard.min_gain,
  "Fraction by which the mean L_u of held-out people must fall.",
  lower_bound=0.0,
)
_WORSE_BY = flags.DEFINE_float(
  "worse_by",
  _DEFAULT.guard.worse_by,
  "Somebody whose L_u rises by more than this fraction gets worse.",
  lower_bound=0.0,
)
_MAX_WORSE_SHARE = flags.DEFINE_float(
  "max_worse_share",
  _DEFAULT.guard.max_worse_share,
  "Share of the held-out people who may get worse.",
  lower_bound=0.0,
  upper_bound=1.0,
)
_MAX_ERROR_RISE = flags.DEFINE_float(
  "max_error_rise",
  _DEFAULT.guard.max_error_rise,
  "Fraction by which MPJPE of synthetic people may rise.",
  lower_bound=0.0,
)


@dataclass(frozen=True)
class AdaptationInputs:
  """What is adapted to; see the flags of the same names."""

  video: tuple[str, ...]
  frame_step: int
  validation_images: tuple[str, ...]
  validation_share: float


def to_inputs() -> AdaptationInputs:
  """What is adapted to, beside `photo_flags`."""
  return AdaptationInputs(
    video=tuple(_VIDEO.value),
    frame_step=_FRAME_STEP.value,
    validation_images=tuple(
      name for entry in _VALIDATION_IMAGES.value for name in split_names(entry)
    ),
    validation_share=_VALIDATION_SHARE.value,
  )


def to_config() -> AdaptationConfig:
  """The adaptation as the flags describe it."""
  return AdaptationConfig(
    steps=_STEPS.value,
    batch_size=_BATCH_SIZE.value,
    synthetic_batch_size=_SYNTHETIC_BATCH_SIZE.value,
    learning_rate=_RATE.value,
    ema=_EMA.value,
    meta_loss=_META_LOSS.value,
    synthetic_share=_SYNTHETIC_SHARE.value,
    jitter=CropJitter(_SHIFT.value, _ZOOM.value),
    judge_steps=_JUDGE_STEPS.value,
    patience=_PATIENCE.value,
    synthetic_examples=_SYNTHETIC_EXAMPLES.value,
    seed=_SEED.value,
    guard=GuardConfig(
      min_gain=_MIN_GAIN.value,
      worse_by=_WORSE_BY.value,
      max_worse_share=_MAX_WORSE_SHARE.value,
      max_error_rise=_MAX_ERROR_RISE.value,
    ),
  )
