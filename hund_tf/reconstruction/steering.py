"""People steered by what somebody knows better than the detector.

The descent goes on from (s_M, m_M), the end of its stages, with the corrected
keypoints in K. The polish then meets them, and leaves locked joints where they
are. What faces and hands made of the body is kept: the step from the polished
state to that with them is taken from s_M too. Every steering goes on from the
person as it was found, with all that was corrected so far: the order does not
matter. People whom terms relate are steered together.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from hund_tf.body import keypoints as table
from hund_tf.body import skeleton
from hund_tf.compat import tf
from hund_tf.detection.interface import Detection
from hund_tf.geometry import camera, placement
from hund_tf.losses.heatmaps import with_keypoints
from hund_tf.models.hund.polish_pairs import Relations
from hund_tf.models.hund.polish_steps import step_between, stepped
from hund_tf.models.hund.polish_wishes import Held
from hund_tf.photos.corrections import Correction
from hund_tf.reconstruction import final_states
from hund_tf.reconstruction.methods import HundMethod
from hund_tf.reconstruction.people import Crops, Person, Steered
from hund_tf.types import (
  CROP_SIZE,
  NUM_JOINTS,
  NUM_KEYPOINTS,
  HumanState,
  Intrinsics,
  RefinementState,
)

_MESH = "proxy_1500"  # joints do not depend on it
# They are left as they were unless one of their keypoints is corrected.
_PARTS = table.LEFT_HAND, table.RIGHT_HAND, table.FACE


def asked(
  person: Person, before: Intrinsics, correction: Correction
) -> Steered:
  """What a person is to be made of: all that was corrected so far.

  Args:
    person: as found, or steered already.
    before: intrinsics of the photo as the person was reconstructed.
    correction: what is known better now.
  """
  earlier = person.steered or Steered(person, before, Correction())
  return earlier._replace(correction=correction.after(earlier.correction))


def height(steered: Steered) -> float | None:
  """A person's stature, metres, if it is known."""
  found = steered.found
  if steered.correction.height_m is None and found.height_given:
    return found.height_m
  return steered.correction.height_m


def corrected(steered: Steered) -> Detection:
  """A person's detection as somebody corrects it.

  A corrected keypoint is sure; its 3D landmark, of which nobody knows, is not
  looked at.
  """
  detection, correction = steered.found.detection, steered.correction
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
  """B people who are to be steered."""

  asked: Sequence[Steered]  # what is known of each
  crops: Crops  # with what is corrected, but perhaps not in K
  traces: Sequence[RefinementState]  # as they were found, [M_i + 1, ...]
  heights: Sequence[float | None]  # statures that are known, metres


def seen_by(steered: Steered, now: Intrinsics) -> RefinementState:
  """A trace whose bodies a camera sees where another one saw them.

  Args:
    steered: whose trace it is, fields `[M + 1, ...]`.
    now: intrinsics of the crop as the camera is known now, fields `[2]`, crop
      pixels.
  """
  found = steered.found
  before = camera.crop_intrinsics(steered.intrinsics, found.crop_box)
  state = found.trace.state
  place = placement.encode(state.translation, before)
  place = placement.decode(place, now).numpy()
  return found.trace._replace(state=state._replace(translation=place))


def steer(
  method: HundMethod,
  problem: Problem,
  num_stages: int = 0,
  relations: Relations = (),
) -> RefinementState:
  """The traces `[B, ...]` of people who are steered.

  Args:
    method: the learned descent with its polish, of which the traces are.
    problem: the people.
    num_stages: that the descent goes on for.
    relations: terms of pairs of them. Who has a stature keeps it, so that what
      the terms see is what comes out.

  Raises:
    ValueError: if the method does not polish.
  """
  crops, body_model = problem.crops, method.objective.body_model
  trace = _ends(problem.traces, method.stages)
  start, last = _start(trace.state, crops.crop_cameras), _row(trace.state, -1)
  may_change = None
  if relations and any(height is not None for height in problem.heights):
    given = crops.cameras, problem.heights
    start = final_states.made_tall(body_model, start, *given)
    last = final_states.made_tall(body_model, last, *given)
    may_change = tf.constant([[float(x is None)] for x in problem.heights])
  places, said, locked = _said(problem.asked)
  parts = np.stack([said[:, rows].any(axis=1) for rows in _PARTS], axis=1)
  held = Held(
    tf.constant(places),
    tf.cast(said, tf.float32),
    body_model.decode(last, _MESH).joints,
    tf.cast(locked, tf.float32),
    tf.cast(parts, tf.float32),
    may_change,
  )
  return method.resume(
    with_keypoints(crops.features, held.keypoints, tf.constant(said)),
    crops.crop_cameras,
    trace,
    num_stages,
    lambda _: start,
    held,
    relations,
  )


def _said(
  asked: Sequence[Steered],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  """Corrected keypoints, which they are, and which joints are locked.

  Returns:
    `[B, 137, 2]` crop pixels, `[B, 137]` bool, `[B, 63]` bool.
  """
  places = np.zeros([len(asked), NUM_KEYPOINTS, 2], np.float32)
  said = np.zeros([len(asked), NUM_KEYPOINTS], bool)
  locked = np.zeros([len(asked), NUM_JOINTS], bool)
  for i, (found, _, correction) in enumerate(asked):
    box = found.crop_box
    for name, place in correction.keypoints.items():
      row = table.INDEX[name]
      places[i, row] = (np.asarray(place) - box[:2]) * (CROP_SIZE / box[2])
      said[i, row] = True
    locked[i, [skeleton.INDEX[name] for name in correction.locked or ()]] = True
  return places, said, locked


def _ends(traces: Sequence[RefinementState], stages: int) -> RefinementState:
  """Where people are gone on from, of traces `[M_i + 1, ...]`.

  Returns:
    Fields `[B, M + 3, ...]`: those of the stages, polished, and with the parts.
  """
  return tf.nest.map_structure(
    lambda *rows: tf.stack(
      [np.concatenate([x[: stages + 2], x[-1:]]) for x in rows]
    ),
    *traces,
  )


def _start(states: HumanState, crop_cameras: Intrinsics) -> HumanState:
  """s_M, moved as parts moved the polished state, of the states of `_ends`."""
  polished, last = _row(states, -2), _row(states, -1)
  step = step_between(polished, last, crop_cameras)
  return stepped(_row(states, -3), step, crop_cameras)


def _row(states, index: int):
  return tf.nest.map_structure(lambda x: x[:, index], states)
