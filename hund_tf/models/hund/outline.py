"""Where the outline of a body and that of a person's mask lie apart.

Limbs and torso are cut by a few sections. Of each, the body's outermost points
on both sides of the bone in the picture are compared with the border of the
mask along the bone's normal, which is sampled to a fraction of a cell. A border
counts if nothing else can have made it: the bone lies inside the mask and
across the line of sight, its ends are seen, and no other limb is near.
"""

from typing import NamedTuple

import numpy as np

from hund_tf.body import keypoints as keypoint_table
from hund_tf.body import parts as part_table
from hund_tf.body import skeleton
from hund_tf.body.model import BodyModel
from hund_tf.body.points import PointSet
from hund_tf.compat import tf
from hund_tf.types import CROP_SIZE, MAP_SIZE, NUM_JOINTS

RING = 8  # points around a section
_SAMPLES = 24  # of the mask from the bone outwards
_INSIDE = 0.5  # foreground probability at the border
_OUTSIDE = 0.25  # at most what it is further out
_FURTHER = 8.0  # crop pixels: a cell
_BEYOND = 24.0  # crop pixels searched beyond twice the body's half width
_FLAT, _SIDEWAYS = 0.5, 0.7  # share of its length that a bone must show
_CLEARANCE = 1.3  # radii of another limb within which it may be the border


class _Bone(NamedTuple):
  """A straight piece of the body between keypoints."""

  ends: tuple[tuple[str, ...], tuple[str, ...]]  # each a mean of keypoints
  joints: tuple[str, str]  # of the skeleton, whose line sections stand on
  part: str
  sections: tuple[float, ...]  # from the first joint (0) to the second (1)
  radius: float  # metres
  free: float  # from here on it may cover the border of other bones


def _limb(side, upper, lower, joints, part, sections, radius, free=0.0):
  names = tuple((f"{side}_{name}",) for name in (upper, lower))
  return _Bone(
    names,
    tuple(f"{side}_{name}" for name in joints),
    f"{side}_{part}",
    sections,
    radius,
    free,
  )


def _side(s: str) -> list[_Bone]:
  knee, ankle, elbow, wrist = "knee", "ankle", "elbow", "wrist"
  return [
    _limb(s, "hip", knee, ("hip", knee), "upper_leg", (0.45, 0.7), 0.085, 0.4),
    _limb(s, knee, ankle, (knee, ankle), "lower_leg", (0.3, 0.65), 0.06),
    _limb(
      s, "shoulder", elbow, ("shoulder", elbow), "upper_arm", (0.4, 0.65), 0.055
    ),
    _limb(s, elbow, wrist, (elbow, wrist), "lower_arm", (0.35, 0.65), 0.045),
  ]


_TORSO = _Bone(
  (("mid_hip",), ("neck",)),
  ("pelvis", "neck1"),
  "torso",
  (0.05, 0.2, 0.4, 0.6),
  0.15,
  0.0,
)
_BONES = (_TORSO, *_side("l"), *_side("r"))
# The bone of each section.
OF_BONE = np.repeat(np.arange(len(_BONES)), [len(b.sections) for b in _BONES])
NUM_SECTIONS = len(OF_BONE)


def _mixing() -> np.ndarray:
  """`[2, bones, 25]` shares of keypoints in both ends of the bones."""
  mixing = np.zeros([2, len(_BONES), keypoint_table.BODY.stop], np.float32)
  for k, bone in enumerate(_BONES):
    for end, names in enumerate(bone.ends):
      for name in names:
        mixing[end, k, keypoint_table.INDEX[name]] = 1.0 / len(names)
  return mixing


def _neighbours() -> np.ndarray:
  """`[sections, bones]`: 1 where the bone can make the section's border."""
  table = np.ones([len(_BONES), len(_BONES)], np.float32)
  np.fill_diagonal(table, 0.0)
  for k, bone in enumerate(_BONES):
    if bone.part.endswith("upper_leg"):
      table[k, 0] = 0.0
  return table[OF_BONE]


_ENDS = _mixing()
_NEIGHBOURS = _neighbours()
_RADII = np.array([bone.radius for bone in _BONES], np.float32)
_FREE = np.array([bone.free for bone in _BONES], np.float32)


