"""Flags of the optimisers."""

from absl import flags

from hund_tf.optimization.config import OptimizerConfig

_DEFAULT = OptimizerConfig()

_MAX_ITERATIONS = flags.DEFINE_integer(
  "max_iterations",
  _DEFAULT.max_iterations,
  "Iterations of the final descent.",
  lower_bound=1,
)
_START_ITERATIONS = flags.DEFINE_integer(
  "start_iterations",
  _DEFAULT.start_iterations,
  "Iterations from each yaw start, before the best is kept.",
  lower_bound=1,
)
_NUM_YAW_STARTS = flags.DEFINE_integer(
  "num_yaw_starts",
  _DEFAULT.num_yaw_starts,
  "How many root yaws, equally spaced, the descent is started from.",
  lower_bound=1,
)
_LEARNING_RATE = flags.DEFINE_float(
  "learning_rate",
  _DEFAULT.learning_rate,
  "Step size of --method=adam.",
  lower_bound=1e-6,
)
_JIT_COMPILE = flags.DEFINE_bool(
  "jit_compile",
  _DEFAULT.jit_compile,
  "Compile the objective, or the whole learned descent, by XLA: faster, but "
  "slower to start.",
)


def jit_compile() -> bool:
  """Whether XLA compiles the objective or the descent."""
  return _JIT_COMPILE.value


def to_config(method: str) -> OptimizerConfig:
  """The optimiser of that name as the flags describe it."""
  return OptimizerConfig(
    method=method,
    max_iterations=_MAX_ITERATIONS.value,
    start_iterations=_START_ITERATIONS.value,
    num_yaw_starts=_NUM_YAW_STARTS.value,
    learning_rate=_LEARNING_RATE.value,
    jit_compile=jit_compile(),
  )
