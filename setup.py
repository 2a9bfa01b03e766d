"""Puts the run files of `flags/` into the wheel, as `hund_tf/run_files`."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

_SOURCE, _TARGET = Path("flags"), Path("hund_tf", "run_files")


class BuildWithRunFiles(build_py):
  """Copies `flags/**/*.flags` beside the modules of the package."""

  def run(self) -> None:
    if self.editable_mode:
      super().run()
      return
    # What an earlier build left there may be gone from the repository.
    shutil.rmtree(Path(self.build_lib) / _TARGET.parent, ignore_errors=True)
    super().run()
    for source, target in self._run_files().items():
      self.mkpath(str(Path(target).parent))
      self.copy_file(source, target)

  def get_outputs(self, include_bytecode: bool = True) -> list[str]:
    outputs = super().get_outputs(include_bytecode)
    return [*outputs, *self._run_files().values()]

  def _run_files(self) -> dict[str, str]:
    """The files in the repository, and where they go."""
    target = Path(self.build_lib) / _TARGET
    return {
      str(source): str(target / source.relative_to(_SOURCE))
      for source in sorted(_SOURCE.rglob("*.flags"))
    }


setup(cmdclass={"build_py": BuildWithRunFiles})
