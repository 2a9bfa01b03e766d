"""A training in phases: runs that go on from the weights of the one before."""

import dataclasses
import pathlib
from collections.abc import Sequence

from hund_tf.training.loop import BEST_WEIGHTS, LAST_WEIGHTS


@dataclasses.dataclass(frozen=True)
class Phase:
  """One run of a training in phases."""

  flag_file: pathlib.Path  # the settings of the run
  run_dir: pathlib.Path  # the folder of the run
  initial_weights: pathlib.Path | None  # what it starts from; None: anew

  def is_done(self) -> bool:
    """Whether the run has reached its last step."""
    return (self.run_dir / LAST_WEIGHTS).exists()

  def flags(self) -> list[str]:
    """The flags that say where the run takes place and what it starts from."""
    flags = [f"--run_dir={self.run_dir}"]
    if self.initial_weights is not None:
      flags.append(f"--initial_weights={self.initial_weights}")
    return flags


def plan(
  flag_files: Sequence[str],
  run_dir: str | pathlib.Path,
  initial_weights: str | None = None,
) -> list[Phase]:
  """The runs of a training in phases, in order.

  Args:
    flag_files: the settings of each run; the names of the files, which the
      folders of the runs take, must differ.
    run_dir: folder that gets one folder for each run.
    initial_weights: weights that the first run starts from; none: anew. Every
      other run starts from the best weights of the run before it.

  Raises:
    ValueError: if a file is missing or two files have the same name.
  """
  phases: list[Phase] = []
  start = pathlib.Path(initial_weights) if initial_weights else None
  for path in map(pathlib.Path, flag_files):
    if not path.is_file():
      raise ValueError(f"phase {path}: no such file; expected a flag file")
    folder = pathlib.Path(run_dir) / path.stem
    if any(phase.run_dir == folder for phase in phases):
      raise ValueError(
        f"phase {path}: another phase is called {path.stem!r}; expected file "
        "names that differ"
      )
    phases.append(Phase(path, folder, start))
    start = folder / BEST_WEIGHTS
  return phases
