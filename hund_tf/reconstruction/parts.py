"""The parts of people: faces and hands read, judged, and put onto bodies."""

import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.detection.interface import Detection
from hund_tf.geometry import camera
from hund_tf.losses.heatmaps import target_from_features
from hund_tf.reconstruction import fusion
from hund_tf.reconstruction.attention import FACE, HANDS, PARTS, ROWS
from hund_tf.reconstruction.methods import Method
from hund_tf.reconstruction.part_config import PartsConfig
from hund_tf.reconstruction.part_gates import refused, sight_of
from hund_tf.reconstruction.part_reading import read_parts
from hund_tf.reconstruction.part_results import PartReader, PartResult
from hund_tf.reconstruction.polished_end import parts_read
from hund_tf.types import (
  EXPRESSION_DIM,
  HAND_POSE_DIM,
  SHAPE_DIM,
  FaceState,
  HandState,
  HumanState,
  ImageFeatures,
  Intrinsics,
  RefinementState,
)

_MESH = "proxy_1500"  # joints and keypoints do not depend on it
# What a descent that goes on changes; hands and faces are kept.
_OF_BODY = ("body_pose", "shape", "rotation", "translation")
# Times as far from where a face is seen as before: with a turned head, and
# where steering alone is worth while.
_NO_FARTHER, _NEARER = 1.1, 0.8
_NO_TURN = np.eye(3, 2).ravel()
_NO_HAND = HandState(
  np.zeros(HAND_POSE_DIM), np.zeros(1), _NO_TURN, np.zeros(3)
)
_NO_FACE = FaceState(
  np.zeros(EXPRESSION_DIM),
  np.zeros(SHAPE_DIM),
  np.zeros(2),
  _NO_TURN,
  np.zeros(3),
)


class Whole(NamedTuple):
  """What is known of the people of a batch before their parts are seen."""

  detections: Sequence[Detection]  # B
  photo_sizes: Sequence[tuple[int, int] | None]  # B heights and widths, pixels
  cameras: Intrinsics  # of the photos, fields [B, 2], pixels
  features: ImageFeatures  # of the crops of whole people, [B, ...]
  crop_cameras: Intrinsics  # of these crops, fields [B, 2], crop pixels
  trace: RefinementState  # of the bodies, [B, M+1, ...]


class Fused(NamedTuple):
  """What parts make of one person; arrays are numpy, without a batch axis."""

  parts: tuple[PartResult, ...]
  state: HumanState | None = None  # None: no part is used
  rest: RefinementState | None = None  # rows by which the trace is continued
  gaze: np.ndarray | None = None  # [2] as of `FaceState`; None: no face is used


