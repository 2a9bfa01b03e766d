"""Flags of the learned descent's training."""

from dataclasses import dataclass

from absl import flags

from hund_tf.losses.meta import META_LOSSES
from hund_tf.losses.supervised import ROOTS, SupervisedConfig
from hund_tf.models.config import LOSS_INPUTS, HundConfig
from hund_tf.training.config import TrainingConfig
from hund_tf.training.supervision import REGIMES

_TRAINING = TrainingConfig()
_MODEL = HundConfig()
_LOSSES = SupervisedConfig()
STRATEGIES = ("one", "mirrored", "multi_worker")

_RUN_DIR = flags.DEFINE_string(
  "run_dir",
  None,
  "Folder of the run; a run that is in it already goes on.",
  required=True,
)
_INITIAL_WEIGHTS = flags.DEFINE_string(
  "initial_weights", None, "The .npz of weights that a new run starts from."
)
_STRATEGY = flags.DEFINE_enum(
  "strategy",
  "one",
  STRATEGIES,
  "Devices: one, all of this machine, or of the workers in TF_CONFIG.",
)
_THREADS = flags.DEFINE_integer(
  "cpu_threads", 0, "CPU threads; 0 takes all.", lower_bound=0
)
_CPU_DEVICES = flags.DEFINE_integer(
  "cpu_devices",
  1,
  "Devices that the CPU counts as; with --strategy=mirrored each trains on its "
  "share of the batch, as GPUs would. It is no faster than one.",
  lower_bound=1,
)
_DETERMINISTIC = flags.DEFINE_bool(
  "deterministic", False, "Bit-equal results where TensorFlow can give them."
)
_PROFILE_STEPS = flags.DEFINE_integer(
  "profile_steps", 0, "Steps that the profiler records.", lower_bound=0
)
_ALLOW_MISMATCH = flags.DEFINE_bool(
  "allow_mismatch",
  False,
  "Go on in --run_dir although its settings or code are others.",
)
_STEPS = flags.DEFINE_integer(
  "steps", _TRAINING.steps, "Updates.", lower_bound=1
)
_BATCH_SIZE = flags.DEFINE_integer(
  "global_batch_size",
  _TRAINING.batch_size,
  "Examples of an update, over all devices.",
  lower_bound=1,
)
_SEED = flags.DEFINE_integer("training_seed", 0, "Of weights and examples.")
_RATE = flags.DEFINE_float(
  "base_learning_rate", _TRAINING.learning_rate, "Of Adam.", lower_bound=0.0
)
_WARMUP_STEPS = flags.DEFINE_integer(
  "warmup_steps", 0, "First steps, of rising rate.", lower_bound=0
)
_DECAY_STEPS = flags.DEFINE_integer(
  "decay_steps", 0, "Last steps, of falling rate (cosine).", lower_bound=0
)
_CLIP_NORM = flags.DEFINE_float(
  "clip_norm", _TRAINING.clip_norm, "Of the gradient.", lower_bound=0.0
)
_EMA = flags.DEFINE_float(
  "ema",
  _TRAINING.ema,
  "Momentum of the averaged weights; 0 keeps none.",
  lower_bound=0.0,
  upper_bound=1.0,
)
_REGIME = flags.DEFINE_enum(
  "regime",
  _TRAINING.regime,
  list(REGIMES),
  "Self-, weakly or fully supervised; FS+2D: fully, with annotated keypoints; "
  "FS+SS alternates batches, joint adds the losses.",
)
_META_LOSS = flags.DEFINE_enum(
  "meta_loss", _TRAINING.meta_loss, META_LOSSES, "Of the stages (Eq. 7, 8)."
)
_INITIAL_WEIGHT = flags.DEFINE_float(
  "initial_weight",
  _TRAINING.initial_weight,
  "Weight of the loss of s_0 beside the meta-loss.",
  lower_bound=0.0,
)
_STAGE_STEPS = flags.DEFINE_list(
  "stage_steps",
  [],
  "Steps and numbers of stages, as 0:1,2000:5; none: always --num_stages.",
)
_PARTS_SHARE = flags.DEFINE_float(
  "parts_share",
  _TRAINING.parts_share,
  "Share of steps whose examples have part maps.",
  lower_bound=0.0,
  upper_bound=1.0,
)
_PART_TERM_STEP = flags.DEFINE_integer(
  "part_term_step",
  _TRAINING.part_term_step,
  "First step whose stages read L_b, where their examples have part maps.",
  lower_bound=0,
)
_LOG_STEPS = flags.DEFINE_integer(
  "log_steps", _TRAINING.log_steps, "Steps between log rows.", lower_bound=1
)
_VALIDATE_STEPS = flags.DEFINE_integer(
  "validate_steps",
  _TRAINING.validate_steps,
  "Steps between validations.",
  lower_bound=1,
)
_VALIDATION_EXAMPLES = flags.DEFINE_integer(
  "validation_examples",
  _TRAINING.validation_examples,
  "Examples of held-out poses.",
  lower_bound=1,
)
_CHECKPOINT_STEPS = flags.DEFINE_integer(
  "checkpoint_steps",
  _TRAINING.checkpoint_steps,
  "Steps between checkpoints.",
  lower_bound=1,
)
_NUM_STAGES = flags.DEFINE_integer(
  "num_stages", _MODEL.num_stages, "M of Eq. 2.", lower_bound=1
)
_LOSS_INPUTS = flags.DEFINE_enum(
  "loss_inputs", _MODEL.loss_inputs, LOSS_INPUTS, "What a stage sees of L_u."
)
_POSED_INPUTS = flags.DEFINE_bool(
  "posed_inputs",
  _MODEL.posed_inputs,
  "Stages also read the posed keypoints of the previous state.",
)
_DETACH = flags.DEFINE_bool(
  "detach_loss_inputs", False, "No gradient through what a stage sees of L_u."
)
_XLA = flags.DEFINE_bool("xla", True, "Compile body and objective with XLA.")
_VERTEX_WEIGHT = flags.DEFINE_float(
  "vertex_weight", _LOSSES.vertex_weight, "lambda_m.", lower_bound=0.0
)
_JOINT_WEIGHT = flags.DEFINE_float(
  "joint_weight", _LOSSES.joint_weight, "lambda_3d.", lower_bound=0.0
)
_FINGER_WEIGHT = flags.DEFINE_float(
  "finger_weight",
  _LOSSES.finger_weight,
  "Of each finger joint in L_3d; others count 1.",
  lower_bound=0.0,
)
_LATENT_WEIGHT = flags.DEFINE_float(
  "latent_weight", _LOSSES.latent_weight, "Of the latents.", lower_bound=0.0
)
_ROTATION_WEIGHT = flags.DEFINE_float(
  "rotation_weight",
  _LOSSES.rotation_weight,
  "Of the local joint rotations.",
  lower_bound=0.0,
)
_ROOT = flags.DEFINE_enum(
  "supervised_root", _LOSSES.root, ROOTS, "How L_f treats the pelvis."
)


