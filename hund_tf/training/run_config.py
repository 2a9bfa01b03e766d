"""Where a training run takes place; nothing of it changes the result."""

import dataclasses

from hund_tf.options import REQUIRED, check, option

STRATEGIES = ("one", "mirrored", "multi_worker")


@dataclasses.dataclass(frozen=True)
class RunConfig:
  """A run's folder, the weights it starts from, and its devices."""

  run_dir: str = option(
    REQUIRED, "Folder of the run. A run that is in it already goes on."
  )
  initial_weights: str | None = option(
    None, "The .npz file of weights that a new run starts from."
  )
  strategy: str = option(
    "one",
    "Devices that train: one, all of this machine (mirrored), or those of the "
    "workers in the environment variable TF_CONFIG (multi_worker).",
    choices=STRATEGIES,
  )
  threads: int = option(
    0, "CPU threads; 0 takes all.", name="cpu_threads", low=0
  )
  cpu_devices: int = option(
    1,
    "Number of devices that the CPU counts as. With --strategy=mirrored each "
    "trains on its share of the batch, as GPUs would; it is no faster than "
    "one.",
    low=1,
  )
  deterministic: bool = option(
    False,
    "Give bit-equal results on CPUs of the same kind, with the same number of "
    "threads (--cpu_threads).",
  )
  profile_steps: int = option(
    0, "Number of steps that the profiler records.", low=0
  )
  allow_mismatch: bool = option(
    False, "Go on in --run_dir although its settings or its code are others."
  )

  def __post_init__(self):
    check(self)
