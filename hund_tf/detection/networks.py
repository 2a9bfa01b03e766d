"""The networks that find and read people, ready to run on crops of photos."""

from collections.abc import Sequence
from functools import cache, cached_property
from pathlib import Path

import numpy as np

from hund_tf.compat import tf
from hund_tf.detection.graphs.graph import load_graph
from hund_tf.detection.graphs.module import frozen_function

_ASSETS = Path(__file__).parent / "assets"
_MAX_BATCH = 16  # crops that a network reads at once

POSE_DETECTION = "pose_detection"
POSE_LANDMARK = "pose_landmark"
FACE_DETECTION = "face_detection"
FACE_LANDMARK = "face_landmark"
IRIS_LANDMARK = "iris_landmark"
HAND_RECROP = "hand_recrop"
HAND_LANDMARK = "hand_landmark"


class Network:
  """A network that reads square RGB crops.

  Args:
    name: of a file in the folder `assets`, without its ending.
    low: what black is for the network; white is 1.

  Raises:
    FileNotFoundError: if there is no such file.
  """

  def __init__(self, name: str, low: float = 0.0):
    self._graph = load_graph(_ASSETS / f"{name}.npz")
    self._low = low
    self.side = self._graph.input_shape[0]

  @cached_property
  def _function(self):
    """Compiled at the first call, which takes longer than the others."""

    def prepare(images: tf.Tensor) -> tf.Tensor:
      scale = (1.0 - self._low) / 255.0
      return tf.cast(images, tf.float32) * scale + self._low

    return frozen_function(self._graph, prepare, tf.uint8)

  def __call__(self, crops: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Reads B > 0 crops [side, side, 3] uint8.

    Returns:
      Outputs by name, each [B, ...] float32.
    """
    parts = []
    for start in range(0, len(crops), _MAX_BATCH):
      batch = np.stack(crops[start : start + _MAX_BATCH])
      parts.append(self._function(tf.constant(batch)))
    return {
      name: np.concatenate([part[name] for part in parts]) for name in parts[0]
    }


@cache
def shared_network(name: str, low: float = 0.0) -> Network:
  """The network of that name, loaded and compiled once in a process."""
  return Network(name, low)