def section_points(body_model: BodyModel) -> PointSet:
  """`RING` points of the skin for each section, section by section."""
  asset = body_model.asset
  ids = []
  for bone in _BONES:
    first, last = (
      asset.joint_template[skeleton.INDEX[name]] for name in bone.joints
    )
    along = last - first
    length = np.linalg.norm(along)
    along = along / length
    members = np.flatnonzero(asset.parts == part_table.INDEX[bone.part])
    offset = asset.template[members] - first
    height = offset @ along
    across = offset - height[:, None] * along
    x = np.cross(along, [0.0, 0.0, 1.0])
    x /= np.linalg.norm(x)
    angle = np.arctan2(across @ np.cross(along, x), across @ x)
    for share in bone.sections:
      ids += _ring(members, height - share * length, angle)
  ids = np.array(ids, np.int32)
  mix = np.eye(len(ids), len(ids) + NUM_JOINTS, dtype=np.float32)
  return PointSet(ids, np.zeros([len(ids), 3]), mix, np.zeros(len(ids)))


def _ring(members: np.ndarray, height: np.ndarray, angle: np.ndarray) -> list:
  """The vertices nearest to evenly spread directions in the plane height 0."""
  chosen = []
  for k in range(RING):
    turn = np.angle(np.exp(1j * (angle - 2.0 * np.pi * k / RING)))
    # An eighth of a turn off counts like 3 cm off the plane.
    cost = np.abs(height) / 0.03 + np.abs(turn) / (np.pi / 4.0)
    chosen.append(int(members[np.argmin(cost)]))
  return chosen


class Mask(NamedTuple):
  """What is known of B people's outlines."""

  foreground: tf.Tensor  # [B, 60, 60] probability
  weights: tf.Tensor  # [B] in [0, 1]; 0 = unknown


class Borders(NamedTuple):
  """Both sides of every section, S = 2 `NUM_SECTIONS`."""

  rows: tf.Tensor  # [B, S] int32 of the section points: the outermost
  normals: tf.Tensor  # [B, S, 2] outwards, in the picture
  targets: tf.Tensor  # [B, S] crop pixels along the normals: the mask's border
  centres: tf.Tensor  # [B, S] of the bones along the normals
  weights: tf.Tensor  # [B, S] in [0, 1]


def find(
  pixels: tf.Tensor,
  keypoints: tf.Tensor,
  scale: tf.Tensor,
  confidence: tf.Tensor,
  mask: Mask,
) -> Borders:
  """The borders of masks at the sections of bodies.

  Args:
    pixels: `[B, NUM_SECTIONS * RING, 2]` the section points, crop pixels.
    keypoints: `[B, 25, 3]` of the same bodies: crop pixels, and depth in crop
      pixels by the scale.
    scale: `[B, 1]` crop pixels of a metre where the people are.
    confidence: `[B, 25]` of the keypoints that were seen.
    mask: of the people.
  """
  first, last = (tf.einsum("ek,bkc->bec", mix, keypoints) for mix in _ENDS)
  flat = (last - first)[..., :2]
  shown = tf.norm(flat, axis=-1)
  along = flat / tf.maximum(shown, 1.0)[..., None]
  across = tf.stack([-along[..., 1], along[..., 0]], axis=-1)
  across = tf.gather(across, OF_BONE, axis=1)  # [B, sections, 2]
  rings = tf.reshape(pixels, [-1, NUM_SECTIONS, RING, 2])
  offset = tf.reduce_sum(rings * across[:, :, None], axis=-1)
  rows = tf.stack([tf.argmax(offset, -1), tf.argmin(offset, -1)], axis=-1)
  widest, least = tf.reduce_max(offset, -1), tf.reduce_min(offset, -1)
  middle, half = (widest + least) / 2.0, (widest - least) / 2.0
  centre = tf.reduce_mean(rings, axis=2)
  centre += (middle - tf.reduce_sum(centre * across, -1))[..., None] * across
  sides = tf.constant([1.0, -1.0])
  normals = across[:, :, None] * sides[:, None]  # [B, sections, 2, 2]
  reach = (2.0 * half + _BEYOND)[..., None]
  distance, sharp = _border(mask, centre, normals, reach)
  ends = centre[:, :, None] + distance[..., None] * normals
  length = tf.norm(last - first, axis=-1)
  sideways = (shown / tf.maximum(length, 1.0) - _FLAT) / (_SIDEWAYS - _FLAT)
  sure = tf.einsum("ek,bk->be", _ENDS.mean(axis=0), confidence)
  bone = tf.clip_by_value(sideways, 0.0, 1.0) * sure
  weights = sharp * _clear(ends, first, last, scale)
  weights *= tf.gather(bone, OF_BONE, axis=1)[..., None]
  weights *= mask.weights[:, None, None]
  flat_middle = middle[..., None] * sides
  rows += RING * np.arange(NUM_SECTIONS)[:, None]
  count = 2 * NUM_SECTIONS
  return Borders(
    tf.cast(tf.reshape(rows, [-1, count]), tf.int32),
    tf.reshape(normals, [-1, count, 2]),
    tf.reshape(flat_middle + distance, [-1, count]),
    tf.reshape(flat_middle, [-1, count]),
    tf.reshape(weights, [-1, count]),
  )


