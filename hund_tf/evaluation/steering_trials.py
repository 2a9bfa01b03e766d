"""How far a correction helps, on synthetic people with exact truth.

Of each person one keypoint of a limb is put 10 to 40 pixels from where it is,
the person is reconstructed, and the keypoint then corrected.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from hund_tf.body import keypoints as table
from hund_tf.body import skeleton
from hund_tf.compat import tf
from hund_tf.evaluation import metrics
from hund_tf.evaluation.compared_joints import lsp_joints
from hund_tf.geometry import camera
from hund_tf.losses.heatmaps import with_keypoints
from hund_tf.models.hund.polish_wishes import nothing_held
from hund_tf.reconstruction.methods import HundMethod
from hund_tf.types import (
  CROP_SIZE,
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
    held = nothing_held(len(chosen))._replace(
      keypoints=places, corrected=tf.cast(said, tf.float32)
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
