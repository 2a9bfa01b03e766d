"""Forward kinematics over the 63 joints and the driven twist joints.

In the zero pose (all rotations the identity) the body stands in a T-pose and
every joint frame is aligned with the body frame. The resting pose of the mesh
is another one, an A-pose; the constant rotations A_j lead from it to the zero
pose, so joint j maps rest directions by Q_j A_j, where Q_j is the product of
the local rotations from the root down to j.
"""

from collections.abc import Sequence

import numpy as np

from hund_tf.body import skeleton
from hund_tf.compat import tf

_FADE = 0.05  # how wide the split fades out around 180 degrees of twist
_UNDEFINED = 1e-3  # keeps the split of an undefined twist at the identity

# Twist joint -> the joint whose rotation it shares. Thighs and upper arms share
# with the joint above them, forearms with the wrist below.
_ABOVE = {
  f"{s}_{twist}": f"{s}_{joint}"
  for s in "lr"
  for twist, joint in (
    ("upper_leg_twist", "hip"),
    ("upper_arm_twist", "shoulder"),
  )
}
_BELOW = {f"{s}_lower_arm_twist": f"{s}_wrist" for s in "lr"}
TWIST_PARTNERS = _ABOVE | _BELOW  # twist joint -> the joint it shares with
_ARM_FRAME = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
_LEG_FRAME = ((0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (1.0, 0.0, 0.0))


class _Twists:
  """Index tables of one kind of twist joint."""

  def __init__(self, partners: dict[str, str]):
    self.twists = [skeleton.INDEX[name] for name in partners]
    self.partners = [skeleton.INDEX[name] for name in partners.values()]
    self.frames = np.array(
      [_LEG_FRAME if "leg" in name else _ARM_FRAME for name in partners],
      np.float32,
    )


_SHARED_ABOVE, _SHARED_BELOW = _Twists(_ABOVE), _Twists(_BELOW)


def half_twist(rotations: tf.Tensor, frames: np.ndarray) -> tf.Tensor:
  """Rotation by half the twist of `rotations` about an axis.

  A rotation is a swing S (about a normal of the axis) and a twist T about the
  axis, as S T or, with another S, as T S. Half of T jumps where the twist
  passes 180 degrees; this half fades to the identity there instead, and where
  the swing is 180 degrees and the twist undefined, so it is smooth everywhere.
  It is within 7% of the true half up to 120 degrees.

  Args:
    rotations: `[B, N, 3, 3]`.
    frames: `[N, 3, 3]` right-handed frames, the axis in the first row.

  Returns:
    `[B, N, 3, 3]` rotations about the axes.
  """
  x, y = _half_direction(_in_frames(rotations, frames))
  norm = tf.math.rsqrt(x * x + y * y)
  x, y = x * norm, y * norm
  zero, one = tf.zeros_like(x), tf.ones_like(x)
  rows = [[one, zero, zero], [zero, x, -y], [zero, y, x]]
  turned = tf.stack([tf.stack(row, axis=-1) for row in rows], axis=-2)
  return tf.matmul(tf.matmul(frames, turned, transpose_a=True), frames)


def _in_frames(rotations: tf.Tensor, frames: np.ndarray) -> tf.Tensor:
  return tf.matmul(tf.matmul(frames, rotations), frames, transpose_b=True)


def _half_direction(local: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
  """(x, y) along half the angle of the twist about the first axis."""
  # (1 + R_aa) times (1, cosine, sine) of the twist.
  scale = 1.0 + local[..., 0, 0]
  cosine = local[..., 1, 1] + local[..., 2, 2]
  sine = local[..., 2, 1] - local[..., 1, 2]
  # (1 + cos t, sin t) points along half the angle t.
  return scale + cosine + _FADE * (scale - cosine) + _UNDEFINED, sine


def half_twist_slope(rotations: tf.Tensor, frames: np.ndarray) -> tf.Tensor:
  """How the angle of `half_twist` changes as the rotation turns, `[B, N, 3]`.

  Its product with a turn w, R -> exp(w) R, is the change of the angle.

  Args:
    rotations: `[B, N, 3, 3]`.
    frames: as of `half_twist`.
  """
  local = _in_frames(rotations, frames)
  x, y = _half_direction(local)
  zero = tf.zeros_like(x)
  scale = tf.stack([zero, local[..., 2, 0], -local[..., 1, 0]], -1)
  cosine = tf.stack(
    [local[..., 1, 2] - local[..., 2, 1], -local[..., 0, 2], local[..., 0, 1]],
    axis=-1,
  )
  sine = tf.stack(
    [local[..., 1, 1] + local[..., 2, 2], -local[..., 0, 1], -local[..., 0, 2]],
    axis=-1,
  )
  by_x = (1.0 + _FADE) * scale + (1.0 - _FADE) * cosine
  slope = x[..., None] * sine - y[..., None] * by_x
  slope /= (x * x + y * y)[..., None]
  return tf.linalg.matvec(frames, slope, transpose_a=True)


def _take(rotations: tf.Tensor, indices: list[int]) -> tf.Tensor:
  return tf.gather(rotations, indices, axis=1)


def _replace(
  rotations: tf.Tensor, indices: list[int], values: tf.Tensor
) -> tf.Tensor:
  """`rotations` with the joints `indices` replaced by `values` in order."""
  order = list(range(len(skeleton.NAMES)))
  for k, index in enumerate(indices):
    order[index] = len(order) + k
  return tf.gather(tf.concat([rotations, values], axis=1), order, axis=1)


def _whole_rotations(rotations: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
  """Products of twist joints and their partners: above, below `[B,N,3,3]`."""
  above = tf.matmul(
    _take(rotations, _SHARED_ABOVE.partners),
    _take(rotations, _SHARED_ABOVE.twists),
  )
  below = tf.matmul(
    _take(rotations, _SHARED_BELOW.twists),
    _take(rotations, _SHARED_BELOW.partners),
  )
  return above, below


def drive_twists(rotations: tf.Tensor) -> tf.Tensor:
  """Splits the twist of shoulders, hips and wrists with the twist joints.

  The twist joints take half of the twist (see `half_twist`); products along
  the chains, thus the orientations of all joints further out, do not change.
  Driving twice is driving once.

  Args:
    rotations: `[B, 63, 3, 3]` local rotations.

  Returns:
    `[B, 63, 3, 3]` local rotations with driven twist joints.
  """
  above, below = _whole_rotations(rotations)
  half_above = half_twist(above, _SHARED_ABOVE.frames)
  half_below = half_twist(below, _SHARED_BELOW.frames)
  return _replace(
    rotations,
    _SHARED_ABOVE.partners
    + _SHARED_ABOVE.twists
    + _SHARED_BELOW.twists
    + _SHARED_BELOW.partners,
    tf.concat(
      [
        tf.matmul(above, half_above, transpose_b=True),
        half_above,
        half_below,
        tf.matmul(half_below, below, transpose_a=True),
      ],
      axis=1,
    ),
  )


def driven_turns(rotations: tf.Tensor, turns: tf.Tensor) -> tf.Tensor:
  """How driven rotations turn as those that drive them do.

  Args:
    rotations: `[B, 63, 3, 3]` local rotations, twist joints the identity.
    turns: `[B, 63, 3, D]` rotation vectors of these in the parents' frames by
      any D numbers; those of the twist joints are not read.

  Returns:
    `[B, 63, 3, D]` of `drive_twists(rotations)`; a twist joint turns with its
    partner's numbers.
  """
  above, below = _SHARED_ABOVE, _SHARED_BELOW
  parts = []
  for table in (above, below):
    whole = _take(rotations, table.partners)
    by_whole = _take(turns, table.partners)
    slope = half_twist_slope(whole, table.frames)
    angle = tf.matmul(slope[..., None, :], by_whole)
    axis = table.frames[:, 0, :, None]  # of the twist
    half = axis * angle
    if table is above:  # W H^T, then H
      partner = by_whole - tf.matmul(whole, axis) * angle
    else:  # H, then H^T W
      turned = half_twist(whole, table.frames)
      partner = tf.matmul(turned, by_whole, transpose_a=True) - half
    parts += [(table.partners, partner), (table.twists, half)]
  indices = [index for found, _ in parts for index in found]
  return _replace(turns, indices, tf.concat([x for _, x in parts], axis=1))


def undrive_twists(rotations: tf.Tensor) -> tf.Tensor:
  """Gives the twist joints' share back: the inverse of `drive_twists`.

  Args:
    rotations: `[B, 63, 3, 3]` local rotations.

  Returns:
    `[B, 63, 3, 3]` local rotations whose twist joints are the identity.
  """
  above, below = _whole_rotations(rotations)
  twists = _SHARED_ABOVE.twists + _SHARED_BELOW.twists
  identity = tf.eye(3, batch_shape=[tf.shape(rotations)[0], len(twists)])
  return _replace(
    rotations,
    _SHARED_ABOVE.partners + _SHARED_BELOW.partners + twists,
    tf.concat([above, below, identity], axis=1),
  )


def global_transforms(
  rotations: tf.Tensor,
  offsets: tf.Tensor,
  parents: Sequence[int] = skeleton.PARENTS,
) -> tuple[tf.Tensor, tf.Tensor]:
  """Chains local transforms from the root to every joint.

  Pointer jumping: in each round every joint applies the transform of the joint
  it points at, then points where that one pointed, which takes the logarithm
  of the chain's length in steps.

  Args:
    rotations: `[B, J, 3, 3]` local rotations, the root's from body to camera.
    offsets: `[B, J, 3]` metres, of each joint from its parent in the parent's
      frame of the zero pose; the root's is its position.
    parents: `[J]` the joint above each, -1 for the root; ours by default.

  Returns:
    Global rotations Q `[B, J, 3, 3]` and joint positions `[B, J, 3]` metres.
  """
  last = len(parents)  # one transform more: the identity above the root
  pointers = np.array([*(p if p >= 0 else last for p in parents), last])
  transforms = tf.concat([rotations, offsets[..., None]], axis=-1)
  identity = tf.eye(3, 4, batch_shape=[tf.shape(rotations)[0], 1])
  transforms = tf.concat([transforms, identity], axis=1)
  while (pointers < last).any():
    above = tf.gather(transforms, pointers, axis=1)
    moved = tf.matmul(above[..., :3], transforms)
    transforms = moved + tf.pad(
      above[..., 3:], [[0, 0], [0, 0], [0, 0], [3, 0]]
    )
    pointers = pointers[pointers]
  transforms = transforms[:, :last]
  return transforms[..., :3], transforms[..., 3]


def skin(
  weights: np.ndarray, transforms: tf.Tensor, rest: tf.Tensor
) -> tf.Tensor:
  """Linear blend skinning.

  Args:
    weights: `[V, J]`.
    transforms: `[B, J, 3, 4]` from resting to posed space.
    rest: `[B, V, 3]` metres.

  Returns:
    `[B, V, 3]` metres.
  """
  flat = tf.reshape(transforms, [-1, weights.shape[1], 12])
  blended = tf.reshape(tf.matmul(weights, flat), [-1, weights.shape[0], 3, 4])
  rotated = tf.reduce_sum(blended[..., :3] * rest[:, :, None], axis=-1)
  return rotated + blended[..., 3]


def mirror_rotations(rotations: tf.Tensor) -> tf.Tensor:
  """Local rotations `[..., 63, 3, 3]` of the mirror image (x -> -x)."""
  swapped = tf.gather(rotations, list(skeleton.MIRROR), axis=-3)
  signs = np.array([[1, -1, -1], [-1, 1, 1], [-1, 1, 1]], np.float32)
  return swapped * signs