@dataclass(frozen=True)
class RunConfig:
  """A run and where it takes place; see the flags of the same names."""

  run_dir: str
  initial_weights: str | None
  strategy: str
  threads: int
  cpu_devices: int
  deterministic: bool
  profile_steps: int
  allow_mismatch: bool


@flags.validator("stage_steps", "--stage_steps: expected STEP:STAGES,...")
def _stage_steps(values: list[str]) -> bool:
  pairs = [value.split(":") for value in values]
  return all(
    len(pair) == 2 and all(n.strip().isdigit() for n in pair) for pair in pairs
  )


def to_run_config() -> RunConfig:
  """Where and how the run takes place; nothing of it changes the result."""
  return RunConfig(
    run_dir=_RUN_DIR.value,
    initial_weights=_INITIAL_WEIGHTS.value,
    strategy=_STRATEGY.value,
    threads=_THREADS.value,
    cpu_devices=_CPU_DEVICES.value,
    deterministic=_DETERMINISTIC.value,
    profile_steps=_PROFILE_STEPS.value,
    allow_mismatch=_ALLOW_MISMATCH.value,
  )


def to_config() -> TrainingConfig:
  """The training as the flags describe it.

  Raises:
    ValueError: if the flags contradict each other.
  """
  stages = [tuple(map(int, s.split(":"))) for s in _STAGE_STEPS.value]
  return TrainingConfig(
    steps=_STEPS.value,
    batch_size=_BATCH_SIZE.value,
    seed=_SEED.value,
    learning_rate=_RATE.value,
    warmup_steps=_WARMUP_STEPS.value,
    decay_steps=_DECAY_STEPS.value,
    clip_norm=_CLIP_NORM.value,
    ema=_EMA.value,
    regime=_REGIME.value,
    meta_loss=_META_LOSS.value,
    initial_weight=_INITIAL_WEIGHT.value,
    stage_steps=tuple(stages),
    parts_share=_PARTS_SHARE.value,
    part_term_step=_PART_TERM_STEP.value,
    log_steps=_LOG_STEPS.value,
    validate_steps=_VALIDATE_STEPS.value,
    validation_examples=_VALIDATION_EXAMPLES.value,
    checkpoint_steps=_CHECKPOINT_STEPS.value,
  )


def to_model_config() -> HundConfig:
  """The model as the flags describe it."""
  return HundConfig(
    num_stages=_NUM_STAGES.value,
    loss_inputs=_LOSS_INPUTS.value,
    posed_inputs=_POSED_INPUTS.value,
    detach_loss_inputs=_DETACH.value,
    jit_compile=_XLA.value,
  )


def to_losses() -> SupervisedConfig:
  """The supervised losses as the flags describe them."""
  return SupervisedConfig(
    vertex_weight=_VERTEX_WEIGHT.value,
    joint_weight=_JOINT_WEIGHT.value,
    finger_weight=_FINGER_WEIGHT.value,
    latent_weight=_LATENT_WEIGHT.value,
    rotation_weight=_ROTATION_WEIGHT.value,
    root=_ROOT.value,
  )
