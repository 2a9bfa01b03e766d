"""Settings of the optimisers."""

from dataclasses import dataclass

from hund_tf.options import check, option

METHODS = ("bfgs", "lbfgs", "adam", "gauss_newton")


@dataclass(frozen=True)
class OptimizerConfig:
  """How a state is fitted to the alignment objective."""

  method: str = "bfgs"  # one of METHODS
  max_iterations: int = option(150, "Iterations of the final descent.", low=1)
  start_iterations: int = option(
    15, "Iterations from each yaw start, before the best is kept.", low=1
  )
  num_yaw_starts: int = option(
    4,
    "Number of root yaws, equally spaced, that the descent is started from; 1 "
    "starts from the frontal one only.",
    low=1,
  )
  gradient_tolerance: float = option(
    1e-3, "Largest component of the gradient at which a descent ends.", low=0.0
  )
  learning_rate: float = option(0.05, "Step size of --method=adam.", low=1e-6)
  # Compile the objective by XLA; it pays off from about 4 people on.
  jit_compile: bool = False

  def __post_init__(self):
    if self.method not in METHODS:
      raise ValueError(
        f"optimiser: got {self.method!r}, expected one of {METHODS}"
      )
    check(self)
