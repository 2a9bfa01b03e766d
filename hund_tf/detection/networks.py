"""MediaPipe's bundled networks, run through the TensorFlow Lite interpreter.

The files lie inside the mediapipe wheel; nothing is downloaded. Driving them
directly (rather than through MediaPipe's graphs, which follow one person only)
gives full control of the regions they look at.
"""

import importlib.util
from functools import cache
from pathlib import Path

import numpy as np

from hund_tf.compat import tf

POSE_DETECTION = "pose_detection/pose_detection.tflite"
POSE_LANDMARK = "pose_landmark/pose_landmark_full.tflite"
FACE_DETECTION = "face_detection/face_detection_short_range.tflite"
FACE_LANDMARK = "face_landmark/face_landmark.tflite"
IRIS_LANDMARK = "iris_landmark/iris_landmark.tflite"
HAND_RECROP = "holistic_landmark/hand_recrop.tflite"
HAND_LANDMARK = "hand_landmark/hand_landmark_full.tflite"


@cache
def modules_folder() -> Path:
  """The folder of the mediapipe package that holds its networks.

  Raises:
    FileNotFoundError: if mediapipe is not installed.
  """
  spec = importlib.util.find_spec("mediapipe")
  if spec is None or not spec.submodule_search_locations:
    raise FileNotFoundError(
      "mediapipe is not installed: its bundled networks are needed to find "
      "people; install mediapipe==0.10.14"
    )
  return Path(list(spec.submodule_search_locations)[0]) / "modules"


class Network:
  """A TensorFlow Lite network with one image input.

  Args:
    name: path below mediapipe's `modules` folder.
    num_threads: CPU threads.

  Raises:
    FileNotFoundError: if the file is not there.
  """

  def __init__(self, name: str, num_threads: int = 1):
    path = modules_folder() / name
    if not path.is_file():
      raise FileNotFoundError(
        f"{path}: not found; expected the network of mediapipe==0.10.14"
      )
    self._interpreter = tf.lite.Interpreter(str(path), num_threads=num_threads)
    self._interpreter.allocate_tensors()
    self._input = self._interpreter.get_input_details()[0]
    self._outputs = {
      d["name"]: d["index"] for d in self._interpreter.get_output_details()
    }
    self.side = int(self._input["shape"][1])

  def __call__(
    self, image: np.ndarray, low: float = 0.0
  ) -> dict[str, np.ndarray]:
    """Runs on an [side, side, 3] uint8 image, scaled to [low, 1].

    Returns:
      Outputs by tensor name, without the batch dimension.
    """
    values = image.astype(np.float32) * ((1.0 - low) / 255.0) + low
    self._interpreter.set_tensor(self._input["index"], values[None])
    self._interpreter.invoke()
    return {
      name: self._interpreter.get_tensor(index)[0]
      for name, index in self._outputs.items()
    }
