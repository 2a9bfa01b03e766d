"""Skin weights over the 63 joints, and part labels that follow from them."""

import numpy as np

from hund_tf.body import parts, skeleton
from hund_tf.body.construction import rig

WEIGHTS_PER_VERTEX = 4
_LEVELS = 65535  # weights are stored as multiples of 1 / 65535


def merge_weights(
  bone_weights: dict[str, np.ndarray], mirror: np.ndarray, eye: np.ndarray
) -> np.ndarray:
  """Skin weights `[V, 63]` of the joints, symmetric, summing to one.

  Bones that no joint names (the face's) go to the head.

  Args:
    bone_weights: bone -> `[V]`.
    mirror: `[V]` mirror image of every vertex.
    eye: `[V]` 0 on skin, 1 on the left eyeball, 2 on the right.
  """
  result = np.zeros((len(mirror), len(skeleton.NAMES)))
  left = dict(bone_weights)
  for i, joint in enumerate(skeleton.NAMES):
    for bone in rig.bones(joint):
      result[:, i] += left.pop(bone)
  result[:, skeleton.INDEX["head"]] += sum(left.values())
  for side, joint in ((1, "l_eye"), (2, "r_eye")):
    result[eye == side] = np.eye(len(skeleton.NAMES))[skeleton.INDEX[joint]]
  result = result + result[mirror][:, list(skeleton.MIRROR)]
  return result / result.sum(axis=1, keepdims=True)


def limit_weights(
  weights: np.ndarray, mirror: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
  """Keeps the four largest weights of each vertex, as symmetrically as given.

  Args:
    weights: `[V, 63]`.
    mirror: `[V]` mirror image of every vertex.

  Returns:
    Joints `[V, 4]` uint8 and weights `[V, 4]` uint16 in units of 1/65535, each
    row summing to 65535.
  """
  swap = np.array(skeleton.MIRROR)
  own = mirror == np.arange(len(mirror))
  order = np.argsort(-np.round(weights, 9), axis=1, kind="stable")
  order = order[:, :WEIGHTS_PER_VERTEX]
  kept = np.take_along_axis(weights, order, axis=1)
  # In the plane of symmetry a joint is kept only together with its partner.
  alone = ~(swap[order][:, :, None] == order[:, None]).any(axis=2)
  kept[own[:, None] & alone] = 0.0
  kept = kept / kept.sum(axis=1, keepdims=True)
  levels = np.rint(kept * _LEVELS).astype(np.int64)
  # The rounding error goes to the largest weight, or to a central joint's.
  central = swap[order] == order
  taker = np.where(own & central.any(axis=1), central.argmax(axis=1), 0)
  rows = np.arange(len(levels))
  levels[rows, taker] += _LEVELS - levels.sum(axis=1)
  # One of two mirror images is made from the other.
  source = np.minimum(rows, mirror)
  copied = source != rows
  order[copied] = swap[order[source[copied]]]
  levels[copied] = levels[source[copied]]
  return order.astype(np.uint8), levels.astype(np.uint16)


def part_labels(weights: np.ndarray, mirror: np.ndarray) -> np.ndarray:
  """Part of every vertex `[V]`: that with the largest sum of weights."""
  scores = np.zeros((len(weights), len(parts.NAMES)))
  for i, joint in enumerate(skeleton.NAMES):
    scores[:, parts.INDEX[rig.part(joint)]] += weights[:, i]
  labels = np.argmax(np.round(scores, 9), axis=1)
  # Ties in the plane of symmetry go to neither side.
  sided = (mirror == np.arange(len(mirror))) & (
    np.array(parts.MIRROR)[labels] != labels
  )
  labels[sided] = parts.INDEX["torso"]
  return labels.astype(np.uint8)
