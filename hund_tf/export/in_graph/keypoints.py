"""The 137 keypoints and 3D landmarks of people, as tensors.

The counterpart of `detection.mapping`, `detection.landmarks_3d` and of the
fusing functions of `detection.detector` and `detection.fusion`.
"""

from hund_tf.body import keypoints as table
from hund_tf.compat import tf
from hund_tf.detection import detector, fusion, landmarks_3d, mapping
from hund_tf.detection.finding import POSE_WEIGHT
from hund_tf.detection.fusion import COCO_TO_33
from hund_tf.detection.hands import LEFT_HAND_POSE, RIGHT_HAND_POSE
from hund_tf.export.in_graph.candidates import Candidates
from hund_tf.export.in_graph.joints import calibrated, fuse, probability
from hund_tf.export.in_graph.parts import Part
from hund_tf.types import NUM_KEYPOINTS

_NOTHING = 33 + 70 + 2 * 21  # row of the parts that is all zeros


def _rows() -> list[int]:
  """For each of the 137 keypoints its row in pose, face, hands, nothing."""
  rows = [_NOTHING] * NUM_KEYPOINTS
  for name, index in mapping.POSE_TO_BODY.items():
    rows[table.INDEX[name]] = index
  rows[table.FACE] = range(33, 103)
  rows[table.LEFT_HAND] = range(103, 124)
  rows[table.RIGHT_HAND] = range(124, 145)
  return rows


_ROWS = _rows()
_BODY = tuple(row < 33 for row in _ROWS)


def fuse_looks(
  person: Candidates, looks: tf.Tensor, merged: tf.Tensor, agreement: tf.Tensor
) -> tf.Tensor:
  """As `detection.detector.fuse_looks`, of N people.

  Args:
    person: who is looked at.
    looks: [N, L, 17, 3] joints of MediaPipe's looks.
    merged: [N, 33, 4] landmarks on which they agree.
    agreement: [N, 33] how much.

  Returns:
    [N, 33, 3] x, y (pixels) and the probability that a landmark is right.
  """
  size = person.seen.size
  joints = fuse(person.looks, looks, POSE_WEIGHT, size)
  sure = probability(joints[..., 2:])
  joints = tf.concat([joints[..., :2], sure], axis=-1)
  confidence = merged[..., 2] * merged[..., 3] * agreement
  pose = tf.concat([merged[..., :2], confidence[..., None]], axis=-1)
  fused = fused_pose(pose, joints, size)
  feet = calibrated("feet", fused[:, detector._FEET, 2:])
  feet = tf.concat([fused[:, detector._FEET, :2], feet], axis=-1)
  return tf.concat([fused[:, : detector._FEET.start], feet], axis=1)


def fused_pose(
  pose: tf.Tensor, joints: tf.Tensor, size: tf.Tensor
) -> tf.Tensor:
  """As `detection.fusion.fused_pose`, of N people."""
  rows = tf.unstack(pose, axis=1)
  for ends, hanging in fusion._LIMB_ENDS:
    own = tf.gather(pose, [COCO_TO_33[i] for i in ends], axis=1)[..., :2]
    ends_at = tf.gather(joints, ends, axis=1)[..., :2]
    distance = tf.norm(ends_at[:, :, None] - own[:, None], axis=-1)
    crossed = (
      distance[:, 0, 1] + distance[:, 1, 0]
      < distance[:, 0, 0] + distance[:, 1, 1]
    )
    for side, end in enumerate(ends):
      straight = _hung(
        pose, joints, size, distance, own, side, end, side, hanging
      )
      other = _hung(
        pose, joints, size, distance, own, side, end, 1 - side, hanging
      )
      moved = tf.where(crossed[:, None, None], other, straight)
      for k, row in enumerate(hanging[side]):
        rows[row] = moved[:, k]
  for k, row in enumerate(COCO_TO_33):
    rows[row] = joints[:, k]
  return tf.stack(rows, axis=1)


def _hung(pose, joints, size, distance, own, side, end, source, hanging):
  """What hangs on a limb's end [N, K, 3], taken from a side of the pose."""
  of_pose = tf.gather(pose, hanging[source], axis=1)
  shift = joints[:, end, :2] - own[:, source]
  attached = distance[:, side, source] <= fusion._MAX_DETACHED * size
  sure = tf.where(attached, joints[:, end, 2], 0.0)
  return tf.concat(
    [
      of_pose[..., :2] + shift[:, None],
      of_pose[..., 2:] * sure[:, None, None],
    ],
    axis=-1,
  )


