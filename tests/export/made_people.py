"""Reconstructed people, without a reconstruction."""

import numpy as np

from hund_tf import types
from hund_tf.detection.interface import Detection
from hund_tf.reconstruction.reconstructor import Person


def make(body_model) -> list[Person]:
  """Two people side by side, each with four states."""
  random = np.random.default_rng(0)
  draw = lambda size: 0.3 * random.normal(size=(8, size)).astype(np.float32)
  states = types.HumanState(*(draw(size) for size in types.STATE_DIMS))
  facing = np.tile(np.float32([1, 0, 0, -1, 0, 0]), (8, 1))  # the camera
  places = np.float32([[-0.6, 0, 3.2], [0.6, 0, 3.2]]).repeat(4, axis=0)
  places[:, 1] += np.tile([0.6, 0.4, 0.2, 0.0], 2).astype(np.float32)
  states = states._replace(rotation=facing, translation=places)
  bodies = [np.array(x) for x in body_model.decode(states)]
  people = []
  for last, name in ((3, "left"), (7, "right")):
    rows = slice(last - 3, last + 1)
    trace = types.RefinementState(
      types.HumanState(*(x[rows] for x in states)),
      types.AlignmentTerms(*([np.float32([9, 5, 3, 2])] * 5)),
      np.zeros([4, 0], np.float32),
      np.arange(4, dtype=np.float32),
    )
    people.append(
      Person(
        detection=Detection(
          np.float32([10, 20, 100, 200]),
          0.75 if name == "left" else 0.5,
          np.zeros([137, 3], np.float32),
        ),
        crop_box=np.float32([5, 15, 50, 50]),
        state=types.HumanState(*(x[last] for x in states)),
        body=types.BodyOutput(*(x[last] for x in bodies)),
        keypoints_2d=np.zeros([137, 2], np.float32),
        trace=trace,
        quality=0.625,
        uncertainty=np.full(63, 31.0),
      )
    )
  return people