class PartFusion:
  """Looks at faces and hands closely and puts them onto bodies."""

  def __init__(
    self,
    method: Method,
    readers: Mapping[str, PartReader],
    config: PartsConfig,
  ):
    """Keeps what reads parts.

    Args:
      method: that bodies come from; it goes on once hands are found.
      readers: of every part that `config` names; those of both hands are one
        that reads right hands.
      config: which parts, and when they are used.

    Raises:
      ValueError: if the body is another than the open one.
    """
    body_model = method.objective.body_model
    if not isinstance(body_model, BodyModel):
      raise ValueError(
        "parts: are asked for with a body other than the open one, whose hands "
        "and faces the networks know; expected none"
      )
    self._method = method
    self._readers = {name: readers[name] for name in config.names}
    self._config = config
    self._body = body_model
    traced = lambda function: tf.function(
      function, autograph=False, reduce_retracing=True
    )
    self._terms, self._posed = traced(self._terms_of), traced(self._pose)
    self._put_on = traced(self._fuse)
    self._turn_heads = traced(self._faced)

  def __call__(self, whole: Whole) -> list[Fused]:
    """What the parts make of B people, in their order."""
    begin = time.perf_counter()
    found = self.judged(whole)
    results = [
      Fused(tuple(found[name][i] for name in found))
      for i in range(len(whole.detections))
    ]
    chosen = [
      i for i, row in enumerate(results) if any(p.used for p in row.parts)
    ]
    if chosen:
      changed = self._fused(
        _people(whole, chosen), [results[i].parts for i in chosen], begin
      )
      for i, result in zip(chosen, changed, strict=True):
        results[i] = result
    return results

  def judged(self, whole: Whole) -> dict[str, list[PartResult]]:
    """By their names the parts of B people, each with whether it is used."""
    found = read_parts(
      whole.detections,
      whole.photo_sizes,
      whole.cameras,
      self._readers,
      self._config.attention,
    )
    posed = self._posed(_row(whole.trace.state, -1), whole.cameras)
    turned, seen, joints = (x.numpy() for x in posed)
    judged = {name: [] for name in found}
    for name, parts in found.items():
      for i, part in enumerate(parts):
        if part.state is not None:
          sight = sight_of(
            part, whole.detections[i], turned[i], seen[i], joints[i]
          )
          reason = refused(sight, self._config.fusion.gates)
          part = part._replace(used=not reason, reason=reason)
        judged[name].append(part)
    return judged

  def _fused(
    self,
    whole: Whole,
    parts: Sequence[tuple[PartResult, ...]],
    begin: float,
  ) -> list[Fused]:
    """Of people of whom some part is used."""
    chosen = _chosen(parts)
    state = _numpy(_row(whole.trace.state, -1))
    rest = _numpy(self._resumed(whole, chosen))
    for name in _OF_BODY:
      getattr(state, name)[:] = getattr(rest.state, name)[:, -1]
    before_parts = _row(whole.trace.state, -1)
    given = before_parts, state, chosen, whole.cameras
    state = self._put_on(*tf.nest.map_structure(tf.convert_to_tensor, given))
    terms = self._terms(
      state,
      target_from_features(whole.features),
      whole.crop_cameras,
      parts_read(whole.features),
    )
    before = _numpy(_row(whole.trace, -1))
    seconds = np.float32(time.perf_counter() - begin)
    state = _numpy(state)
    last = before._replace(
      state=state, terms=_numpy(terms), seconds=before.seconds + seconds
    )
    return [
      Fused(
        parts=row,
        state=_person(state, i),
        rest=_continued(
          _person(rest, i), _person(last, i), float(before.seconds[i])
        ),
        gaze=chosen.states[FACE].gaze[i] if chosen.used[FACE][i] else None,
      )
      for i, row in enumerate(parts)
    ]

  def _pose(self, state: HumanState, cameras: Intrinsics):
    """Joints' rotations to the camera, keypoints in photos, joints."""
    body = self._body.decode(state, _MESH)
    return (
      fusion.global_rotations(body.rotations),
      camera.project(body.keypoints, cameras),
      body.joints,
    )

  def _fuse(
    self,
    before: HumanState,
    steered: HumanState,
    chosen: "_Chosen",
    cameras: Intrinsics,
  ) -> HumanState:
    """States `[B, ...]` with the parts that are used.

    A head is turned as its face is if that leaves the face about as near to
    where it is seen. Else the steered body stays as it is, if a hand steers it
    or its face comes clearly nearer, or else the one before.

    Args:
      before: of the bodies.
      steered: after they went on with the parts' keypoints.
      chosen: their parts.
      cameras: of the photos.
    """
    # Both in one batch, which is traced in half the time.
    twice = lambda x: tf.concat([x, x], axis=0)
    hands, chosen_hands = tf.nest.map_structure(
      twice,
      tuple(
        {name: of[name] for name in HANDS}
        for of in (chosen.states, chosen.used)
      ),
    )
    both = tf.nest.map_structure(
      lambda a, b: tf.concat([a, b], axis=0), before, steered
    )
    both = fusion.with_hands(self._body, both, hands, chosen_hands)
    halves = zip(*(tf.split(x, 2) for x in both), strict=True)
    left, steered = (HumanState(*half) for half in halves)
    turned = self._faced(steered, chosen)
    face, used = chosen.states[FACE], chosen.used[FACE][:, None]
    left, steered = (
      state._replace(
        expression=tf.where(used, face.expression, state.expression)
      )
      for state in (left, steered)
    )
    three = left, steered, turned
    body = self._body.decode(
      tf.nest.map_structure(lambda *x: tf.concat(x, axis=0), *three), _MESH
    )
    thrice = lambda x: tf.concat([x] * 3, axis=0)
    own = camera.project(
      body.keypoints[:, ROWS[FACE]], tf.nest.map_structure(thrice, cameras)
    )
    seen = thrice(camera.project(chosen.points[FACE], cameras))
    apart = tf.norm(own - seen, axis=-1)[:, fusion.INNER_FACE]
    of_left, of_steered, of_turned = tf.split(
      tf.reduce_mean(apart, axis=-1, keepdims=True), 3
    )
    by_hand = tf.reduce_any(
      tf.stack([chosen.used[name] for name in HANDS]), axis=0
    )
    gains = of_steered <= _NEARER * of_left
    keep_steered = ~used | by_hand[:, None] | gains
    keep_turned = ~used | (of_turned <= _NO_FARTHER * of_left)
    return HumanState(
      *(
        tf.where(keep_turned, c, tf.where(keep_steered, b, a))
        for a, b, c in zip(*three, strict=True)
      )
    )

  def _faced(self, state: HumanState, chosen: "_Chosen") -> HumanState:
    """States `[B, ...]` with the faces that are used."""
    return fusion.with_faces(
      self._body,
      state,
      chosen.states[FACE],
      chosen.points[FACE],
      chosen.used[FACE],
    )

  def _resumed(self, whole: Whole, chosen: "_Chosen") -> RefinementState:
    """The descents of B people gone on with, steered by their parts.

    From where heads are turned as faces are; hands are put on at the end, for
    polished with them bodies are worse.
    """

    def turn(state: HumanState) -> HumanState:
      given = tf.nest.map_structure(tf.convert_to_tensor, (state, chosen))
      return self._turn_heads(*given)

    return self._method.resume(
      fusion.steered_features(
        whole.features, whole.crop_cameras, chosen.points, chosen.used
      ),
      whole.crop_cameras,
      whole.trace,
      self._config.fusion.resume_stages,
      turn,
    )

  def _terms_of(self, state, target, intrinsics, parts):
    objective = self._method.objective
    body = self._body.decode(state, objective.config.mesh)
    return objective.evaluate(body, state, target, intrinsics, parts)


