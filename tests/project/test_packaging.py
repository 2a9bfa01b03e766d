"""The wheel: what is in it, and that it works where the repository is not."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

import hund_tf

_ROOT = Path(__file__).parents[2]
_PROJECT = tomllib.loads((_ROOT / "pyproject.toml").read_text("utf-8"))
_BUILT_OF = ("hund_tf", "flags", "setup.py", "pyproject.toml", "README.md")
_LICENCES = ("LICENSE", "THIRD_PARTY_NOTICES.md")


def _pip(*arguments: str | Path) -> str:
  """Runs pip; returns what it said if it failed, else nothing."""
  command = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
  command += arguments
  done = subprocess.run(command, capture_output=True, text=True)
  return done.stderr[-2000:] if done.returncode else ""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
  """The wheel of the repository; skips where pip reaches no index."""
  folder = tmp_path_factory.mktemp("wheel")
  (build,) = _PROJECT["build-system"]["requires"]
  error = _pip("download", "--no-deps", "-d", folder, build)
  if error:
    pytest.skip(f"pip's index cannot be reached: {error.splitlines()[-1]}")
  source, out = folder / "source", folder / "out"
  source.mkdir()
  skipped = shutil.ignore_patterns("__pycache__")
  for name in (*_BUILT_OF, *_LICENCES):
    if (_ROOT / name).is_dir():
      shutil.copytree(_ROOT / name, source / name, ignore=skipped)
    else:
      shutil.copy(_ROOT / name, source)
  error = _pip("wheel", "--no-deps", "-w", out, source)
  assert not error, error
  (path,) = out.glob("*.whl")
  return path


def test_version_is_said_once():
  assert "version" in _PROJECT["project"]["dynamic"]
  assert re.fullmatch(r"\d+\.\d+\.\d+", hund_tf.__version__)
  changes = (_ROOT / "CHANGELOG.md").read_text("utf-8")
  assert f"\n## {hund_tf.__version__} - 20" in changes


def test_every_dependency_is_explained():
  text = (_ROOT / "docs" / "dependencies.md").read_text("utf-8")
  project = _PROJECT["project"]
  every = [*project["dependencies"]]
  for name, packages in project["optional-dependencies"].items():
    assert f"`[{name}]`" in text
    every += packages
  names = {re.match(r"[\w.-]+", line)[0] for line in every}
  assert [name for name in sorted(names) if name not in text] == []


def test_wheel_holds_everything_and_nothing_else(wheel):
  names = set(zipfile.ZipFile(wheel).namelist())
  info = f"hund_tf-{hund_tf.__version__}.dist-info"
  assert {name.split("/")[0] for name in names} == {"hund_tf", info}
  expected = {
    path.relative_to(_ROOT).as_posix()
    for path in (_ROOT / "hund_tf").rglob("*")
    if path.is_file() and "__pycache__" not in path.parts
  } | {
    f"hund_tf/run_files/{path.relative_to(_ROOT / 'flags').as_posix()}"
    for path in (_ROOT / "flags").rglob("*.flags")
  }
  compiled = (".nbc", ".nbi")  # numba's cache
  expected = {name for name in expected if not name.endswith(compiled)}
  assert {name for name in names if name.startswith("hund_tf/")} == expected
  assert {f"{info}/licenses/{name}" for name in _LICENCES} <= names


def test_installed_command_reconstructs_the_bundled_photo(wheel, tmp_path):
  venv.create(tmp_path / "venv")
  bin_folder = tmp_path / "venv" / "bin"
  # Without bytecode of the thousands of modules that are not imported.
  flags = ("--python", bin_folder / "python")
  error = _pip(*flags, "install", "--quiet", "--no-compile", wheel)
  assert not error, error
  environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}

  def run(*command: str | Path) -> str:
    done = subprocess.run(
      command, cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()

  assert run(bin_folder / "hund", "--version") == f"hund {hund_tf.__version__}"
  photo = run(
    *(bin_folder / "python", "-c"),
    "import hund_tf; print(hund_tf.demo_photo())",
  )
  assert photo.startswith(str(tmp_path))
  run(bin_folder / "hund", "reconstruct", photo, "-o", "out")
  made = {path.name for path in (tmp_path / "out").iterdir()}
  assert {"astronaut.json", "astronaut.glb", "astronaut_overlay.png"} <= made
