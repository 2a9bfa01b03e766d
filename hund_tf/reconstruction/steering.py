"""People steered by what somebody knows better than the detector.

The descent goes on from (s_M, m_M), the end of its stages, with the corrected
keypoints in K. The polish then meets them, and leaves locked joints where they
are. What faces and hands made of the body is kept: the step from the polished
state to that with them is taken from s_M too. Every steering goes on from the
person as it was found, with all that was corrected so far: the order does not
matter.
"""

from typing import NamedTuple

import numpy as np

from hund_tf.body import keypoints as table
from hund_tf.body import skeleton
from hund_tf.compat import tf
from hund_tf.detection.interface import Detection
from hund_tf.geometry import placement
from hund_tf.losses.heatmaps import with_keypoints
from hund_tf.models.hund.polish_steps import step_between, stepped
from hund_tf.models.hund.polish_wishes import Held
from hund_tf.photos.corrections import Correction
from hund_tf.reconstruction.methods import HundMethod
from hund_tf.types import (
  CROP_SIZE,
  NUM_JOINTS,
  NUM_KEYPOINTS,
  HumanState,
  ImageFeatures,
  Intrinsics,
  RefinementState,
)

_MESH = "proxy_1500"  # joints do not depend on it
# They are left as they were unless one of their keypoints is corrected.
_PARTS = table.LEFT_HAND, table.RIGHT_HAND, table.FACE


def corrected(detection: Detection, correction: Correction) -> Detection:
  """A detection as somebody corrects it.

  A corrected keypoint is sure; its 3D landmark, of which nobody knows, is not
  looked at.
  """
  points = np.array(detection.keypoints, np.float32)
  spatial = detection.landmarks_3d
  spatial = None if spatial is None else np.array(spatial, np.float32)
  for name, place in correction.keypoints.items():
    row = table.INDEX[name]
    points[row] = [*place, 1.0]
    if spatial is not None:
      spatial[row, 3] = 0.0
  return detection._replace(keypoints=points, landmarks_3d=spatial)


class Problem(NamedTuple):
  """One person who is to be steered, as a batch of one."""

  features: ImageFeatures  # with what is corrected, but perhaps not in K
  trace: RefinementState  # of the person as it was found, [1, M + 1, ...]
  camera: Intrinsics  # of the crop, fields [1, 2], crop pixels
  crop_box: np.ndarray  # [4] photo pixels


def seen_by(
  trace: RefinementState, before: Intrinsics, now: Intrinsics
) -> RefinementState:
  """A trace whose bodies a camera sees where another one saw them.

  Args:
    trace: of one person, fields `[M + 1, ...]`.
    before: intrinsics of its crop, fields `[1, 2]`, crop pixels.
    now: likewise, of the camera as it is known now.

  Returns:
    Fields `[1, M + 1, ...]`.
  """
  place = placement.encode(trace.state.translation, before)
  state = trace.state._replace(translation=placement.decode(place, now))
  return tf.nest.map_structure(
    lambda x: tf.convert_to_tensor(x)[None], trace._replace(state=state)
  )


def steer(
  method: HundMethod,
  problem: Problem,
  correction: Correction,
  num_stages: int = 0,
) -> RefinementState:
  """The trace `[1, ...]` of a person who is steered.

  Args:
    method: the learned descent with its polish, of which the trace is.
    problem: the person.
    correction: all that is known better.
    num_stages: that the descent goes on for.

  Raises:
    ValueError: if the method does not polish.
  """
  places, said = _places(correction, problem.crop_box)
  start = _start(method, problem)
  locked = np.zeros([1, NUM_JOINTS], np.float32)
  for name in correction.locked or ():
    locked[0, skeleton.INDEX[name]] = 1.0
  last = _row(problem.trace.state, -1)
  held = Held(
    tf.constant(places),
    tf.cast(said, tf.float32),
    method.objective.body_model.decode(last, _MESH).joints,
    tf.constant(locked),
    tf.constant([[float(said[0, rows].any()) for rows in _PARTS]]),
  )
  return method.resume(
    with_keypoints(problem.features, held.keypoints, tf.constant(said)),
    problem.camera,
    problem.trace,
    num_stages,
    lambda _: start,
    held,
  )


def _places(
  correction: Correction, box: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
  """Corrected keypoints `[1, 137, 2]` crop pixels, and which, `[1, 137]`."""
  places = np.zeros([1, NUM_KEYPOINTS, 2], np.float32)
  said = np.zeros([1, NUM_KEYPOINTS], bool)
  for name, place in correction.keypoints.items():
    row = table.INDEX[name]
    places[0, row] = (np.asarray(place) - box[:2]) * (CROP_SIZE / box[2])
    said[0, row] = True
  return places, said


def _start(method: HundMethod, problem: Problem) -> HumanState:
  """s_M, moved as parts moved the polished state."""
  states, lens = problem.trace.state, problem.camera
  polished = _row(states, method.stages + 1)
  step = step_between(polished, _row(states, -1), lens)
  return stepped(_row(states, method.stages), step, lens)


def _row(states, index: int):
  return tf.nest.map_structure(lambda x: x[:, index], states)