def drop_double_hands(
  left: Part, right: Part, pose: tf.Tensor
) -> tuple[Part, Part]:
  """As `detection.detector.drop_double_hand`, of N people."""
  a, b = left.points, right.points
  both = (a[:, 0, 2] > 0) & (b[:, 0, 2] > 0)
  extent = tf.reduce_max(a[..., :2], axis=1) - tf.reduce_min(a[..., :2], axis=1)
  size = tf.maximum(tf.reduce_max(extent, axis=-1), 1.0)
  apart = tf.reduce_mean(tf.norm(a[..., :2] - b[..., :2], axis=-1), axis=-1)
  same = both & (apart <= 0.25 * size)
  far_left, far_right = (
    tf.norm(part[:, 0, :2] - pose[:, corners[0], :2], axis=-1)
    for part, corners in ((a, LEFT_HAND_POSE), (b, RIGHT_HAND_POSE))
  )
  kept_left = ~(same & (far_left > far_right))
  kept_right = ~(same & (far_left <= far_right))
  return tuple(
    part._replace(points=tf.where(kept[:, None, None], part.points, 0.0))
    for part, kept in ((left, kept_left), (right, kept_right))
  )


def assemble(
  pose: tf.Tensor, face: Part, left: Part, right: Part, size: tf.Tensor
) -> tf.Tensor:
  """As `detection.mapping.assemble`, of N people; size is [2] width, height."""
  zero = tf.zeros_like(pose[:, :1])
  parts = [pose, face.points, left.points, right.points, zero]
  points = tf.gather(tf.concat(parts, axis=1), _ROWS, axis=1)
  seen = tf.reduce_min(face.points[..., 2], axis=1) > 0
  rows = tf.unstack(points, axis=1)
  for name, chosen in mapping.FACE_TO_BODY.items():
    row = table.INDEX[name]
    middle = tf.gather(face.points, chosen, axis=1)[..., :2]
    closer = [tf.reduce_mean(middle, axis=1), rows[row][:, 2:]]
    rows[row] = tf.where(seen[:, None], tf.concat(closer, axis=-1), rows[row])
  points = tf.stack(rows, axis=1)
  places = points[..., :2]
  sure = tf.clip_by_value(points[..., 2], 0.0, 1.0)
  extent = tf.reduce_max(pose, axis=1) - tf.reduce_min(pose, axis=1)
  margin = mapping._MARGIN * tf.reduce_max(extent[:, :2], axis=-1)
  margin = margin[:, None, None]
  inside = tf.reduce_all(
    (places >= -margin) & (places <= size + margin), axis=-1
  )
  sure = tf.where(inside, sure, 0.0)
  points = tf.concat([places, sure[..., None]], axis=-1)
  points = tf.where(sure[..., None] > 0, points, 0.0)
  rows = tf.unstack(points, axis=1)
  for row, pair in table.MIDPOINT_ROWS.items():
    ends = tf.gather(points, pair, axis=1)
    least = tf.reduce_min(ends[..., 2:], axis=1)
    middle = tf.concat([tf.reduce_mean(ends[..., :2], axis=1), least], axis=-1)
    rows[row] = tf.where(least > 0, middle, 0.0)
  return tf.stack(rows, axis=1)


def body_landmarks(
  world: tf.Tensor,
  weights: tf.Tensor,
  merged: tf.Tensor,
  agreement: tf.Tensor,
  pose: tf.Tensor,
  size: tf.Tensor,
) -> tf.Tensor:
  """As `detection.landmarks_3d.body_landmarks`, of N people.

  Args:
    world: [N, L, 33, 3] metres, of L looks.
    weights: [N, L] of the looks.
    merged: [N, 33, 4] landmarks on which they agree.
    agreement: [N, 33] how much.
    pose: [N, 33, 3] of both networks.
    size: [N] larger sides of the boxes, pixels.
  """
  share = weights / tf.reduce_sum(weights, axis=1, keepdims=True)
  points = tf.einsum("nl,nlkc->nkc", share, world)
  hips = tf.gather(points, landmarks_3d._HIPS, axis=1)
  points -= tf.reduce_mean(hips, axis=1, keepdims=True)
  apart = tf.norm(merged[..., :2] - pose[..., :2], axis=-1) / size[:, None]
  weight = merged[..., 2] * agreement * pose[..., 2]
  weight *= tf.exp(-0.5 * (apart / landmarks_3d._NEAR) ** 2)
  return tf.concat([points, weight[..., None]], axis=-1)


def assemble_3d(
  body: tf.Tensor, face: Part, left: Part, right: Part, points: tf.Tensor
) -> tf.Tensor:
  """As `detection.landmarks_3d.assemble_3d`, of N people."""
  zero = tf.zeros_like(body[:, :1])
  parts = [body, face.spatial, left.spatial, right.spatial, zero]
  spatial = tf.gather(tf.concat(parts, axis=1), _ROWS, axis=1)
  known = (points[..., 2] > 0) | tf.constant(_BODY)
  weight = tf.where(known, tf.clip_by_value(spatial[..., 3], 0.0, 1.0), 0.0)
  spatial = tf.concat([spatial[..., :3], weight[..., None]], axis=-1)
  return tf.where(weight[..., None] > 0, spatial, 0.0)