class _Chosen(NamedTuple):
  """By their names the parts of B people; zeros where one is not used."""

  states: dict[str, HandState | FaceState]  # fields [B, ...]
  points: dict[str, np.ndarray]  # [B, n, 3] metres, camera frame
  used: dict[str, np.ndarray]  # [B] bool


def _chosen(parts: Sequence[tuple[PartResult, ...]]) -> _Chosen:
  """Those among the parts of B people that are used."""
  found = _Chosen({}, {}, {})
  for name in PARTS:
    rows = [_used(row, name) for row in parts]
    nothing = _NO_FACE if name == FACE else _NO_HAND
    states = [part.state if part else nothing for part in rows]
    found.states[name] = type(nothing)(
      *(np.stack(x).astype(np.float32) for x in zip(*states, strict=True))
    )
    number = ROWS[name].stop - ROWS[name].start
    none = np.zeros([number, 3])
    points = [part.keypoints if part else none for part in rows]
    found.points[name] = np.stack(points).astype(np.float32)
    found.used[name] = np.array([part is not None for part in rows])
  return found


def _used(parts: Sequence[PartResult], name: str) -> PartResult | None:
  """A person's part of this name, if there is one and it is used."""
  return next((p for p in parts if p.name == name and p.used), None)


def _continued(
  between: RefinementState, last: RefinementState, begin: float
) -> RefinementState:
  """The rows of one person's trace after those of the body alone.

  Args:
    between: of the descent that went on; its first row is where from, and its
      last is replaced.
    last: the row with the parts.
    begin: seconds at which the descent went on.
  """
  later = between._replace(seconds=between.seconds + np.float32(begin))
  rows = [_person(later, i) for i in range(1, len(later.seconds) - 1)]
  return tf.nest.map_structure(lambda *x: np.stack(x), *rows, last)


def _row(trace, index: int):
  """One row `[B, ...]` of tensors `[B, M + 1, ...]`."""
  return tf.nest.map_structure(lambda x: x[:, index], trace)


def _person(batch, index: int):
  """One person of tensors `[B, ...]`."""
  return tf.nest.map_structure(lambda x: x[index], batch)


def _people(batch, indices: Sequence[int]):
  """Some people of tensors `[B, ...]`, or of lists of B."""
  if isinstance(batch, Whole):
    lists = {
      name: [getattr(batch, name)[i] for i in indices]
      for name in ("detections", "photo_sizes")
    }
    rest = {
      name: _people(getattr(batch, name), indices)
      for name in Whole._fields
      if name not in lists
    }
    return Whole(**lists, **rest)
  return tf.nest.map_structure(
    lambda x: (
      x[indices] if isinstance(x, np.ndarray) else tf.gather(x, indices)
    ),
    batch,
  )


def _numpy(batch):
  """Arrays of tensors, which may be written to."""
  return tf.nest.map_structure(np.array, batch)
