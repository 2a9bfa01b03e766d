"""Stand-ins: frames, a detector and a fitter that know whom they show.

A frame is grey, and each person a square of a colour of its own.
"""

import numpy as np

from hund_tf.detection.interface import Detection, empty_keypoints
from hund_tf.types import NUM_JOINTS, STATE_SIZE, Intrinsics
from hund_tf.video.fitting import Fit
from hund_tf.video.reading import Frame

COLORS = ((220, 30, 30), (30, 30, 220), (30, 220, 30))
INTRINSICS = Intrinsics(np.array([100.0, 100.0]), np.array([80.0, 45.0]))
SIDE = 30


def frame(number, people, back=90):
  """A frame with squares of colours (0 to 2) at x, y."""
  image = np.full((90, 160, 3), back, np.uint8)
  for color, x, y in people:
    image[y : y + SIDE, max(x, 0) : x + SIDE] = COLORS[color]
  return Frame(number, number / 30.0, image)


class Detector:
  """Finds the squares; keeps the boxes that it was asked for."""

  def __init__(self):
    self.asked = []

  def detect(self, image, boxes=None, max_people=None):
    del max_people
    self.asked.append(None if boxes is None else np.array(boxes))
    found = []
    for color in COLORS:
      mask = np.all(np.abs(image.astype(int) - color) < 60, axis=-1)
      rows, columns = np.nonzero(mask)
      if not len(rows):
        continue
      low = np.array([columns.min(), rows.min()], np.float32)
      box = np.array([*low, SIDE, SIDE], np.float32)
      if boxes is not None:
        near = [b for b in boxes if np.abs(b[:2] - low).max() < SIDE / 2]
        if not near:
          continue
        box = np.asarray(near[0], np.float32)
      points = empty_keypoints()
      points[:4] = [
        (*(low + d), 0.9) for d in ((2, 2), (27, 2), (2, 27), (27, 27))
      ]
      found.append(Detection(box, 0.9, points, mask.astype(np.uint8)))
    return found


class Fitter:
  """States with the place in them; keeps the starts that it was given."""

  def __init__(self):
    self.starts = []

  def __call__(self, images, people, intrinsics, starts):
    del images
    self.starts.append(list(starts))
    fits = []
    for person in people:
      corner = person.keypoints[0, :2] - 2
      state = np.zeros(STATE_SIZE, np.float32)
      state[-9:-3] = [1.0, 0.0, 0.0, -1.0, 0.0, 0.0]
      middle = corner + SIDE / 2
      state[-3:-1] = 4.0 * (middle - intrinsics.center) / intrinsics.focal
      state[-1] = 4.0
      fits.append(
        Fit(
          np.array([*(corner - 3), 36.0, 36.0], np.float32),
          np.ones((60, 60), np.float32),
          state,
          state,
          state,
          np.full(4, len(self.starts), np.float32),
          0.8,
          np.full(NUM_JOINTS, 40.0, np.float32),
          np.array([*corner, SIDE, SIDE], np.float32),
        )
      )
    return fits
