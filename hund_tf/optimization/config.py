"""Settings of the optimisers."""

from dataclasses import dataclass

METHODS = ("bfgs", "lbfgs", "adam")


@dataclass(frozen=True)
class OptimizerConfig:
  """How a state is fitted to the alignment objective."""

  method: str = "bfgs"
  max_iterations: int = 150  # of the final descent
  start_iterations: int = 15  # from each yaw start, before the best is kept
  num_yaw_starts: int = 4  # 1 starts from the frontal yaw only
  gradient_tolerance: float = 1e-3
  learning_rate: float = 0.05  # Adam only
  jit_compile: bool = False  # pays off from about four people on

  def __post_init__(self):
    if self.method not in METHODS:
      raise ValueError(
        f"optimiser: got {self.method!r}, expected one of {METHODS}"
      )
    for name in ("max_iterations", "start_iterations", "num_yaw_starts"):
      if getattr(self, name) < 1:
        raise ValueError(
          f"optimiser: {name} is {getattr(self, name)}, expected at least 1"
        )
