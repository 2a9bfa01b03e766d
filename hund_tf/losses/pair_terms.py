"""Terms that relate two people of a photo, and two ready-made ones.

`Touch` brings points of two people together, `Apart` keeps bodies out of each
other.
"""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from hund_tf.body import keypoints as table
from hund_tf.body import poses, skeleton
from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.losses.terms import Term
from hund_tf.types import NUM_JOINTS, BodyOutput

_MESH = "proxy_1500"  # that terms see


@dataclasses.dataclass(frozen=True, eq=False)
class PairTerm:
  """Something that two people shall do, as a function of both.

  `function` takes the `BodyOutput`s of P first and of P second people, metres
  in the camera frame of their photo, with the vertices of the proxy mesh of
  1,500, and is made of TensorFlow's operations. It returns residuals r
  `[P, R]`, which count as weight * sum_i r_i^2.
  """

  name: str
  function: Callable[[BodyOutput, BodyOutput], tf.Tensor]
  weight: float = 1.0  # 1 / sigma^2, if residuals are to be about sigma
  pairs: Sequence[tuple[int, int]] | None = None  # numbers of the first and the
  # second person, from 0; None: every pair, the lower number first

  def __post_init__(self):
    # The same may be wrong with them.
    Term(self.name, self.function, self.weight)  # pyright: ignore[reportArgumentType]

  def residuals(self, first: BodyOutput, second: BodyOutput) -> tf.Tensor:
    """Residuals `[P, R]`, weighted: their squares are what it counts.

    Raises:
      ValueError: if the function gives something else.
    """
    found = tf.convert_to_tensor(self.function(first, second), tf.float32)
    if found.shape.rank != 2 or found.shape[0] != first.joints.shape[0]:
      raise ValueError(
        f"term {self.name!r}: gives {found.shape} of "
        f"{first.joints.shape[0]} pairs, expected residuals [P, R]; mere "
        "values have no Gauss-Newton form"
      )
    return self.weight**0.5 * found

  def pairs_of(self, count: int) -> list[tuple[int, int]]:
    """The pairs among `count` people that it relates.

    Raises:
      ValueError: if a pair is not two different numbers of them.
    """
    if self.pairs is None:
      return [(i, j) for i in range(count) for j in range(i + 1, count)]
    for pair in self.pairs:
      numbers = np.array(pair, object)
      whole = numbers.shape == (2,) and all(
        isinstance(i, int | np.integer) and 0 <= i < count for i in numbers
      )
      if not whole or numbers[0] == numbers[1]:
        raise ValueError(
          f"term {self.name!r}: pair {pair!r} is not the numbers of two of the "
          f"{count} people, who are numbered from 0"
        )
    return [(int(i), int(j)) for i, j in self.pairs]


class Touch:
  """A point of the first person touches one of the second.

  Of a whole hand it is the nearest of its 21 keypoints.
  """

  def __init__(self, first: str, second: str, thickness: float = 0.03):
    """Looks up the points.

    Args:
      first: name of a keypoint, or "l_hand" or "r_hand", of the first person.
      second: likewise, of the second.
      thickness: metres between keypoints, which lie within the flesh, where
        skin touches.

    Raises:
      ValueError: if there is no such keypoint, or the thickness is negative.
    """
    self._rows = _rows(first), _rows(second)
    if not 0.0 <= thickness < float("inf"):
      raise ValueError(f"touch: thickness is {thickness}, expected 0 or more")
    self._thickness = thickness

  def __call__(self, first: BodyOutput, second: BodyOutput) -> tf.Tensor:
    """Gaps `[P, 1]` beyond the thickness, metres."""
    ours, theirs = (
      tf.gather(body.keypoints, rows, axis=1)
      for body, rows in zip((first, second), self._rows, strict=True)
    )
    square = tf.reduce_sum((ours[:, :, None] - theirs[:, None]) ** 2, axis=-1)
    nearest = tf.sqrt(tf.reduce_min(square, axis=[1, 2]) + 1e-12)
    return tf.maximum(nearest - self._thickness, 0.0)[:, None]


def _rows(name: str) -> list[int]:
  hands = {"l_hand": table.LEFT_HAND, "r_hand": table.RIGHT_HAND}
  if name in hands:
    return list(range(len(table.NAMES)))[hands[name]]
  if name not in table.INDEX:
    raise ValueError(
      f"touch: there is no keypoint {name!r}; give one of "
      "person.keypoint_names, or l_hand or r_hand"
    )
  return [table.INDEX[name]]


