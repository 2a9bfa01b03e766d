"""Flags of every training run: where it takes place, steps, rate, logs."""

from dataclasses import dataclass
from typing import Any

from absl import flags

from hund_tf.training.loop_config import OPTIMIZERS, LoopConfig

_LOOP = LoopConfig()
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
_STEPS = flags.DEFINE_integer("steps", _LOOP.steps, "Updates.", lower_bound=1)
_BATCH_SIZE = flags.DEFINE_integer(
  "global_batch_size",
  _LOOP.batch_size,
  "Examples of an update, over all devices.",
  lower_bound=1,
)
_SEED = flags.DEFINE_integer("training_seed", 0, "Of weights and examples.")
_OPTIMIZER = flags.DEFINE_enum(
  "optimizer",
  _LOOP.optimizer,
  OPTIMIZERS,
  "Muon takes orthogonal steps for kernels; a rate of Adam does for it, too.",
)
_RATE = flags.DEFINE_float(
  "base_learning_rate",
  _LOOP.learning_rate,
  "Of the optimiser.",
  lower_bound=0.0,
)
_WARMUP_STEPS = flags.DEFINE_integer(
  "warmup_steps", 0, "First steps, of rising rate.", lower_bound=0
)
_DECAY_STEPS = flags.DEFINE_integer(
  "decay_steps", 0, "Last steps, of falling rate (cosine).", lower_bound=0
)
_CLIP_NORM = flags.DEFINE_float(
  "clip_norm", _LOOP.clip_norm, "Of the gradient.", lower_bound=0.0
)
_EMA = flags.DEFINE_float(
  "ema",
  _LOOP.ema,
  "Momentum of the averaged weights; 0 keeps none.",
  lower_bound=0.0,
  upper_bound=1.0,
)
_LOG_STEPS = flags.DEFINE_integer(
  "log_steps", _LOOP.log_steps, "Steps between log rows.", lower_bound=1
)
_VALIDATE_STEPS = flags.DEFINE_integer(
  "validate_steps",
  _LOOP.validate_steps,
  "Steps between validations.",
  lower_bound=1,
)
_VALIDATION_EXAMPLES = flags.DEFINE_integer(
  "validation_examples",
  _LOOP.validation_examples,
  "Examples of held-out poses.",
  lower_bound=1,
)
_CHECKPOINT_STEPS = flags.DEFINE_integer(
  "checkpoint_steps",
  _LOOP.checkpoint_steps,
  "Steps between checkpoints.",
  lower_bound=1,
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


def to_loop() -> dict[str, Any]:
  """The fields of `LoopConfig` as the flags describe them, by name.

  They are given to the configuration of what is trained.
  """
  return {
    "steps": _STEPS.value,
    "batch_size": _BATCH_SIZE.value,
    "seed": _SEED.value,
    "optimizer": _OPTIMIZER.value,
    "learning_rate": _RATE.value,
    "warmup_steps": _WARMUP_STEPS.value,
    "decay_steps": _DECAY_STEPS.value,
    "clip_norm": _CLIP_NORM.value,
    "ema": _EMA.value,
    "log_steps": _LOG_STEPS.value,
    "validate_steps": _VALIDATE_STEPS.value,
    "validation_examples": _VALIDATION_EXAMPLES.value,
    "checkpoint_steps": _CHECKPOINT_STEPS.value,
  }
