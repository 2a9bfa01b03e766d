"""Boxes in which somebody may be, as tensors.

The counterpart of `detection.nanodet` and of the proposals of
`detection.search`.
"""

from typing import NamedTuple

from hund_tf.compat import tf
from hund_tf.detection import nanodet, search
from hund_tf.detection.finding import COUNTED, MARGIN
from hund_tf.detection.networks import NANODET
from hund_tf.export.in_graph import regions
from hund_tf.export.in_graph.joints import bounds, iou
from hund_tf.export.in_graph.networks import SavedNetwork
from hund_tf.export.in_graph.pose import PoseReader, Poses
from hund_tf.export.in_graph.regions import Regions


class Boxes(NamedTuple):
  """People's boxes; float64."""

  boxes: tf.Tensor  # [N, 4] left, top, width, height, pixels
  scores: tf.Tensor  # [N] in [0, 1]


class Proposer(tf.Module):
  """NanoDet's boxes, and those of MediaPipe's people whom it does not see."""

  def __init__(self, pose: PoseReader):
    super().__init__(name="proposer")
    self._network = SavedNetwork(NANODET)
    self._pose = pose
    self._config = nanodet.NanoDetConfig()

  def __call__(self, image: tf.Tensor) -> Boxes:
    """The proposals of a photo [H, W, 3]."""
    height, width = tf.unstack(tf.shape(image)[:2])
    found = self._boxes(image)
    tiles = _joined(
      [regions.tiles(height, width, f) for f in search._TILE_FRACTIONS]
    )
    where, seen = self._pose.propose(image, tiles)
    chosen = tf.where(seen)[:, 0]
    poses = self._pose.aligned(image, where.rows(chosen))
    return with_poses(found, poses, height, width)

  def _boxes(self, image: tf.Tensor) -> Boxes:
    """As `nanodet.NanoDet`, of one photo."""
    config = self._config
    height, width = tf.unstack(tf.shape(image)[:2])
    whole = regions.tiles(height, width, 1.0)
    parts = regions.tiles(height, width, config.tile_fraction)
    tiles = _joined([whole, parts])
    side = self._network.side
    out = self._network(regions.crops(image, tiles, side, tiles.plain()))
    boxes, scores, tile = decoded(out, side)
    own = tiles.rows(tile)
    first = tf.shape(whole.size)[0]
    least = tf.where(tile < first, config.min_score, config.min_tile_score)
    size = tf.cast(tf.stack([width, height]), tf.float64)
    kept = scores >= tf.cast(least, tf.float64)
    kept &= _uncut(boxes, own, size)
    boxes = boxes * own.size[:, None]
    start = own.center - own.size[:, None] / 2
    low = tf.clip_by_value(boxes[:, :2] + start, 0.0, size)
    high = tf.clip_by_value(boxes[:, :2] + start + boxes[:, 2:], 0.0, size)
    boxes = tf.boolean_mask(tf.concat([low, high - low], axis=-1), kept)
    scores = tf.boolean_mask(scores, kept)
    corners = tf.concat([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=-1)
    alone = tf.image.non_max_suppression(
      tf.cast(corners, tf.float32),
      tf.cast(scores, tf.float32),
      tf.shape(scores)[0],
      config.max_iou,
    )
    return Boxes(tf.gather(boxes, alone), tf.gather(scores, alone))


def _joined(parts: list[Regions]) -> Regions:
  return Regions(
    *(tf.concat(part, axis=0) for part in zip(*parts, strict=True))
  )


def decoded(
  outputs: dict[str, tf.Tensor], side: int
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
  """As `nanodet.decode_boxes`, of T crops; all boxes in one list.

  Returns:
    Boxes [N, 4] in [0, 1] of their crops, scores [N], and crops [N].
  """
  boxes, scores, owners = [], [], []
  for stride in nanodet._STRIDES:
    values = outputs[f"stride_{stride}"]
    logits = values[..., : nanodet._CLASSES]
    likeliest = tf.equal(tf.argmax(logits, axis=-1), nanodet._PERSON)
    score = tf.sigmoid(logits[..., nanodet._PERSON])
    config = nanodet.NanoDetConfig()
    lowest = min(config.min_score, config.min_tile_score)
    cells = tf.where(likeliest & (score >= lowest))  # crop, row, column
    bins = tf.gather_nd(values, cells)[:, nanodet._CLASSES :]
    bins = tf.reshape(bins, [-1, 4, nanodet._BINS])
    steps = tf.range(nanodet._BINS, dtype=tf.float64)
    bins = tf.cast(tf.nn.softmax(bins, axis=-1), tf.float64)
    reach = tf.linalg.matvec(bins, steps) * stride
    center = (tf.cast(cells[:, :0:-1], tf.float64) + 0.5) * stride
    low, high = center - reach[:, :2], center + reach[:, 2:]
    boxes.append(tf.concat([low, high - low], axis=-1) / side)
    scores.append(tf.cast(tf.gather_nd(score, cells), tf.float64))
    owners.append(tf.cast(cells[:, 0], tf.int32))
  return tuple(tf.concat(part, axis=0) for part in (boxes, scores, owners))


def _uncut(boxes: tf.Tensor, tiles: Regions, size: tf.Tensor) -> tf.Tensor:
  """As `nanodet.uncut`, of boxes [N, 4] each in its own tile.

  Args:
    boxes: in [0, 1] of the tiles.
    tiles: N of them.
    size: [2] width and height of the photo.
  """
  low, high = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]
  start = tiles.center - tiles.size[:, None] / 2
  end = start + tiles.size[:, None]
  cut = (start > 0.5) & (low < nanodet._BORDER)
  cut |= (end < size - 0.5) & (high > 1 - nanodet._BORDER)
  return ~tf.reduce_any(cut, axis=-1)


def with_poses(
  found: Boxes, poses: Poses, height: tf.Tensor, width: tf.Tensor
) -> Boxes:
  """Boxes, and those of poses that none of them is of."""
  joints = poses.joints()
  seen = joints[..., 2] > search._SEEN
  low, high, enough = bounds(joints[..., :2], seen, COUNTED)
  margin = MARGIN * tf.reduce_max(high - low, axis=-1, keepdims=True)
  size = tf.cast(tf.stack([width, height]), tf.float64)
  low = tf.clip_by_value(low - margin, 0.0, size - 1)
  high = tf.minimum(tf.maximum(high + margin, low + 1), size)
  own = tf.concat([low, high - low], axis=-1)
  usable = enough & (poses.score >= search._MIN_POSE_SCORE)
  boxes = tf.concat([found.boxes, own], axis=0)
  count, first = tf.shape(boxes)[0], tf.shape(found.boxes)[0]
  kept = tf.range(count) < first

  def add(i: tf.Tensor, kept: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    covered = tf.where(kept, iou(boxes[i], boxes), 0.0)
    new = tf.reduce_max(covered) < search._COVERED
    fresh = usable[i - first] & new
    return i + 1, kept | (fresh & tf.equal(tf.range(count), i))

  _, kept = tf.while_loop(
    lambda i, _: i < count, add, (first, kept), parallel_iterations=1
  )
  scores = [found.scores, search._POSE_BOX_SCORE * poses.score]
  return Boxes(
    tf.boolean_mask(boxes, kept),
    tf.boolean_mask(tf.concat(scores, axis=0), kept),
  )
