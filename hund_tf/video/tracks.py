"""The second pass: who is who, one body for each, and steady motion."""

import dataclasses
import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from hund_tf.body import skeleton
from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.reconstruction.stature import shape_with_stature
from hund_tf.types import (
  SHAPE_DIM,
  Intrinsics,
  state_from_vector,
)
from hund_tf.video import contacts, legs, steadying
from hund_tf.video.assignment import EXPRESSION, Assignment, Members
from hund_tf.video.shapes import ShapeHolder
from hund_tf.video.sightings import Chunk
from hund_tf.video.steadying import MotionConfig

_TOGETHER = 64  # bodies that are posed together
_LEAST_WEIGHT = 0.1


@dataclasses.dataclass(eq=False)
class Track:
  """A person through a video; T frames, those filled in included.

  Attributes:
    id: number of the person.
    frames: `[T]` numbers of the frames, rising.
    seconds: `[T]` since the first frame of the video.
    observed: bool `[T]`; false where the person is filled in.
    pieces: `[T]` int, which piece without a cut or a long gap.
    boxes: `[T, 4]` pixels; NaN where not observed.
    quality: `[T]` in [0, 1]; NaN where it is not known.
    uncertainty: `[T, 63]` mm; NaN where it is not known.
    shape: `[T, 16]` latents, all the same but of a live view.
    expression: `[T, 20]` latents.
    rotations: `[T, 63, 3, 3]` of each joint against its parent; the pelvis's
      from the body frame to the camera frame.
    translation: `[T, 3]` metres, camera frame: where the pelvis is.
    contacts: bool `[T, 2]`: the left and the right foot stand.
  """

  id: int
  frames: np.ndarray
  seconds: np.ndarray
  observed: np.ndarray
  pieces: np.ndarray
  boxes: np.ndarray
  quality: np.ndarray
  uncertainty: np.ndarray
  shape: np.ndarray
  expression: np.ndarray
  rotations: np.ndarray
  translation: np.ndarray
  contacts: np.ndarray


def build_tracks(
  assignment: Assignment,
  chunks: Iterable[Chunk],
  holder: ShapeHolder,
  body_model: BodyModel,
  intrinsics: Intrinsics,
  config: MotionConfig,
  heights: Sequence[float | None] | None = None,
) -> list[Track]:
  """Bodies and motions of all people of a video.

  Args:
    assignment: that all chunks were added to.
    chunks: the same again.
    holder: fits poses to known shapes.
    body_model: of the states.
    intrinsics: of the video, fields `[2]`, pixels.
    config: how motions are smoothed.
    heights: statures in the order of numbers, metres; None: not known.
  """
  known = heights or [None] * len(assignment.members)
  shapes = {
    one: _shapes(member, config.live, height, body_model)
    for (one, member), height in zip(
      assignment.members.items(), known, strict=True
    )
  }
  owners = {
    row: (one, i)
    for one, member in assignment.members.items()
    for i, row in enumerate(member.rows)
  }
  states: dict[int, list[Any]] = {
    one: [None] * len(m.rows) for one, m in assignment.members.items()
  }
  seen: dict[int, list[Any]] = {
    one: [None] * len(m.rows) for one, m in assignment.members.items()
  }
  for index, chunk in enumerate(chunks):
    rows = [i for i in range(len(chunk.owners)) if (index, i) in owners]
    people = chunk.people.row(np.array(rows, int))
    given = [owners[index, i] for i in rows]
    known = np.reshape([shapes[one][i] for one, i in given], (-1, SHAPE_DIM))
    fitted = holder(people, known.astype(np.float32), intrinsics)
    for row, (one, i) in enumerate(given):
      states[one][i] = fitted[row]
      seen[one][i] = (
        people.box[row],
        people.quality[row],
        people.uncertainty[row],
      )
  return [
    _track(
      one,
      assignment,
      np.array(states[one]),
      [np.array(column) for column in zip(*seen[one], strict=True)],
      shapes[one],
      body_model,
      config,
    )
    for one in assignment.members
  ]


def _shapes(
  member: Members, live: bool, height: float | None, body_model: BodyModel
) -> np.ndarray:
  """The shape of one person, for each frame: `[T, 16]`."""
  shapes, weights = np.array(member.shapes), np.array(member.weights)
  if live:
    total = np.cumsum(weights)[:, None]
    means = np.cumsum(weights[:, None] * shapes, axis=0) / total
    return np.stack([as_tall(mean, height, body_model) for mean in means])
  mean = np.average(shapes, axis=0, weights=weights)
  mean = as_tall(mean, height, body_model)
  return np.repeat(mean[None], len(shapes), axis=0)


def as_tall(
  shape: np.ndarray, height: float | None, body_model: BodyModel
) -> np.ndarray:
  """A shape `[16]` of a stature, metres, if that is known."""
  if height is None:
    return shape
  return shape_with_stature(body_model, tf.constant(shape), height).numpy()


