"""How long a frame of a video takes, beside a photo: one person, 720p."""

import statistics
import time
from collections.abc import Callable

import cv2
import numpy as np

from hund_tf.body.model import BodyModel
from hund_tf.detection.detector import PeopleDetector
from hund_tf.geometry import camera
from hund_tf.losses.alignment import AlignmentObjective
from hund_tf.reconstruction import method_config
from hund_tf.reconstruction.method_config import MethodConfig
from hund_tf.reconstruction.reconstructor import Reconstructor
from hund_tf.types import Intrinsics, state_from_vector
from hund_tf.video import pictures
from hund_tf.video.fitting import MethodFitter
from hund_tf.video.reading import Frame
from hund_tf.video.shapes import ShapeHolder
from hund_tf.video.watching import Watcher

_SIZE = (720, 1280)  # height and width of frames, pixels
_FRAMES = 20  # of a clip, two searches


def frame_of(photo: np.ndarray, frame: tuple[int, int] = _SIZE) -> np.ndarray:
  """A frame `[H, W, 3]` with a photo in its middle, as large as fits.

  Args:
    photo: uint8 RGB.
    frame: H and W, pixels.
  """
  height, width = photo.shape[:2]
  scale = min(frame[1] / width, frame[0] / height)
  size = round(width * scale), round(height * scale)
  small = cv2.resize(photo, size, interpolation=cv2.INTER_AREA)
  image = np.full((*frame, 3), 110, np.uint8)
  left, top = (frame[1] - size[0]) // 2, (frame[0] - size[1]) // 2
  image[top : top + size[1], left : left + size[0]] = small
  return image


def _median(function: Callable, repeats: int) -> float:
  """Median seconds of a call, after one that warms up."""
  function()
  times = []
  for _ in range(repeats):
    begin = time.perf_counter()
    function()
    times.append(time.perf_counter() - begin)
  return statistics.median(times)


def measure(photo: np.ndarray, repeats: int) -> dict[str, float]:
  """Seconds of a photo, and of a frame of a clip by steps.

  Args:
    photo: `[H, W, 3]` uint8 RGB, of one person.
    repeats: of each.
  """
  image = frame_of(photo)
  intrinsics = camera.default_intrinsics(*image.shape[:2])
  intrinsics = Intrinsics(*(np.asarray(x) for x in intrinsics))
  body_model, config = BodyModel(), MethodConfig()
  objective = AlignmentObjective(body_model)
  method = method_config.make_method(config, objective)
  quality = method_config.find_calibration(config, objective)
  detector = PeopleDetector()
  reconstructor = Reconstructor(method, quality, uncertainty=method.uncertainty)
  fitter = MethodFitter(method, 2, quality)
  frames = [Frame(i, i / 30.0, image) for i in range(_FRAMES)]
  cold, warm = (
    Watcher(detector, fitter, intrinsics, warm=warm) for warm in (False, True)
  )
  chunk = cold(frames)
  holder = ShapeHolder(
    body_model, method_config.find_anchor(config, body_model)
  )
  shapes = np.repeat(chunk.people.polished[:1, 159:175], len(chunk.owners), 0)
  state = state_from_vector(chunk.people.polished[:1])
  faces = body_model.faces(pictures.MESH)

  def drawn() -> None:
    body = body_model.decode(state, pictures.MESH)
    figure = pictures.Figure(0, body.vertices.numpy()[0], faces)
    pictures.draw(image, [figure], intrinsics)

  return {
    "photo": _median(
      lambda: reconstructor(detector.detect(image), intrinsics, image), repeats
    ),
    "seeing": _median(lambda: cold(frames), repeats) / _FRAMES,
    "seeing, warm": _median(lambda: warm(frames), repeats) / _FRAMES,
    "one body": _median(
      lambda: holder(chunk.people, shapes, intrinsics), repeats
    )
    / len(shapes),
    "drawing": _median(drawn, repeats),
  }
