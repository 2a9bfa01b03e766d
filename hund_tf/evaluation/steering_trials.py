"""How far a correction and a term help, on synthetic people with exact truth.

Corrections: of each person one keypoint of a limb is put 10 to 40 pixels from
where it is, the person is reconstructed, and the keypoint then corrected.
Terms: feet on the floor, for people who stand on it with both, and touching
hands, for people whose hands touch.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np

from hund_tf.body import keypoints as table
from hund_tf.body import skeleton
from hund_tf.compat import tf
from hund_tf.evaluation import metrics
from hund_tf.evaluation.compared_joints import lsp_joints
from hund_tf.geometry import camera
from hund_tf.losses.heatmaps import with_keypoints
from hund_tf.models.hund.polish_wishes import Held
from hund_tf.reconstruction.methods import HundMethod
from hund_tf.types import (
  CROP_SIZE,
  NUM_JOINTS,
  NUM_KEYPOINTS,
  BodyOutput,
  RefinementState,
  TrainingExample,
)

_MM = 1e3
_SIDES = ("l", "r")
# Keypoints that are put wrong; each is a joint of the same name.
LIMBS = tuple(
  f"{side}_{name}"
  for name in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
  for side in _SIDES
)
_LIMB_ROWS = np.array([table.INDEX[name] for name in LIMBS])
_LIMB_JOINTS = np.array([skeleton.INDEX[name] for name in LIMBS])
_WRONG = 10.0, 40.0  # crop pixels
_HINT = 0.2  # least confidence of a keypoint that is put wrong


class Corrected(NamedTuple):
  """Of N people of whom one keypoint was wrong and is corrected."""

  wrong: np.ndarray  # [N] crop pixels by which the keypoint was put wrong
  before: np.ndarray  # [N] crop pixels of the body's keypoint to the truth
  after: np.ndarray  # [N] the same after the correction
  others_before: np.ndarray  # [N] mm PA-MPJPE of the other joints
  others_after: np.ndarray  # [N]


def wronged(
  example: TrainingExample, random: np.random.Generator
) -> tuple[TrainingExample, np.ndarray, np.ndarray]:
  """People with one keypoint put wrong each.

  Args:
    example: of B people.
    random: chooses keypoints and places.

  Returns:
    The example of those people of whom a keypoint can be chosen, which `[N]`
    among `LIMBS` it is, and how wrong it is, `[N]` crop pixels.
  """
  truth = example.keypoints.numpy()[:, _LIMB_ROWS]
  known = example.features.heatmap_weights.numpy()[:, _LIMB_ROWS] > _HINT
  margin = _WRONG[1] + 1.0
  inside = (truth > margin) & (truth < CROP_SIZE - margin)
  possible = known & inside.all(axis=-1)
  people = np.flatnonzero(possible.any(axis=1))
  score = random.random(possible.shape)
  chosen = np.where(possible, score, -1.0).argmax(axis=1)[people]
  far = random.uniform(*_WRONG, len(people))
  angle = random.uniform(0.0, 2.0 * np.pi, len(people))
  offset = far[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
  example = tf.nest.map_structure(lambda x: tf.gather(x, people), example)
  places = truth[people, chosen] + offset
  drawn = _drawn(example, _LIMB_ROWS[chosen], places)
  confidence = example.features.heatmap_weights
  features = drawn._replace(heatmap_weights=confidence)
  return example._replace(features=features), chosen, far


def _spread(rows: np.ndarray, places: np.ndarray):
  """Places `[B, 2]` of a keypoint each as `[B, 137, 2]`; which, `[B, 137]`."""
  count = np.arange(len(rows))
  spread = np.zeros([len(rows), NUM_KEYPOINTS, 2], np.float32)
  spread[count, rows] = places
  said = np.zeros([len(rows), NUM_KEYPOINTS], bool)
  said[count, rows] = True
  return tf.constant(spread), tf.constant(said)


def _drawn(example: TrainingExample, rows: np.ndarray, places: np.ndarray):
  return with_keypoints(example.features, *_spread(rows, places))


def correct(
  examples: Iterable[TrainingExample],
  method: HundMethod,
  num_stages: int,
  seed: int,
) -> Corrected:
  """Corrects a wrong keypoint of each person to the truth.

  Args:
    examples: batches with the true state.
    method: that polishes.
    num_stages: further stages of the descent.
    seed: of what is put wrong.
  """
  random = np.random.default_rng(seed)
  rows = []
  for example in examples:
    example, chosen, far = wronged(example, random)
    which = np.arange(len(chosen))
    trace = method(example.features, example.intrinsics)
    truth = example.keypoints.numpy()[which, _LIMB_ROWS[chosen]]
    places, said = _spread(_LIMB_ROWS[chosen], truth)
    features = with_keypoints(example.features, places, said)
    held = Held(
      places,
      tf.cast(said, tf.float32),
      tf.zeros([len(chosen), NUM_JOINTS, 3]),
      tf.zeros([len(chosen), NUM_JOINTS]),
      tf.zeros([len(chosen), 3]),
    )
    steered = method.resume(
      features, example.intrinsics, trace, num_stages, held=held
    )
    found = []
    for ends in (trace, steered):
      body = _last_body(method, ends)
      pixels = camera.project(body.keypoints, example.intrinsics).numpy()
      pixels = pixels[which, _LIMB_ROWS[chosen]]
      others = _others(body.joints.numpy(), example.joints.numpy(), chosen)
      found.append((np.linalg.norm(pixels - truth, axis=-1), others))
    (before, others_before), (after, others_after) = found
    rows.append(Corrected(far, before, after, others_before, others_after))
  return Corrected(*(np.concatenate(x) for x in zip(*rows, strict=True)))


def _last_body(method: HundMethod, trace: RefinementState) -> BodyOutput:
  last = tf.nest.map_structure(lambda x: x[:, -1], trace.state)
  return method.objective.body_model.decode(last, "proxy_1500")


def _others(
  joints: np.ndarray, truth: np.ndarray, chosen: np.ndarray
) -> np.ndarray:
  """PA-MPJPE `[N]` mm of the 14 joints but for that which was chosen."""
  count = np.ones([*joints.shape[:2], 1])
  count[np.arange(len(chosen)), _LIMB_JOINTS[chosen]] = 0.0
  weights = lsp_joints(count)[..., 0]
  return _MM * metrics.pa_mpjpe(lsp_joints(joints), lsp_joints(truth), weights)


class Termed(NamedTuple):
  """Of N people reconstructed without and with a term."""

  without: np.ndarray  # [N] mm, root mean square of the residuals
  with_term: np.ndarray  # [N]
  error_without: np.ndarray  # [N] mm PA-MPJPE
  error_with: np.ndarray  # [N]


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
    left = body.keypoints[:, table.LEFT_HAND]
    right = body.keypoints[:, table.RIGHT_HAND]
    square = tf.reduce_sum((left[:, :, None] - right[:, None]) ** 2, axis=-1)
    nearest = tf.sqrt(tf.reduce_min(square, axis=[1, 2]) + 1e-8)
    return tf.maximum(nearest - _THICK, 0.0)[:, None]

  def set(self, body: BodyOutput) -> bool:
    """Whether the hands of a person touch."""
    return bool(self(body).numpy()[0, 0] == 0.0)


_SOLES = [
  table.INDEX[f"{side}_{name}"]
  for side in _SIDES
  for name in ("big_toe", "small_toe", "heel")
]
_FLAT = 0.02  # metres that soles are off a floor
_LEVEL = 0.8  # cosine of a floor's tilt against the camera
_THICK = 0.03  # metres between keypoints of hands that touch


def standing(
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


def add_term(
  examples: Iterable[TrainingExample],
  function: "Floor | TouchingHands",
  without: HundMethod,
  with_term: HundMethod,
  count: int,
) -> Termed:
  """Reconstructs people of whom a term is true, without it and with it."""
  rows = []
  for one in standing(examples, without, function.set, count):
    row = []
    for method in (without, with_term):
      trace = method(one.features, one.intrinsics)
      body = _last_body(method, trace)
      missed = np.sqrt(np.mean(function(body).numpy() ** 2))
      joints = lsp_joints(body.joints.numpy()), lsp_joints(one.joints.numpy())
      row.append((_MM * missed, _MM * metrics.pa_mpjpe(*joints)[0]))
    (a, b), (c, d) = row
    rows.append((a, c, b, d))
  return Termed(*np.array(rows).T)
