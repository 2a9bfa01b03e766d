"""Flags of the pose priors' training."""

from dataclasses import dataclass, replace

from absl import flags

from hund_tf.body import pose_prior
from hund_tf.motion.pose_dataset import PoseDataConfig
from hund_tf.training.pose_prior import FlowFitConfig

_DATA = PoseDataConfig()
_FIT = FlowFitConfig()

_MOCAP_DIR = flags.DEFINE_string(
  "mocap_dir",
  None,
  "Folder with cmu_mb_bvh and cmu_daz_bvh; not needed with --notrain.",
)
_OUTPUT = flags.DEFINE_string(
  "output",
  str(pose_prior.DEFAULT_PATH),
  "The .npz of the trained priors; its metrics and flags go beside it.",
)
_CHECKPOINT_DIR = flags.DEFINE_string(
  "checkpoint_dir", None, "Folder to resume from; none keeps no checkpoints."
)
_TRAIN = flags.DEFINE_bool(
  "train", True, "Whether to train; if not, --output is read instead."
)
_SAMPLE_PICTURE = flags.DEFINE_string(
  "sample_picture", None, "PNG of 40 sampled poses, drawn at the end."
)
_BODY_STEPS = flags.DEFINE_integer(
  "body_steps", _FIT.steps, "Training steps of the body.", lower_bound=1
)
_HAND_STEPS = flags.DEFINE_integer(
  "hand_steps", _FIT.steps, "Training steps of the hand.", lower_bound=1
)
_BODY_HIDDEN = flags.DEFINE_integer(
  "body_hidden", _FIT.hidden, "Hidden units, body.", lower_bound=1
)
_HAND_HIDDEN = flags.DEFINE_integer(
  "hand_hidden", 64, "Hidden units, hand.", lower_bound=1
)
_COUPLINGS = flags.DEFINE_integer(
  "couplings", _FIT.couplings, "Coupling layers of each flow.", lower_bound=1
)
_BATCH_SIZE = flags.DEFINE_integer(
  "batch_size", _FIT.batch_size, "Poses per training step.", lower_bound=2
)
_LEARNING_RATE = flags.DEFINE_float(
  "learning_rate", _FIT.learning_rate, "Its first value.", lower_bound=0.0
)
_WEIGHT_DECAY = flags.DEFINE_float(
  "weight_decay", _FIT.weight_decay, "Decoupled decay.", lower_bound=0.0
)
_BODY_NOISE = flags.DEFINE_float(
  "body_noise",
  _FIT.noise,
  "Noise on body values, in their standard deviations.",
  lower_bound=0.0,
)
_HAND_NOISE = flags.DEFINE_float(
  "hand_noise",
  0.02,
  "Noise on hand values, in their standard deviations.",
  lower_bound=0.0,
)
_RECOMBINED = flags.DEFINE_float(
  "recombined",
  _DATA.recombined,
  "Poses with exchanged limbs per captured training pose.",
  lower_bound=0.0,
)
_HAND_POSES = flags.DEFINE_integer(
  "hand_poses", _DATA.hand_poses, "Generated hands.", lower_bound=100
)
_THREADS = flags.DEFINE_integer(
  "threads", 2, "CPU threads; 0 takes all.", lower_bound=0
)
_SEED = flags.DEFINE_integer("seed", 0, "Of data, weights and batches.")
_HOLDERS = (
  _BODY_STEPS,
  _HAND_STEPS,
  _BODY_HIDDEN,
  _HAND_HIDDEN,
  _COUPLINGS,
  _BATCH_SIZE,
  _LEARNING_RATE,
  _WEIGHT_DECAY,
  _BODY_NOISE,
  _HAND_NOISE,
  _RECOMBINED,
  _HAND_POSES,
  _SEED,
)


@dataclass(frozen=True)
class PosePriorConfig:
  """A training run of the pose priors; see the flags of the same names."""

  mocap_dir: str | None
  output: str
  checkpoint_dir: str | None
  train: bool
  sample_picture: str | None
  threads: int
  data: PoseDataConfig
  body: FlowFitConfig
  hand: FlowFitConfig


@flags.multi_flags_validator(
  ["train", "mocap_dir"],
  message="--mocap_dir is required for training (or pass --notrain)",
)
def _has_data(values: dict) -> bool:
  return bool(values["mocap_dir"]) or not values["train"]


def to_config() -> PosePriorConfig:
  """The run as the flags describe it."""
  fit = FlowFitConfig(
    couplings=_COUPLINGS.value,
    batch_size=_BATCH_SIZE.value,
    learning_rate=_LEARNING_RATE.value,
    weight_decay=_WEIGHT_DECAY.value,
    seed=_SEED.value,
  )
  return PosePriorConfig(
    mocap_dir=_MOCAP_DIR.value,
    output=_OUTPUT.value,
    checkpoint_dir=_CHECKPOINT_DIR.value,
    train=_TRAIN.value,
    sample_picture=_SAMPLE_PICTURE.value,
    threads=_THREADS.value,
    data=PoseDataConfig(
      recombined=_RECOMBINED.value,
      hand_poses=_HAND_POSES.value,
      seed=_SEED.value,
    ),
    body=replace(
      fit,
      steps=_BODY_STEPS.value,
      hidden=_BODY_HIDDEN.value,
      noise=_BODY_NOISE.value,
    ),
    hand=replace(
      fit,
      steps=_HAND_STEPS.value,
      hidden=_HAND_HIDDEN.value,
      noise=_HAND_NOISE.value,
    ),
  )


def run_flags() -> str:
  """The flags that decide the result, one a line, as a flagfile."""
  return "".join(f"--{h.name}={h.value}\n" for h in _HOLDERS)
