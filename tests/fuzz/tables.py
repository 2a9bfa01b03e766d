"""Files of predictions, measurements, correspondences and poses."""

from pathlib import Path

import numpy as np

from hund_tf.body import skeleton
from hund_tf.evaluation import predictions
from hund_tf.motion import pose_library
from hund_tf.retargeting import correspondence
from hund_tf.retargeting import records as retargeted
from tests.fuzz.weights import Arrays, kind, make

_KEYS = np.array(["a", "\u00e4b", "c"])


def _predictions(rng: np.random.Generator) -> Arrays:
  keys = _KEYS if rng.random() < 0.5 else np.char.encode(_KEYS, "utf-8")
  joints = rng.normal(size=(3, 14, 3))
  joints[1] = np.nan
  return {"keys": keys, "joints_14": joints, "pelvis": np.zeros((3, 3))}


def _meshes(rng: np.random.Generator) -> Arrays:
  return {
    "keys": _KEYS,
    "pose": rng.normal(size=(3, 72)),
    "betas": np.zeros((3, 10)),
    "translation": np.ones((3, 3)),
    "genders": np.array(["m", "f", ""]),
  }


def _markers(rng: np.random.Generator) -> Arrays:
  positions = rng.normal(size=(3, 2, 3))
  positions[0, 0] = np.nan
  names = np.array(["left", "right"])
  return {"keys": _KEYS, "names": names, "positions": positions}


def _table(rng: np.random.Generator) -> Arrays:
  return {
    "format": np.array("hund_tf correspondence 1"),
    "mesh": np.array("proxy_1500"),
    "source_vertices": np.array(5),
    "corners": rng.integers(0, 5, (4, 3), np.int32),
    "barycentric": rng.dirichlet(np.ones(3), 4).astype("f4"),
    "weights": np.ones(4, "f4"),
    "distance_mm": np.zeros(4, "f4"),
  }


def _poses(rng: np.random.Generator) -> Arrays:
  size = (3, len(skeleton.BODY_JOINTS), 3)
  return {
    f"{split}/{name}": rng.normal(size=shape).astype("f4")
    for split in pose_library.PoseSplits._fields
    for name, shape in (("angles", size), ("up", (3, 3)))
  }


def _read_table(path: Path) -> None:
  table = correspondence.load(path)
  if table.source_vertices < 100:
    table.points(np.zeros((1, table.source_vertices, 3)))


KINDS = (
  kind(
    "tables: predictions",
    lambda rng: make(_predictions(rng), rng),
    predictions.load,
    predictions.PredictionError,
  ),
  kind(
    "tables: meshes",
    lambda rng: make(_meshes(rng), rng),
    lambda path: retargeted.read_measurements(path, "smpl"),
    retargeted.MeasurementError,
  ),
  kind(
    "tables: markers",
    lambda rng: make(_markers(rng), rng),
    lambda path: retargeted.read_measurements(path, "markers"),
    retargeted.MeasurementError,
  ),
  kind(
    "tables: correspondences",
    lambda rng: make(_table(rng), rng),
    _read_table,
    correspondence.CorrespondenceError,
  ),
  kind(
    "tables: poses",
    lambda rng: make(_poses(rng), rng),
    pose_library.load,
    ValueError,
  ),
)
