"""Files of weights, damaged or meant to do harm."""

import dataclasses
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from hund_tf.body.points import STEP_SIZE
from hund_tf.compat import tf
from hund_tf.detection.graphs.graph import Node, load_graph
from hund_tf.losses.alignment import ObjectiveConfig
from hund_tf.models import weight_files
from hund_tf.models.hund import polish_anchor
from hund_tf.models.hund.config import HundConfig
from hund_tf.models.hund.weights import read_configs
from hund_tf.models.multitask import weights as multitask_weights
from hund_tf.models.multitask.config import SMALL
from tests.fuzz.json_files import changed
from tests.fuzz.kind import ACCEPTED, Kind
from tests.fuzz.mutations import mutated

Arrays = dict[str, np.ndarray]
_SHAPES = {"cell/kernel": (8, 4), "cell/bias": (4,), "head/kernel": (4, 2)}


def _weights() -> Arrays:
  rng = np.random.default_rng(0)
  return {n: rng.normal(size=s).astype("f4") for n, s in _SHAPES.items()}


def _with_settings(arrays: Arrays, settings: dict) -> Arrays:
  return {**arrays, "settings": np.array(json.dumps(settings))}


def _descent() -> Arrays:
  objective = dataclasses.asdict(ObjectiveConfig())
  settings = {**dataclasses.asdict(HundConfig()), "objective": objective}
  return _with_settings(_weights(), settings)


def _network() -> Arrays:
  return _with_settings(_weights(), dataclasses.asdict(SMALL))


def _anchor() -> Arrays:
  size = STEP_SIZE * (STEP_SIZE + 1) // 2
  rows, columns = np.tril_indices(STEP_SIZE)
  lower = (rows == columns).astype(np.float32)[None]
  assert lower.shape == (1, size)
  settings = {
    **{"edges": [], "keypoints": [4.0, 3.0], "landmarks": [0.05, 3.0]},
    **{"uncertainty_scale": 1.1, "num_stages": 5, "weights_sha256": ""},
    "provenance": {"examples": 100},
  }
  return _with_settings({"covariances": lower}, settings)


def _graph() -> Arrays:
  node = Node("conv", ("x", "w"), "y", {"strides": [1, 1], "padding": "SAME"})
  text = {
    **{"input": "x", "input_shape": [8, 8, 3], "outputs": {"out": "y"}},
    **{"nodes": [node], "weights": {"w": [3, 3, 3, 4]}},
  }
  return {"settings": np.array(json.dumps(text)), "weights": np.ones(108, "f2")}


def _make_graph(rng: np.random.Generator) -> bytes:
  """As other weights, with the text as bytes."""
  arrays = _graph()
  text = json.loads(str(arrays.pop("settings")))
  if rng.random() < 0.7:
    text = changed(text, rng)
  arrays["graph"] = np.frombuffer(json.dumps(text).encode(), np.uint8)
  return make(arrays, rng)


def _packed(arrays: Arrays, rng: np.random.Generator) -> bytes:
  """An archive, now and then packed as numpy does not."""
  methods = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA)
  method = methods[rng.choice(3, p=[0.5, 0.45, 0.05])]
  file = io.BytesIO()
  with zipfile.ZipFile(file, "w", method) as archive:
    for name, array in arrays.items():
      one = io.BytesIO()
      np.lib.format.write_array(one, array, allow_pickle=True)
      data = one.getvalue()
      if rng.random() < 0.03:
        data = mutated(data, rng)
      archive.writestr(f"{name}.npy", data)
    if rng.random() < 0.02:
      archive.writestr("bomb.npy", bytes(40_000_000))
  return file.getvalue()


def other(array: np.ndarray, rng: np.random.Generator) -> np.ndarray:
  """An array in the place of one of weights."""
  if array.dtype.kind not in "fiu" or not array.ndim:
    return np.array(1.0)
  other: tuple[np.ndarray, ...] = (
    *(array.astype("f2"), array.astype("f8"), array.astype(">f4"), array.T),
    *(array.astype("i4"), array.astype("c8"), array.astype("S8"), array[:1]),
    *(array.astype("f4") * np.float32(np.nan), np.full_like(array, np.inf)),
    *(
      np.zeros((0, *array.shape)),
      np.zeros(array.shape, "O"),
      np.zeros(3, "V4"),
    ),
    *(
      np.array("x"),
      np.zeros(array.shape, "f4,f4"),
      array.astype("f4")[..., None],
    ),
  )
  return other[rng.integers(len(other))]


def make(arrays: Arrays, rng: np.random.Generator) -> bytes:
  """A file of such arrays, damaged more often than not."""
  if rng.random() < 0.05:
    return _packed(arrays, rng)
  arrays = dict(arrays)
  for _ in range(rng.integers(0, 3)):
    name = list(arrays)[rng.integers(len(arrays))]
    how = rng.random()
    if name == "settings":
      try:
        value = changed(json.loads(str(arrays[name])), rng)
      except ValueError:
        continue
      arrays[name] = np.array(json.dumps(value)[: -1 if how < 0.1 else None])
    elif how < 0.7:
      arrays[name] = other(arrays[name], rng)
    elif how < 0.85:
      del arrays[name]
    else:
      arrays[name + "x"] = arrays[name]
    if not arrays:
      break
  data = _packed(arrays, rng)
  return mutated(data, rng) if rng.random() < 0.4 else data


def _assign(path: Path, arrays: Arrays) -> None:
  """Gives the weights to variables of the right shapes."""
  made = [tf.Variable(tf.zeros(s), name=n) for n, s in _SHAPES.items()]
  by_name = {v.name.split(":")[0]: v for v in made}
  named = [_Named(name, variable) for name, variable in by_name.items()]
  weight_files.assign(named, arrays, path)


class _Named:
  """A variable by the name that it was made with."""

  def __init__(self, name: str, variable: tf.Variable):
    self.name, self.shape, self.assign = name, variable.shape, variable.assign


def _read_descent(path: Path) -> None:
  arrays, settings = weight_files.read(path, "tools.train_hund")
  read_configs(settings, path)
  _assign(path, arrays)


def _read_network(path: Path) -> None:
  arrays, settings = weight_files.read(path, "tools.train_multitask")
  multitask_weights.read_config(settings, path)
  _assign(path, arrays)


def kind(
  name: str,
  make: Callable[[np.random.Generator], bytes],
  run: Callable[[Path], object],
  documented: type[Exception] = weight_files.WeightsError,
) -> Kind:
  def read(path: Path) -> str:
    run(path)
    return ACCEPTED

  return Kind(name, *(100, 25, ".npz"), make, read, (documented,), 100)


KINDS = (
  kind("weights: descent", lambda rng: make(_descent(), rng), _read_descent),
  kind("weights: network", lambda rng: make(_network(), rng), _read_network),
  kind("weights: polish", lambda rng: make(_anchor(), rng), polish_anchor.load),
  kind("weights: detectors", _make_graph, load_graph, ValueError),
)
