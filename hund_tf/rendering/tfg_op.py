"""The rasterizer op of tensorflow_graphics, compiled for this TensorFlow.

The op that comes inside the tensorflow_graphics wheel was built against an
older TensorFlow and does not load; its C++ sources are in the wheel as well.
`build` compiles them, and `rasterization_backend` gives tensorflow_graphics'
backend with the compiled op in place. Nothing in site-packages is touched.
"""

import hashlib
import importlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

from hund_tf.compat import tf
from hund_tf.files import OutputError, atomic_path, prepare_output_dir

OP_FILE = "rasterizer_op.so"
BUILD_HINT = "build it with: python -m tools.build_rasterizer_op"
_OP_MODULE = "tensorflow_graphics.rendering.kernels.gen_rasterizer_op"
_SOURCES = ("rasterize_triangles_impl.cc", "rasterize_triangles_op.cc")


class RasterizerOpError(RuntimeError):
  """The rasterizer op is missing, does not load or cannot be built."""


def op_path() -> Path:
  """Where the compiled op is, or is to be put.

  The environment variable HUND_RASTERIZER_OP overrides it. By default it is
  `build/` of a source checkout, else the user's cache folder; the name of the
  file tells for which TensorFlow it was built.
  """
  override = os.environ.get("HUND_RASTERIZER_OP")
  if override:
    return Path(override)
  root = Path(__file__).resolve().parents[2]
  if (root / "pyproject.toml").is_file():
    folder = root / "build"
  else:
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(cache) / "hund_tf"
  return folder / f"tf{tf.__version__}-{_flags_digest()}-{OP_FILE}"


def build(output: Path | None = None, compiler: str | None = None) -> Path:
  """Compiles the op from the sources inside the tensorflow_graphics wheel.

  The file appears at its place only when it is whole. Takes about 20 seconds.

  Args:
    output: file to write; by default `op_path()`.
    compiler: C++ compiler; by default the environment variable CXX, or g++.

  Returns:
    The path of the op.

  Raises:
    RasterizerOpError: if there is no compiler, if the sources are missing, if
      the compiler fails, or if the file cannot be written.
  """
  output = op_path() if output is None else Path(output)
  compiler = compiler or os.environ.get("CXX") or "g++"
  if shutil.which(compiler) is None:
    raise RasterizerOpError(
      f"C++ compiler: {compiler!r} not found. Install g++, or name another "
      "compiler in the environment variable CXX."
    )
  folder = _source_folder()
  try:
    prepare_output_dir(output.parent)
    with atomic_path(output) as unfinished:
      _compile(compiler, folder, unfinished)
  except OutputError as error:
    raise RasterizerOpError(str(error)) from error
  return output


def _compile(compiler: str, sources: Path, output: Path) -> None:
  command = [
    *(compiler, "-shared", "-fPIC", "-O2"),
    *tf.sysconfig.get_compile_flags(),
    *("-std=c++17", f"-I{sources}"),
    *(str(sources / name) for name in _SOURCES),
    *("-o", str(output)),
    *tf.sysconfig.get_link_flags(),
  ]
  result = subprocess.run(command, capture_output=True, text=True)
  if result.returncode:
    raise RasterizerOpError(
      f"{compiler} failed with code {result.returncode}; it said:\n"
      f"{result.stderr.strip()[-2000:]}"
    )


def is_available() -> bool:
  """Whether the compiled op can be used."""
  try:
    rasterization_backend()
  except RasterizerOpError:
    return False
  return True


def rasterization_backend() -> ModuleType:
  """`tensorflow_graphics.rendering.rasterization_backend`, ready for CPU use.

  Raises:
    RasterizerOpError: if the op has not been built, or does not load.
  """
  if _OP_MODULE not in sys.modules:
    path = op_path()
    if not path.is_file():
      raise RasterizerOpError(
        f"rasterizer op: no file {path}; {BUILD_HINT} (needs g++)"
      )
    try:
      sys.modules[_OP_MODULE] = tf.load_op_library(str(path))
    except (tf.errors.OpError, OSError) as error:
      raise RasterizerOpError(
        f"rasterizer op: {path} does not load into TensorFlow "
        f"{tf.__version__} ({error}); remove it and {BUILD_HINT}"
      ) from error
  return importlib.import_module(
    "tensorflow_graphics.rendering.rasterization_backend"
  )


def _source_folder() -> Path:
  """Folder of the op's sources inside the installed tensorflow_graphics."""
  package = importlib.util.find_spec("tensorflow_graphics")
  folder = Path(package.submodule_search_locations[0]) / "rendering/kernels"
  missing = [name for name in _SOURCES if not (folder / name).is_file()]
  if missing:
    raise RasterizerOpError(
      f"sources of the rasterizer op: {', '.join(missing)} not in {folder}; "
      "expected those of tensorflow-graphics 2021.12.3"
    )
  return folder


def _flags_digest() -> str:
  """Short digest of what makes two builds of TensorFlow incompatible."""
  flags = [
    flag
    for flag in tf.sysconfig.get_compile_flags()
    if not flag.startswith("-I")
  ]
  return hashlib.sha256(" ".join(flags).encode()).hexdigest()[:8]