def _border(mask, centre, normals, reach) -> tuple[tf.Tensor, tf.Tensor]:
  """Distances `[B, sections, 2]` of the border, and 1 where there is one."""
  steps = np.linspace(0.0, 1.0, _SAMPLES, dtype=np.float32)
  distance = reach[..., None] * steps  # [B, sections, 1, T]
  places = centre[:, :, None, None] + (
    distance[..., None] * normals[:, :, :, None]
  )
  inside = foreground_at(mask, places)  # [B, sections, 2, T]
  out = tf.cast(inside < _INSIDE, tf.float32)
  after = tf.clip_by_value(tf.cumsum(out, axis=-1), 0.0, 1.0)
  here = after[..., 1:] - after[..., :-1]  # 1 at the first step out
  before, behind = inside[..., :-1], inside[..., 1:]
  share = (before - _INSIDE) / tf.maximum(before - behind, 1e-3)
  found = distance[..., :-1] + share * (distance[..., 1:] - distance[..., :-1])
  border = tf.reduce_sum(here * found, axis=-1)
  beyond = centre[:, :, None] + (border + _FURTHER)[..., None] * normals
  outside = tf.cast(foreground_at(mask, beyond) < _OUTSIDE, tf.float32)
  return border, outside * tf.reduce_max(here, axis=-1)


def foreground_at(mask: Mask, places: tf.Tensor) -> tf.Tensor:
  """Foreground probabilities at places `[B, ..., 2]` in crop pixels.

  Between the cells' middles they are interpolated linearly.
  """
  shape = tf.shape(places)[:-1]
  cells = tf.reshape(places, [shape[0], -1, 2]) * (MAP_SIZE / CROP_SIZE) - 0.5
  cells = tf.clip_by_value(cells, 0.0, MAP_SIZE - 1.0)
  corner = tf.minimum(tf.floor(cells), MAP_SIZE - 2.0)
  share = cells - corner
  # Places that are not finite give no number, but an index all the same.
  corner = tf.clip_by_value(tf.cast(corner, tf.int32), 0, MAP_SIZE - 2)
  flat = tf.reshape(mask.foreground, [-1, MAP_SIZE * MAP_SIZE])
  index = corner[..., 1] * MAP_SIZE + corner[..., 0]
  x, y = share[..., 0], share[..., 1]
  take = lambda shift: tf.gather(flat, index + shift, batch_dims=1)
  upper = take(0) * (1.0 - x) + take(1) * x
  lower = take(MAP_SIZE) * (1.0 - x) + take(MAP_SIZE + 1) * x
  return tf.reshape(upper * (1.0 - y) + lower * y, shape)


def _clear(ends, first, last, scale) -> tf.Tensor:
  """1 where places `[B, sections, 2, 2]` are far from all other bones."""
  first = first + _FREE[:, None] * (last - first)
  along = (last - first)[..., :2]
  offset = ends[:, :, :, None] - first[:, None, None, :, :2]
  square = tf.maximum(tf.reduce_sum(along * along, axis=-1), 1.0)
  share = tf.einsum("bstec,bec->bste", offset, along) / square[:, None, None]
  share = tf.clip_by_value(share, 0.0, 1.0)[..., None]
  gap = tf.norm(offset - share * along[:, None, None], axis=-1)
  near = gap < _CLEARANCE * _RADII * scale[:, None, None]
  blocked = tf.cast(near, tf.float32) * _NEIGHBOURS[:, None]
  return 1.0 - tf.reduce_max(blocked, axis=-1)
