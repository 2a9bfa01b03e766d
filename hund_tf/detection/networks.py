"""The networks that find and read people, ready to run on crops of photos."""

import functools
from pathlib import Path

import numpy as np

from hund_tf.compat import tf
from hund_tf.detection.graphs.graph import load_graph
from hund_tf.detection.graphs.module import frozen_function

ASSETS = Path(__file__).parent / "assets"
MAX_BATCH = 16  # crops that a network reads at once

POSE_DETECTION = "pose_detection"
POSE_LANDMARK = "pose_landmark"
FACE_DETECTION = "face_detection"
FACE_LANDMARK = "face_landmark"
IRIS_LANDMARK = "iris_landmark"
HAND_RECROP = "hand_recrop"
HAND_LANDMARK = "hand_landmark"
MOVENET_THUNDER = "movenet_thunder"
NANODET = "nanodet"

# ImageNet's mean and deviation of blue, green and red.
_MEAN, _DEVIATION = (103.53, 116.28, 123.675), (57.375, 57.12, 58.395)


def prepared(name: str, images: tf.Tensor) -> tf.Tensor:
  """RGB images in [0, 255], float32, as the network of that name reads them."""
  if name == MOVENET_THUNDER:
    return images
  if name == NANODET:
    return (images[..., ::-1] - _MEAN) / _DEVIATION
  low = -1.0 if name in (POSE_DETECTION, FACE_DETECTION) else 0.0
  return images * ((1.0 - low) / 255.0) + low


class Network:
  """A network that reads square RGB crops.

  Args:
    name: of a file in the folder `assets`, without its ending.

  Raises:
    FileNotFoundError: if there is no such file.
  """

  def __init__(self, name: str):
    self._name = name
    self._graph = load_graph(ASSETS / f"{name}.npz")
    self.side = self._graph.input_shape[0]

  @functools.cached_property
  def _function(self):
    """Compiled at the first call, which takes longer than the others."""
    prepare = functools.partial(prepared, self._name)
    return frozen_function(self._graph, prepare, tf.float32)

  def __call__(self, crops: np.ndarray) -> dict[str, np.ndarray]:
    """Reads B > 0 crops [B, side, side, 3], RGB in [0, 255].

    Returns:
      Outputs by name, each [B, ...] float32.
    """
    parts = []
    for start in range(0, len(crops), MAX_BATCH):
      batch = tf.constant(crops[start : start + MAX_BATCH], tf.float32)
      parts.append(self._function(batch))
    return {
      name: np.concatenate([part[name] for part in parts]) for name in parts[0]
    }


@functools.cache
def shared_network(name: str) -> Network:
  """The network of that name, loaded and compiled once in a process."""
  return Network(name)
