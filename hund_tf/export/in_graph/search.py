"""The search for the people of a photo: as `detection.search`, on tensors."""

from hund_tf.compat import tf
from hund_tf.detection import search
from hund_tf.detection.search import SearchConfig
from hund_tf.export.in_graph import candidates as people
from hund_tf.export.in_graph import regions
from hund_tf.export.in_graph.candidates import Candidates, Seen
from hund_tf.export.in_graph.joints import (
  JointReader,
  box_fit,
  joint_similarity,
)
from hund_tf.export.in_graph.networks import Shared
from hund_tf.export.in_graph.pose import PoseReader
from hund_tf.export.in_graph.proposals import Proposer
from hund_tf.export.in_graph.regions import IMAGE


class GraphSearch(tf.Module):
  """Finds people and their joints in a photo.

  Args:
    pose: reads poses.
    config: the least score of a person; a least size is not kept to.
  """

  def __init__(self, pose: PoseReader, config: SearchConfig | None = None):
    super().__init__(name="search")
    self._config = config or SearchConfig()
    self._pose = pose
    self._joints = JointReader()
    self._proposer = Proposer(pose)
    double = lambda *shape: tf.TensorSpec(shape, tf.float64)
    self._from = Shared(
      self._looked_from, IMAGE, double(None, 4), double(None), double()
    )
    self._looked = Shared(self._looked_at, IMAGE, double(None, 4), double(None))

  def __call__(self, image: tf.Tensor) -> Candidates:
    """The people of a photo, the surest first."""
    return self.distinct(self._looked(image, *self._proposer(image)))

  def in_boxes(
    self, image: tf.Tensor, boxes: tf.Tensor
  ) -> tuple[Candidates, tf.Tensor]:
    """The person in each box [N, 4] that is given, and whether there is one."""
    ones = tf.ones(tf.shape(boxes)[:1], tf.float64)
    found = self._looked(image, boxes, ones)
    nobody = tf.zeros(tf.shape(boxes)[:1], tf.bool)
    found, kept, _ = self._owned(found, nobody)
    return self._alone(image, found, kept)

  def _alone(
    self, image: tf.Tensor, found: Candidates, kept: tf.Tensor
  ) -> tuple[Candidates, tf.Tensor]:
    """Boxes without a person once more, with all around them black."""
    boxes = found.seen.box
    missed = ~kept & (_share_inside(boxes, kept) <= search._PART)

    def again(row: tuple[tf.Tensor, Candidates]) -> Candidates:
      chosen, person = row
      one = tf.nest.map_structure(lambda x: x[None], person)
      score = tf.constant([search._ALONE], tf.float64)
      looked = tf.cond(
        chosen,
        lambda: self._looked(
          _cut_out(image, person.seen.box), one.seen.box, score
        ),
        lambda: one,
      )
      return tf.nest.map_structure(lambda x: x[0], looked)

    def second() -> tuple[Candidates, tf.Tensor]:
      specs = tf.nest.map_structure(
        lambda x: tf.TensorSpec(x.shape[1:], x.dtype), found
      )
      late = tf.map_fn(
        again,
        (missed, found),
        fn_output_signature=specs,
        parallel_iterations=1,
      )
      new, both, _ = self._owned(late, kept)
      return new, both

    return tf.cond(tf.reduce_any(missed), second, lambda: (found, kept))

  def _looked_at(
    self, image: tf.Tensor, boxes: tf.Tensor, scores: tf.Tensor
  ) -> Candidates:
    """What is seen in boxes; who may be turned is looked at from all sides."""
    zero = tf.constant(0.0, tf.float64)
    found = self._from(image, boxes, scores, zero)
    unsure = found.certainty() < search._SURE_SIGHT
    unsure |= found.uprightness() < search._STANDS
    rows = tf.where(unsure)[:, 0]
    some = tf.gather(boxes, rows), search._TURN_LOSS * tf.gather(scores, rows)

    def turned() -> Candidates:
      best = found.rows(rows)
      for angle in search._TURNS:
        again = self._from(image, *some, tf.constant(angle, tf.float64))
        better = again.uprightness(angle) > search._UPRIGHT_IN_CROP
        better &= again.evidence() > best.evidence()
        best = people.where(better, again, best)
      return tf.nest.map_structure(
        lambda x, y: tf.tensor_scatter_nd_update(x, rows[:, None], y),
        found,
        best,
      )

    return tf.cond(tf.size(rows) > 0, turned, lambda: found)

  def _looked_from(
    self,
    image: tf.Tensor,
    boxes: tf.Tensor,
    scores: tf.Tensor,
    angle: tf.Tensor,
  ) -> Candidates:
    """What is seen in boxes whose crops are turned by an angle, radians."""
    count = tf.shape(boxes)[0]
    where = regions.upright(boxes, search._CROP_SCALE)
    where = where._replace(angle=where.angle + angle).repeated(2)
    mirrored = tf.tile(tf.constant([False, True]), [count])
    views = self._joints.read(image, where, mirrored)
    joints, alignment = self._poses(image, boxes, angle)
    return people.choose(
      Seen(
        boxes,
        scores,
        tf.reshape(views.centers, [-1, 2, 4]),
        tf.reshape(views.keypoints, [-1, 2, 4, 17, 3]),
        joints,
        alignment,
      )
    )

  def _poses(
    self, image: tf.Tensor, boxes: tf.Tensor, angle: tf.Tensor
  ) -> tuple[tf.Tensor, tf.Tensor]:
    """Joints [N, 17, 3] and alignment [N, 2, 2] of MediaPipe's poses."""
    where = regions.upright(boxes, search._POSE_SCALE)
    first = where._replace(angle=where.angle + angle)
    poses = self._pose.aligned(image, first)
    joints, alignment = poses.joints(), poses.alignment
    fits = box_fit(joints, boxes)
    unsure = tf.where(fits < search._SURE_FIT)[:, 0]

    def again() -> tuple[tf.Tensor, tf.Tensor]:
      closer, seen = self._pose.propose(image, where.rows(unsure))
      rows = tf.boolean_mask(unsure, seen)
      closer = closer.rows(tf.where(seen)[:, 0])
      other = self._pose.aligned(image, closer)
      new = other.joints()
      better = box_fit(new, tf.gather(boxes, rows)) > tf.gather(fits, rows)
      rows = tf.boolean_mask(rows, better)[:, None]
      return tuple(
        tf.tensor_scatter_nd_update(old, rows, tf.boolean_mask(x, better))
        for old, x in ((joints, new), (alignment, other.alignment))
      )

    return tf.cond(tf.size(unsure) > 0, again, lambda: (joints, alignment))

  def distinct(self, found: Candidates) -> Candidates:
    """As `detection.search.PeopleSearch.distinct`."""

    def judge(person, found, kept):
      new = people.choose(person.seen, found.joints, kept)
      person = people.where(self._known(person, found, kept), new, person)
      enough = person.score() >= self._config.detection_threshold
      return person, enough & ~self._known(person, found, kept)

    nobody = tf.zeros(tf.shape(found.seen.box)[:1], tf.bool)
    found, kept, order = _greedy(found, nobody, judge)
    rows = tf.boolean_mask(order, tf.gather(kept, order))
    found = found.rows(rows)
    return found.rows(tf.argsort(-found.evidence(), stable=True))

  def _owned(
    self, found: Candidates, owned: tf.Tensor
  ) -> tuple[Candidates, tf.Tensor, tf.Tensor]:
    """As `detection.search.PeopleSearch._owned`; `owned` [N] are kept."""

    def judge(person, found, kept):
      new = people.choose(person.seen, found.joints, kept)
      other = self._known(person, found, kept) | ~person.inside()
      person = people.where(other, new, person)
      new = people.choose(
        person.seen,
        tf.concat([found.joints, person.joints], axis=0),
        tf.concat([kept, [True]], axis=0),
      )
      person = people.where(person.inside(), person, new)
      good = person.evidence() >= search._IN_GIVEN_BOX
      good &= person.inside() & ~self._known(person, found, kept)
      return person, good

    return _greedy(found, owned, judge)

  def _known(
    self, person: Candidates, found: Candidates, kept: tf.Tensor
  ) -> tf.Tensor:
    """[1]: whether a person is one of those who are kept."""
    size = tf.minimum(person.seen.size, found.seen.size)
    alike = joint_similarity(person.joints, found.joints, size)
    known = kept & (alike > self._config.max_similarity)
    return tf.reduce_any(known)[None]


