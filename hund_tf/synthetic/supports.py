"""Seats, saddles and desks of people of the named sets, as boxes.

All stand on the floor, which the lowest point of the body touches. A seat and
a saddle reach up to the lowest point of the torso; a desk covers the legs from
the belly to before the feet, or the knees, and is a little higher than they.
"""

import numpy as np

from hund_tf.body import keypoints as table
from hund_tf.body import parts
from hund_tf.compat import tf
from hund_tf.draws import Draws
from hund_tf.synthetic import solids
from hund_tf.synthetic.pose_sets import People
from hund_tf.synthetic.solids import Boxes
from hund_tf.types import NUM_KEYPOINTS

_TORSO = parts.INDEX["torso"]
_LEGS = [
  i for i, name in enumerate(parts.NAMES) if "leg" in name or "foot" in name
]
COUNT = 2  # boxes of a person: [seat or saddle, desk]
_FACE = ("nose", "l_eye", "r_eye")  # with the 70 of the face
_GAP = (0.03, 0.08)  # metres from legs to the desk's top and front
_BELLY = (0.12, 0.2)  # metres from the pelvis to the desk


def place(
  draws: Draws, people: People, vertices: tf.Tensor, vertex_parts: np.ndarray
) -> Boxes:
  """Two boxes for each person, [seat or saddle, desk], if he has any.

  Args:
    draws: random stream.
    people: B of sets.
    vertices: `[B, V, 3]` metres, camera frame.
    vertex_parts: `[V]` part of each.
  """
  batch = vertices.shape[0]
  axes = tf.stack(
    [tf.linalg.cross(people.up, people.ahead), people.up, people.ahead], -1
  )
  origin = tf.reduce_mean(
    tf.boolean_mask(vertices, vertex_parts == _TORSO, axis=1), axis=1
  )
  own = tf.einsum("bij,bvi->bvj", axes, vertices - origin[:, None])
  torso = tf.boolean_mask(own, vertex_parts == _TORSO, axis=1)
  legs = tf.boolean_mask(own, np.isin(vertex_parts, _LEGS), axis=1)
  floor = tf.reduce_min(own[..., 1], axis=1)
  bottom = tf.reduce_min(torso[..., 1], axis=1)

  def drawn(low, high):
    return draws.uniform([batch], low, high)

  # Where the torso is lowest the body sits.
  lowest = tf.argmin(torso[..., 1], axis=1, output_type=tf.int32)
  middle = tf.gather(torso[..., 2], lowest, batch_dims=1)
  wide = tf.where(people.saddle, drawn(0.08, 0.14), drawn(0.2, 0.3))
  behind = tf.where(people.saddle, drawn(0.4, 0.8), drawn(0.15, 0.3))
  before = tf.where(people.saddle, drawn(0.6, 1.1), drawn(0.1, 0.25))
  seat = _box(
    people.seat | people.saddle,
    [-wide, floor, middle - behind],
    [wide, bottom, middle + before],
  )
  side = drawn(0.15, 0.5)
  desk = _box(
    people.desk,
    [
      tf.reduce_min(legs[..., 0], axis=1) - side,
      floor,
      middle + drawn(*_BELLY),
    ],
    [
      tf.reduce_max(legs[..., 0], axis=1) + side,
      tf.reduce_max(legs[..., 1], axis=1) + drawn(*_GAP),
      tf.reduce_max(legs[..., 2], axis=1) + drawn(*_GAP),
    ],
  )
  middles, halves = (tf.stack(x, axis=1) for x in zip(seat, desk, strict=True))
  return Boxes(
    center=origin[:, None] + tf.einsum("bij,bsj->bsi", axes, middles),
    axes=tf.tile(axes[:, None], [1, 2, 1, 1]),
    half=halves,
  )


def _box(there: tf.Tensor, low: list, high: list) -> tuple:
  """Middle and half lengths `[B, 3]`; where it is not `there` it is empty."""
  low, high = tf.stack(low, axis=-1), tf.stack(high, axis=-1)
  half = tf.where(there[:, None], (high - low) / 2.0, 0.0)
  return (low + high) / 2.0, half


def hidden(people: People, boxes: Boxes, keypoints: tf.Tensor) -> tf.Tensor:
  """1 for keypoints that are behind boxes or of a face that is turned down.

  Args:
    people: B of sets.
    boxes: theirs.
    keypoints: `[B, 137, 3]` metres, camera frame.
  """
  face = np.zeros([NUM_KEYPOINTS], np.float32)
  face[table.FACE] = 1.0
  face[[table.INDEX[name] for name in _FACE]] = 1.0
  turned = tf.cast(people.face_hidden, tf.float32)[:, None] * face
  return tf.maximum(turned, solids.hides(boxes, keypoints))
