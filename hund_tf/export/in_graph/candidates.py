"""Who is meant by boxes, as tensors: the counterpart of `detection.finding`."""

from typing import NamedTuple

from hund_tf.compat import tf
from hund_tf.detection import finding, thunder
from hund_tf.export.in_graph import joints as joint_math


class Seen(NamedTuple):
  """N boxes and what both networks see in each."""

  box: tf.Tensor  # [N, 4] left, top, width, height, pixels
  box_score: tf.Tensor  # [N]
  centers: tf.Tensor  # [N, 2, 4] of `joints.Views`
  keypoints: tf.Tensor  # [N, 2, 4, 17, 3]
  likely: tf.Tensor  # [N, 17, 3] joints of MediaPipe's pose
  alignment: tf.Tensor  # [N, 2, 2] of that pose

  @property
  def size(self) -> tf.Tensor:
    """Larger sides of the boxes [N], pixels."""
    return tf.reduce_max(self.box[:, 2:], axis=-1)


class Candidates(NamedTuple):
  """N boxes and who is meant by each; see `detection.finding.Candidate`."""

  seen: Seen
  looks: tf.Tensor  # [N, 2, 17, 3]
  joints: tf.Tensor  # [N, 17, 3]

  def evidence(self) -> tf.Tensor:
    """[N]: box scores x certainty of the joints."""
    return self.seen.box_score * self.certainty()

  def certainty(self) -> tf.Tensor:
    """[N] of the joints."""
    return tf.reduce_mean(
      tf.math.top_k(self.joints[..., 2], finding.COUNTED).values, axis=-1
    )

  def score(self) -> tf.Tensor:
    """[N]: the probability of a person whose joints are right."""
    offset, slope = finding._CALIBRATION
    return tf.sigmoid(offset + slope * self.evidence())

  def uprightness(self, angle: float = 0.0) -> tf.Tensor:
    """[N]: how much the trunk points up in a crop turned by an angle."""
    shoulders = tf.reduce_mean(self.joints[:, 5:7, :2], axis=1)
    hips = tf.reduce_mean(self.joints[:, 11:13, :2], axis=1)
    trunk = shoulders - hips
    angle = tf.constant(angle, tf.float64)
    up = tf.stack([tf.sin(angle), -tf.cos(angle)])
    length = tf.maximum(tf.norm(trunk, axis=-1), 1e-6)
    return tf.reduce_sum(trunk * up, axis=-1) / length

  def inside(self) -> tf.Tensor:
    """[N]: whether most of the sure joints lie in the box."""
    box, margin = self.seen.box, finding.MARGIN * self.seen.size
    low = box[:, None, :2] - margin[:, None, None]
    high = box[:, None, :2] + box[:, None, 2:] + margin[:, None, None]
    points = self.joints[..., :2]
    there = tf.reduce_all((points >= low) & (points <= high), axis=-1)
    sure = self.joints[..., 2]
    within = tf.reduce_sum(tf.where(there, sure, 0.0), axis=-1)
    return within > 0.7 * tf.reduce_sum(sure, axis=-1)

  def alike(self, joints: tf.Tensor) -> tf.Tensor:
    """[N]: how much joints [N, 17, 3] are those of the people."""
    return joint_math.joint_similarity(joints, self.joints, self.seen.size)

  def rows(self, chosen: tf.Tensor) -> "Candidates":
    """Those with the given indices."""
    return tf.nest.map_structure(lambda x: tf.gather(x, chosen), self)


def where(chosen: tf.Tensor, a: Candidates, b: Candidates) -> Candidates:
  """The first where it is chosen [N], else the second."""

  def one(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    shape = tf.concat([tf.shape(chosen), [1] * (len(x.shape) - 1)], axis=0)
    return tf.where(tf.reshape(chosen, shape), x, y)

  return tf.nest.map_structure(one, a, b)


def choose(
  seen: Seen,
  others: tf.Tensor | None = None,
  known: tf.Tensor | None = None,
) -> Candidates:
  """As `detection.finding.choose`, of N boxes.

  Args:
    seen: in the boxes.
    others: joints [M, 17, 3] of people who are found already.
    known: [M] bool, which of the others there are.
  """
  size = seen.size[:, None, None]
  people = seen.keypoints  # [N, 2, 4, 17, 3]
  likely, box = seen.likely[:, None, None], seen.box[:, None, None]
  fit = joint_math.box_fit(people, box)
  centers = tf.sqrt(tf.maximum(seen.centers, 0.0))
  value = centers * (fit + thunder._FLOOR)
  alike = joint_math.similarity(people, likely, size)
  trusted = joint_math.trust(seen.likely, seen.box)  # [N]
  value *= thunder._DOUBT + trusted[:, None, None] * alike
  if others is not None:
    near = joint_math.similarity(
      people[..., None, :, :], others, size[..., None]
    )
    near = tf.reduce_max(tf.where(known, near, 0.0), axis=-1)
    value *= tf.exp(-thunder._AVOIDANCE * tf.maximum(near, 0.0))
  value = tf.where(seen.centers >= 0.0, value, -1.0)
  best = tf.argmax(value, axis=-1)  # [N, 2]
  looks = tf.gather(people, best, batch_dims=2)  # [N, 2, 17, 3]
  same = joint_math.similarity(looks, seen.likely[:, None], size[..., 0])
  doubt = trusted[:, None] * (1.0 - same)
  weight = tf.maximum(1.0 - doubt, finding._LEAST_WEIGHT)[..., None, None]
  looks = tf.concat([looks[..., :2], looks[..., 2:] * weight], axis=-1)
  joints = joint_math.fuse(
    looks, seen.likely[:, None], finding.POSE_WEIGHT, seen.size
  )
  return Candidates(seen, looks, joints)