def _greedy(
  found: Candidates, kept: tf.Tensor, judge
) -> tuple[Candidates, tf.Tensor, tf.Tensor]:
  """Judges people, those with the most evidence first.

  Args:
    found: N people.
    kept: [N] those who are kept already, and are not judged.
    judge: (a person, all, kept) -> who it is, and whether they are kept.

  Returns:
    The people as they were judged, who is kept [N], and the order [N].
  """
  order = tf.argsort(-found.evidence(), stable=True)

  def step(k, looks, joints, kept):
    i = order[k][None]
    now = Candidates(found.seen, looks, joints)
    person, good = judge(now.rows(i), now, kept)
    fresh = good & ~tf.gather(kept, i)
    rows = tf.boolean_mask(i, fresh)[:, None]
    put = lambda old, new: tf.tensor_scatter_nd_update(
      old, rows, tf.boolean_mask(new, fresh)
    )
    kept = tf.tensor_scatter_nd_update(
      kept, rows, tf.ones(tf.shape(rows)[:1], tf.bool)
    )
    return k + 1, put(looks, person.looks), put(joints, person.joints), kept

  _, looks, joints, kept = tf.while_loop(
    lambda k, *_: k < tf.size(order),
    step,
    (tf.constant(0), found.looks, found.joints, kept),
    parallel_iterations=1,
  )
  return Candidates(found.seen, looks, joints), kept, order


def _cut_out(image: tf.Tensor, box: tf.Tensor) -> tf.Tensor:
  """The photo, black but for a box [4] and a little around it."""
  margin = search._CUT_MARGIN * tf.reduce_max(box[2:])
  low = tf.floor(tf.maximum(box[:2] - margin, 0.0))
  high = tf.math.ceil(box[:2] + box[2:] + margin)
  y = tf.range(tf.cast(tf.shape(image)[0], tf.float64), dtype=tf.float64)
  x = tf.range(tf.cast(tf.shape(image)[1], tf.float64), dtype=tf.float64)
  rows, columns = (y >= low[1]) & (y < high[1]), (x >= low[0]) & (x < high[0])
  return tf.where((rows[:, None] & columns[None])[..., None], image, 0)


def _share_inside(boxes: tf.Tensor, kept: tf.Tensor) -> tf.Tensor:
  """[N]: the largest share of each of boxes [N, 4] in one that is kept [N]."""
  a, b = boxes[:, None], boxes[None]
  low = tf.maximum(a[..., :2], b[..., :2])
  high = tf.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:])
  inner = tf.reduce_prod(tf.maximum(high - low, 0.0), axis=-1)
  largest = tf.reduce_max(tf.where(kept, inner, 0.0), axis=-1)
  return largest / tf.reduce_prod(boxes[:, 2:], axis=-1)