class Apart:
  """Bodies do not go into each other.

  Both are taken as capsules along their limbs, `CAPSULES`, which lie mostly
  within the skin: the radius of each is a share of the mean distance of the
  skin about it.
  """

  def __init__(self, body_model: BodyModel):
    """Finds the skin that is about each capsule.

    Args:
      body_model: of the people.
    """
    body = body_model.decode(poses.a_pose(body_model), _MESH)
    vertices = body.vertices[0].numpy()
    starts, ends = (x.numpy()[0] for x in _axes(body.joints))
    distance = _off_axis(vertices[:, None], starts, ends)
    self._nearest = np.argmin(distance, axis=1)
    about = np.eye(len(CAPSULES), dtype=np.float32)[self._nearest]
    self._shares = _WITHIN * about / about.sum(axis=0)  # [1500, C]

  def __call__(self, first: BodyOutput, second: BodyOutput) -> tf.Tensor:
    """How deep each capsule of the one is in each of the other.

    Returns:
      `[P, C * C]` metres, 0 where they are apart.
    """
    ours, theirs = _axes(first.joints), _axes(second.joints)
    distance = segment_distances(
      *(x[:, :, None] for x in ours), *(x[:, None] for x in theirs)
    )
    both = (
      self._radii(first, *ours)[:, :, None]
      + self._radii(second, *theirs)[:, None]
    )
    deep = tf.maximum(both - distance, 0.0)
    return tf.reshape(deep, [-1, len(CAPSULES) ** 2])

  def _radii(
    self, body: BodyOutput, starts: tf.Tensor, ends: tf.Tensor
  ) -> tf.Tensor:
    """Radii `[P, C]` of the capsules, metres."""
    own = [tf.gather(x, self._nearest, axis=1) for x in (starts, ends)]
    return tf.matmul(_off_axis(body.vertices, *own), self._shares)


def _limbs(side: str) -> dict[str, tuple[dict[str, float], dict[str, float]]]:
  """Both ends of the capsules of a side, as shares of joints."""
  s = side
  hip = {f"{s}_hip": 0.7, "pelvis": 0.3}
  shoulder = {f"{s}_shoulder": 0.47, f"{s}_clavicle": 0.38}
  shoulder |= {name: 0.15 * share for name, share in hip.items()}
  return {
    f"{s}_upper_arm": ({f"{s}_shoulder": 1.0}, {f"{s}_elbow": 1.0}),
    f"{s}_lower_arm": ({f"{s}_elbow": 1.0}, {f"{s}_wrist": 1.0}),
    f"{s}_hand": ({f"{s}_wrist": 1.0}, {f"{s}_middle3": 1.0}),
    f"{s}_trunk": (shoulder, hip),
    f"{s}_upper_leg": ({f"{s}_hip": 1.0}, {f"{s}_knee": 1.0}),
    f"{s}_lower_leg": ({f"{s}_knee": 1.0}, {f"{s}_ankle": 1.0}),
    f"{s}_foot": ({f"{s}_ankle": 1.0}, {f"{s}_ball": 1.0}),
  }


CAPSULES = {
  **_limbs("l"),
  **_limbs("r"),
  "trunk": ({"spine4": 1.0}, {"pelvis": 1.0}),
  "head": ({"neck2": 1.0}, {"head": 0.6, "l_eye": 0.2, "r_eye": 0.2}),
}
_WITHIN = 0.85  # of the skin's mean distance


def _joint_shares() -> np.ndarray:
  """Ends of the capsules by the joints, `[2, C, 63]`."""
  shares = np.zeros([2, len(CAPSULES), NUM_JOINTS], np.float32)
  for row, ends in enumerate(CAPSULES.values()):
    for end in (0, 1):
      for name, share in ends[end].items():
        shares[end, row, skeleton.INDEX[name]] = share
  return shares


_SHARES = _joint_shares()


def _axes(joints: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
  """Starts and ends `[P, C, 3]` of the capsules of joints `[P, 63, 3]`."""
  return tf.matmul(_SHARES[0], joints), tf.matmul(_SHARES[1], joints)


def _off_axis(points, starts, ends) -> tf.Tensor:
  """Distances `[...]` of points `[..., 3]` from segments."""
  return segment_distances(points, points, starts, ends)


def segment_distances(
  a0: tf.Tensor, a1: tf.Tensor, b0: tf.Tensor, b1: tf.Tensor
) -> tf.Tensor:
  """Least distances of segments from others (Ericson 2005, 5.1.9).

  Args:
    a0: starts `[..., 3]` of the first ones.
    a1: their ends; a segment may be a point.
    b0: starts of the others, which broadcast.
    b1: their ends.

  Returns:
    `[...]`, at least 1e-6.
  """
  dot = lambda x, y: tf.reduce_sum(x * y, axis=-1)
  inside = lambda x, y: tf.clip_by_value(tf.math.divide_no_nan(x, y), 0.0, 1.0)
  a, b, between = a1 - a0, b1 - b0, a0 - b0
  aa, ab, bb = dot(a, a), dot(a, b), dot(b, b)
  ad, bd = dot(a, between), dot(b, between)
  on_a = inside(ab * bd - ad * bb, aa * bb - ab * ab)
  on_b = inside(ab * on_a + bd, bb)
  on_a = inside(ab * on_b - ad, aa)
  gap = between + on_a[..., None] * a - on_b[..., None] * b
  return tf.sqrt(dot(gap, gap) + 1e-12)