def _track(
  one: int,
  assignment: Assignment,
  states: np.ndarray,
  seen: Sequence[np.ndarray],
  shapes: np.ndarray,
  body_model: BodyModel,
  config: MotionConfig,
) -> Track:
  member = assignment.members[one]
  rotations = _rotations(body_model, states)
  pieces = []
  seconds, scenes = np.array(member.seconds), np.array(member.scenes)
  parted = (np.diff(seconds) > config.gap_s + 1e-6) | (np.diff(scenes) > 0)
  bounds = [0, *(np.flatnonzero(parted) + 1), len(seconds)]
  for number, (begin, end) in enumerate(itertools.pairwise(bounds)):
    some = np.arange(begin, end)
    pieces.append(
      _piece(
        one,
        number,
        assignment,
        np.array(member.frames)[some],
        states[some],
        rotations[some],
        [column[some] for column in seen],
        shapes[some],
        body_model,
        config,
      )
    )
  columns = {
    field.name: np.concatenate([getattr(p, field.name) for p in pieces])
    for field in dataclasses.fields(Track)
    if field.name != "id"
  }
  return Track(id=one, **columns)


def _piece(
  one: int,
  number: int,
  assignment: Assignment,
  places: np.ndarray,
  states: np.ndarray,
  rotations: np.ndarray,
  seen: Sequence[np.ndarray],
  shapes: np.ndarray,
  body_model: BodyModel,
  config: MotionConfig,
) -> Track:
  """What lies between two cuts or long gaps, filled in and smoothed."""
  first, count = places[0], places[-1] - places[0] + 1
  rows = places - first
  every = np.arange(first, first + count)
  seconds = np.array(assignment.seconds)[every]
  spread = lambda x, fill: _spread(x, rows, count, fill)
  boxes, quality, uncertainty = (spread(x, np.nan) for x in seen)
  observed = spread(np.ones(len(rows), bool), False)
  weights = spread(_weights(seen[2]), 0.0)
  rotations = spread(rotations, 0.0)
  translation = spread(states[:, -3:], 0.0)
  expression = spread(states[:, EXPRESSION], 0.0)
  held = shapes[np.searchsorted(rows, np.arange(count), side="right") - 1]
  smooth = steadying.live if config.live else steadying.offline
  rotations, translation, expression = smooth(
    rotations, translation, expression, seconds, weights, config
  )
  track = Track(
    id=one,
    frames=np.array(assignment.frames)[every],
    seconds=seconds,
    observed=observed,
    pieces=np.full(count, number),
    boxes=boxes,
    quality=quality,
    uncertainty=uncertainty,
    shape=held,
    expression=expression,
    rotations=rotations,
    translation=translation,
    contacts=np.zeros((count, 2), bool),
  )
  if config.ground_feet and not config.moving_camera and not config.live:
    _ground(track, body_model)
  return track


def _spread(
  values: np.ndarray, rows: np.ndarray, count: int, fill: float
) -> np.ndarray:
  """Values of some rows of `count`, and another one in the others."""
  result = np.full((count, *values.shape[1:]), fill, values.dtype)
  result[rows] = values
  return result


def _weights(uncertainty: np.ndarray) -> np.ndarray:
  """How much rotations `[T, 63]` count by expected errors `[T, 63]`, mm.

  1 as usual; what counts for a joint are the errors of all that it moves, and
  so those of the whole body for the pelvis.
  """
  if not np.isfinite(uncertainty).all():
    return np.ones(uncertainty.shape)
  moved = np.eye(len(skeleton.PARENTS))
  for joint, parent in reversed(list(enumerate(skeleton.PARENTS))[1:]):
    moved[parent] += moved[joint]
  error = uncertainty @ (moved / moved.sum(axis=1, keepdims=True)).T
  weights = (np.median(error, axis=0) / np.maximum(error, 1e-3)) ** 2
  return np.clip(weights, _LEAST_WEIGHT, 2.0)


def _ground(track: Track, body_model: BodyModel) -> None:
  """Keeps standing feet in place."""
  parts = [
    posed(body_model, track, slice(i, i + _TOGETHER), "proxy_1500").joints
    for i in range(0, len(track.frames), _TOGETHER)
  ]
  joints = np.concatenate(parts)
  places = contacts.feet(joints)
  track.contacts = contacts.find(places, track.seconds)
  moved, left = contacts.corrections(
    places, track.contacts, track.translation, track.seconds
  )
  track.translation = track.translation + moved
  track.rotations = legs.placed(track.rotations, joints + moved[:, None], left)


def _rotations(body_model: BodyModel, states: np.ndarray) -> np.ndarray:
  """Rotations `[T, 63, 3, 3]` of states `[T, 204]`."""
  found = [
    body_model.rotations(
      state_from_vector(tf.constant(states[i : i + _TOGETHER], tf.float32))
    ).numpy()
    for i in range(0, len(states), _TOGETHER)
  ]
  return np.concatenate(found)


def posed(
  body_model: BodyModel, track: Track, rows: slice | np.ndarray, mesh: str
):
  """Bodies `BodyOutput` of some frames of a track, arrays in numpy."""
  given = (
    track.rotations[rows],
    track.shape[rows],
    track.expression[rows],
    track.translation[rows],
  )
  body = body_model.pose_driven(
    *(tf.constant(x, tf.float32) for x in given), mesh=mesh
  )
  return type(body)(*(x.numpy() for x in body))
