"""How far terms of two people help, on synthetic pairs with exact truth.

Each of a pair is photographed by a camera of its own, of which the place is
known: the second one is moved so that hands touch, or that bodies are as near
to each other as they can be. So nobody hides anybody.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from hund_tf.body import keypoints as table
from hund_tf.compat import tf
from hund_tf.evaluation import metrics
from hund_tf.evaluation.compared_joints import PELVIS, lsp_joints
from hund_tf.losses.pair_terms import Apart, PairTerm, Touch
from hund_tf.models.hund.polish_wishes import nothing_held
from hund_tf.reconstruction.methods import HundMethod
from hund_tf.types import (
  BodyOutput,
  HumanState,
  TrainingExample,
)

_MM = 1e3
_MESH = "proxy_1500"
_KNUCKLE = "hand_middle1"
_DISTANCES = np.arange(0.0, 2.0, 0.01)  # metres between pelvises
_LEAST = 0.01  # metres that reconstructed bodies are in each other
_HANDS = 0.06  # metres that the capsules of touching hands are in each other


class Related(NamedTuple):
  """Of N pairs reconstructed one by one, and then related."""

  without: np.ndarray  # [N] mm, the largest residual
  with_term: np.ndarray  # [N]
  error_without: np.ndarray  # [N] mm PA-MPJPE, mean of the two
  error_with: np.ndarray  # [N]
  apart_without: np.ndarray  # [N] mm by which the pelvises' distance is wrong
  apart_with: np.ndarray  # [N]
  inside_without: np.ndarray  # [N] vertices of the one in the other's mesh
  inside_with: np.ndarray  # [N]


class TouchingHands:
  """The right hand of the first and the left hand of the second touch."""

  name, least = "hands touch", 0.0

  def __init__(self, apart: Apart):
    """Keeps what tells whether the true bodies are apart."""
    self.function = Touch("r_hand", "l_hand")
    self._apart = apart

  def place(
    self, first: BodyOutput, second: BodyOutput, random: np.random.Generator
  ) -> np.ndarray | None:
    """Puts one middle finger's root onto the other.

    Returns:
      How far the second one is moved, `[3]` metres; None if the bodies would
      then be in each other, but for the hands.
    """
    del random
    ends = (
      body.keypoints[0, table.INDEX[f"{side}_{_KNUCKLE}"]]
      for body, side in ((first, "r"), (second, "l"))
    )
    offset = tf.subtract(*ends)
    deep = self._apart(first, moved(second, offset))
    return None if tf.reduce_max(deep) > _HANDS else offset.numpy()


class StayApart:
  """Bodies are near, but not in each other."""

  name, least = "apart", _LEAST

  def __init__(self, apart: Apart):
    """Keeps the term."""
    self.function = apart

  def place(
    self, first: BodyOutput, second: BodyOutput, random: np.random.Generator
  ) -> np.ndarray | None:
    """Brings pelvises as near, in a random direction, as bodies allow.

    None if there is no room within 2 metres.
    """
    angle = random.uniform(0.0, 2.0 * np.pi)
    way = np.array([np.cos(angle), 0.0, np.sin(angle)])
    offsets = (first.joints - second.joints)[0, PELVIS].numpy()
    offsets = offsets + _DISTANCES[:, None] * way
    many = lambda body: tf.nest.map_structure(
      lambda x: tf.repeat(x, len(_DISTANCES), axis=0), body
    )
    deep = self.function(many(first), moved(many(second), offsets[:, None]))
    inside = np.flatnonzero(deep.numpy().max(axis=1) > 0.0)
    if inside[-1] + 1 == len(offsets):
      return None
    return offsets[inside[-1] + 1].astype(np.float32)


def moved(body: BodyOutput, offset) -> BodyOutput:
  """Bodies moved by offsets `[3]` or `[B, 1, 3]`, metres."""
  offset = tf.cast(offset, tf.float32)
  return body._replace(
    vertices=body.vertices + offset,
    joints=body.joints + offset,
    keypoints=body.keypoints + offset,
  )


def relate(
  examples: Iterable[TrainingExample],
  method: HundMethod,
  trial: TouchingHands | StayApart,
  weight: float,
  count: int,
  seed: int,
) -> Related:
  """Reconstructs pairs of people, and relates them.

  Args:
    examples: batches with the true state.
    method: that polishes.
    trial: places the second of a pair.
    weight: of the term.
    count: of pairs.
    seed: of the places.
  """
  random = np.random.default_rng(seed)
  faces = method.objective.body_model.faces(_MESH)
  rows = []
  for pair, found, offset in _pairs(examples, method, trial, random):
    function = lambda a, b, far=offset: trial.function(a, moved(b, far))
    before = _bodies(method, _last(found.state))
    if np.max(_residuals(function, before)) < trial.least:
      continue
    term = PairTerm(trial.name, function, weight)
    trace = method.resume(
      pair.features,
      pair.intrinsics,
      found,
      0,
      held=nothing_held(2),
      relations=[(term, [(0, 1)])],
    )
    after = _bodies(method, _last(trace.state))
    measured = [
      (
        _MM * np.max(_residuals(function, body)),
        _error(body.joints.numpy(), pair.joints.numpy()),
        _distance_error(body, pair.joints, offset),
        _both_inside(body.vertices.numpy(), offset, faces),
      )
      for body in (before, after)
    ]
    rows.append(np.ravel(measured, order="F"))
    if len(rows) == count:
      break
  return Related(*np.array(rows).T)


def _pairs(examples, method, trial, random) -> Iterator[tuple]:
  """Pairs of people, their traces, and how far the second one is moved.

  Those of a batch who are at similar distances make pairs.
  """
  for example in examples:
    order = np.argsort(example.joints[:, PELVIS, 2])
    example = tf.nest.map_structure(lambda x, o=order: tf.gather(x, o), example)
    trace = method(example.features, example.intrinsics)
    true = _bodies(method, example.state)
    for i in range(0, len(order) - 1, 2):
      offset = trial.place(_rows(true, i, 1), _rows(true, i + 1, 1), random)
      if offset is not None:
        yield _rows(example, i, 2), _rows(trace, i, 2), offset


def _rows(structure, start: int, count: int):
  return tf.nest.map_structure(lambda x: x[start : start + count], structure)


def _residuals(function, bodies: BodyOutput) -> np.ndarray:
  return function(_rows(bodies, 0, 1), _rows(bodies, 1, 1)).numpy()


def _last(states: HumanState) -> HumanState:
  return tf.nest.map_structure(lambda x: x[:, -1], states)


def _bodies(method: HundMethod, state: HumanState) -> BodyOutput:
  return method.objective.body_model.decode(state, _MESH)


def _error(joints: np.ndarray, truth: np.ndarray) -> float:
  found = metrics.pa_mpjpe(lsp_joints(joints), lsp_joints(truth))
  return _MM * float(np.mean(found))


def _both_inside(
  vertices: np.ndarray, offset: np.ndarray, faces: np.ndarray
) -> int:
  """Vertices of two bodies `[2, V, 3]` that are in the other one."""
  first, second = vertices[0], vertices[1] + offset
  both = inside(first, second, faces), inside(second, first, faces)
  return int(np.sum(both))


def inside(
  points: np.ndarray, vertices: np.ndarray, faces: np.ndarray
) -> np.ndarray:
  """Whether points are in a closed mesh: those of winding number 1.

  The solid angle of a triangle is Van Oosterom and Strackee's (1983).

  Args:
    points: `[N, 3]`.
    vertices: `[V, 3]` of the mesh.
    faces: `[F, 3]`, counter-clockwise from outside.

  Returns:
    `[N]` bool.
  """
  found = np.zeros(len(points), bool)
  low, high = vertices.min(axis=0), vertices.max(axis=0)
  near = np.flatnonzero(((points > low) & (points < high)).all(axis=1))
  for row in near:
    a, b, c = np.moveaxis(vertices[faces] - points[row], 1, 0)
    dot = lambda x, y: np.sum(x * y, axis=-1)
    la, lb, lc = (np.linalg.norm(x, axis=-1) for x in (a, b, c))
    volume = dot(a, np.cross(b, c))
    scale = la * lb * lc + dot(a, b) * lc + dot(b, c) * la + dot(c, a) * lb
    winding = np.sum(np.arctan2(volume, scale)) / (2.0 * np.pi)
    found[row] = winding > 0.5
  return found


def _distance_error(body: BodyOutput, truth, offset: np.ndarray) -> float:
  far = [
    np.linalg.norm(joints[1, PELVIS] + offset - joints[0, PELVIS])
    for joints in (np.asarray(body.joints), np.asarray(truth))
  ]
  return _MM * abs(float(far[0] - far[1]))
