"""The parts that bodies take over, and bodies with them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.geometry import camera
from hund_tf.reconstruction import fusion
from hund_tf.reconstruction.attention import FACE, HANDS, PARTS, ROWS
from hund_tf.reconstruction.part_results import PartResult
from hund_tf.types import (
  EXPRESSION_DIM,
  HAND_POSE_DIM,
  SHAPE_DIM,
  FaceState,
  HandState,
  HumanState,
  Intrinsics,
)

_MESH = "proxy_1500"  # joints and keypoints do not depend on it
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


class Chosen(NamedTuple):
  """By their names the parts of B people; zeros where one is not used."""

  states: dict[str, HandState | FaceState]  # fields [B, ...]
  points: dict[str, np.ndarray]  # [B, n, 3] metres, camera frame
  used: dict[str, np.ndarray]  # [B] bool


def choose(parts: Sequence[tuple[PartResult, ...]]) -> Chosen:
  """Those among the parts of B people that are used."""
  found = Chosen({}, {}, {})
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


class Dressing:
  """Puts parts onto bodies, by functions traced once for any batch."""

  def __init__(self, body_model: BodyModel):
    """Prepares it for the bodies of a model."""
    self._body = body_model
    traced = lambda function: tf.function(
      function, autograph=False, reduce_retracing=True
    )
    self.posed, self.put_on = traced(self._pose), traced(self._fuse)
    self.turn_heads = traced(self._faced)

  def _pose(
    self, state: HumanState, cameras: Intrinsics
  ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
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
    chosen: Chosen,
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

  def _faced(self, state: HumanState, chosen: Chosen) -> HumanState:
    """States `[B, ...]` with the faces that are used."""
    return fusion.with_faces(
      self._body,
      state,
      chosen.states[FACE],
      chosen.points[FACE],
      chosen.used[FACE],
    )
