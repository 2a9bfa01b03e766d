"""Predictions for all videos of Human3.6M's withheld subjects."""

import numpy as np

from hund_tf.evaluation.predictions import Predictions
from tests.datasets.human36m.fixture import CAMERAS

ACTIONS = (
  "Directions Discussion Eating Greeting Phoning Posing Purchases Sitting "
  "SittingDown Smoking TakingPhoto Waiting Walking WalkingDog WalkTogether"
).split()
# SPIN's 17 of the 32 joints, of which two are doubles.
SPIN = (11, 6, 7, 8, 1, 2, 3, 12, 24, 14, 15, 17, 18, 19, 25, 26, 27)
DOUBLES = {11: 0, 24: 13}
FRAMES = 3
# First takes that the data set does not number 1.
_SECONDS = {("S2", "SittingDown"), ("S4", "WalkTogether")}


def numbers_of(subject, action):
  return ("2", "3") if (subject, action) in _SECONDS else ("1", "2")


def predictions(subjects=("S2", "S3", "S4")):
  """Every frame of all takes, in no order; joint j of a frame is at (v, f, j).

  v is the number of the video and f of the frame, millimetres; j is its number
  among the 32 joints.
  """
  keys, joints, video = [], [], 0
  for subject in subjects:
    for action in ACTIONS:
      for number in numbers_of(subject, action):
        for camera in CAMERAS:
          for frame in range(FRAMES):
            keys.append(f"{subject}/{action} {number}/{camera}/{frame:06d}")
            numbers = [DOUBLES.get(j, j) for j in SPIN]
            place = [[video, frame, j] for j in numbers]
            joints.append(np.array(place) / 1e3 + [0.1, 0.2, 5.0])
            # The pelvis is subtracted: only what differs from it is left.
            joints[-1][1:, :2] += np.array([video, frame]) / 1e3
          video += 1
  order = np.random.default_rng(0).permutation(len(keys))
  return Predictions(
    tuple(keys[i] for i in order), {"joints_17": np.array(joints)[order]}
  )
