"""How far a term helps, on synthetic people of whom it is exactly true.

Feet on the floor, for people who stand on it with both; touching hands, for
people whose hands touch; a face turned to a place; a hand on a thing.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, Protocol

import numpy as np

from hund_tf.body import keypoints as table
from hund_tf.compat import tf
from hund_tf.evaluation import metrics
from hund_tf.evaluation.compared_joints import lsp_joints
from hund_tf.losses.pair_terms import Touch
from hund_tf.reconstruction.methods import HundMethod
from hund_tf.types import BodyOutput, RefinementState, TrainingExample

_MM = 1e3
_SOLES = [
  table.INDEX[f"{side}_{name}"]
  for side in "lr"
  for name in ("big_toe", "small_toe", "heel")
]
_FLAT = 0.02  # metres that soles are off a floor
_LEVEL = 0.8  # cosine of a floor's tilt against the camera
_TOUCH = Touch("l_hand", "r_hand")
_EARS = [table.INDEX["l_ear"], table.INDEX["r_ear"]]
_NOSE, _WRIST = table.INDEX["nose"], table.INDEX["r_wrist"]
_FAR = 2.0  # metres from the nose to what a person looks at


class Trial(Protocol):
  """A function of bodies, `[B, R]` metres, that is true of some people."""

  name: str

  def __call__(self, body: BodyOutput) -> tf.Tensor:
    """Residuals of bodies `[B, ...]`."""
    ...

  def set(self, body: BodyOutput) -> bool:
    """Takes what is true of one person; whether anything is."""
    ...


class Floor:
  """Feet stand on a plane."""

  name = "floor"

  def __init__(self):
    """The plane is set for each person."""
    self._plane = tf.Variable([0.0, -1.0, 0.0, 0.0], name="plane")

  def __call__(self, body: BodyOutput) -> tf.Tensor:
    """Distances `[B, 6]` of heels and toes from the plane, metres."""
    points = tf.gather(body.keypoints, _SOLES, axis=1)
    return tf.linalg.matvec(points, self._plane[:3]) - self._plane[3]

  def set(self, body: BodyOutput) -> bool:
    """Takes the floor of a person; whether it stands on one with both feet."""
    points = body.keypoints.numpy()[0, _SOLES].astype(np.float64)
    middle = points.mean(axis=0)
    normal = np.linalg.svd(points - middle)[2][2]
    if np.abs((points - middle) @ normal).max() > _FLAT:
      return False
    if abs(normal[1]) < _LEVEL:
      return False
    self._plane.assign([*normal, normal @ middle])
    return True


class TouchingHands:
  """The hands touch."""

  name = "hands"

  def __call__(self, body: BodyOutput) -> tf.Tensor:
    """Gap `[B, 1]` between the nearest keypoints of both hands, metres."""
    return _TOUCH(body, body)

  def set(self, body: BodyOutput) -> bool:
    """Whether the hands of a person touch."""
    return bool(self(body).numpy()[0, 0] == 0.0)


class Gaze:
  """The face is turned to a place."""

  name = "gaze"

  def __init__(self):
    """The place is set for each person."""
    self._place = tf.Variable([0.0, 0.0, 0.0], name="place")

  def __call__(self, body: BodyOutput) -> tf.Tensor:
    """How far from the place the line of the nose is, `[B, 3]` metres."""
    nose = body.keypoints[:, _NOSE]
    there, far = tf.linalg.normalize(self._place - nose, axis=-1)
    return far * (_turned(body) - there)

  def set(self, body: BodyOutput) -> bool:
    """Takes a place that the person's face is turned to."""
    self._place.assign(body.keypoints[0, _NOSE] + _FAR * _turned(body)[0])
    return True


def _turned(body: BodyOutput) -> tf.Tensor:
  """The direction `[B, 3]` from between the ears to the nose."""
  middle = tf.reduce_mean(tf.gather(body.keypoints, _EARS, axis=1), axis=1)
  way = body.keypoints[:, _NOSE] - middle
  return tf.math.l2_normalize(way, axis=-1)


class HandOnThing:
  """The right wrist is at a place."""

  name = "wrist"

  def __init__(self):
    """The place is set for each person."""
    self._place = tf.Variable([0.0, 0.0, 0.0], name="place")

  def __call__(self, body: BodyOutput) -> tf.Tensor:
    """The wrist's way from the place, `[B, 3]` metres."""
    return body.keypoints[:, _WRIST] - self._place

  def set(self, body: BodyOutput) -> bool:
    """Takes where the wrist of the person is."""
    self._place.assign(body.keypoints[0, _WRIST])
    return True


TRIALS = Floor, TouchingHands, Gaze, HandOnThing


def as_value(function: Trial) -> Callable[[BodyOutput], tf.Tensor]:
  """Its sum of squares `[B]`, of which no residuals are known."""
  return lambda body: tf.reduce_sum(function(body) ** 2, axis=-1)


class Ends(NamedTuple):
  """Of N people at the end of the stages, and after the polish."""

  missed: np.ndarray  # [N, 2] mm, root mean square of the residuals
  error: np.ndarray  # [N, 2] mm PA-MPJPE


def people_with(
  examples: Iterable[TrainingExample],
  method: HundMethod,
  suits: Callable[[BodyOutput], bool],
  count: int,
) -> Iterator[TrainingExample]:
  """So many people one by one of whom a term is true."""
  for example in examples:
    for i in range(len(example.joints)):
      one = tf.nest.map_structure(lambda x, i=i: x[i : i + 1], example)
      body = method.objective.body_model.decode(one.state, "proxy_1500")
      if suits(body):
        yield one
        count -= 1
        if not count:
          return


def try_term(
  examples: Iterable[TrainingExample],
  function: Trial,
  methods: dict[str, HundMethod],
  count: int,
) -> dict[str, Ends]:
  """Reconstructs people of whom a term is true by methods that polish.

  Args:
    examples: batches with the true state.
    function: of the term.
    methods: by name, without the term and with it.
    count: of people.
  """
  rows = {name: [] for name in methods}
  first = next(iter(methods.values()))
  for one in people_with(examples, first, function.set, count):
    for name, method in methods.items():
      trace = method(one.features, one.intrinsics)
      ends = [_end(method, trace, row, one, function) for row in (-2, -1)]
      rows[name].append(ends)
  return {
    name: Ends(*np.moveaxis(np.array(found), -1, 0))
    for name, found in rows.items()
  }


def _end(
  method: HundMethod,
  trace: RefinementState,
  row: int,
  one: TrainingExample,
  function: Trial,
) -> tuple[float, float]:
  """What a row of a trace misses and its PA-MPJPE, mm."""
  state = tf.nest.map_structure(lambda x: x[:, row], trace.state)
  body = method.objective.body_model.decode(state, "proxy_1500")
  missed = np.sqrt(np.mean(function(body).numpy() ** 2))
  joints = lsp_joints(body.joints.numpy()), lsp_joints(one.joints.numpy())
  return _MM * missed, _MM * metrics.pa_mpjpe(*joints)[0]
