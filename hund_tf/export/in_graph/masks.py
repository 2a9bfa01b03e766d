"""Foreground maps of the crops of a photo's people, as tensors.

The counterpart of `detection.masks` and of `detection.features.foreground_map`.
A limb's distance is that to the straight line between its ends, where
`detection.masks` measures from drawn pixels: where people overlap, masks differ
by a few pixels.
"""

from hund_tf.body import keypoints as table
from hund_tf.compat import tf
from hund_tf.detection import masks
from hund_tf.export.in_graph import regions
from hund_tf.export.in_graph.joints import bounds
from hund_tf.export.in_graph.regions import Regions
from hund_tf.types import CROP_SIZE, MAP_SIZE, UNSEEN_BACKGROUND

_STARTS, _ENDS = zip(
  *((table.INDEX[a], table.INDEX[b]) for a, b in masks._BONES), strict=True
)


def owners(
  patches: tf.Tensor, where: Regions, points: tf.Tensor, size: tf.Tensor
) -> tf.Tensor:
  """Whom each pixel of a photo belongs to, as `masks.person_masks` says.

  Args:
    patches: [N, L, S, S] float32 foreground probabilities of L looks.
    where: the N x L regions of these.
    points: [N, 137, 3] keypoints.
    size: [2] height and width of the photo, int32.

  Returns:
    [H, W] int32, -1 for nobody.
  """
  count, looks = tf.shape(patches)[0], patches.shape[1]
  nobody = tf.fill(size, float("inf"))
  near = lambda i: limb_distance(points[i], size)

  def nearest(i, first, second):
    own = near(i)
    second = tf.minimum(second, tf.maximum(first, own))
    return i + 1, tf.minimum(first, own), second

  several = lambda: tf.while_loop(
    lambda i, *_: i < count,
    nearest,
    (tf.constant(0), nobody, nobody),
    parallel_iterations=1,
  )[1:]
  first, second = tf.cond(count > 1, several, lambda: (nobody, nobody))

  def lost(i):
    own = near(i)
    others = tf.where(own > first, first, second)
    share = tf.clip_by_value((own - others) / masks._MARGIN, 0.0, 1.0)
    return tf.where(tf.math.is_finite(own), 0.5 * share, 0.0)

  def claim(i, best, owner):
    total = tf.zeros(size)
    for k in range(looks):
      one = Regions(*(x[i * looks + k] for x in where))
      total += pasted(patches[i, k], one, size)
    own = total / looks
    own -= tf.cond(count > 1, lambda: lost(i), lambda: tf.zeros(size))
    wins = own > best
    return i + 1, tf.where(wins, own, best), tf.where(wins, i, owner)

  start = tf.constant(0), tf.fill(size, 0.5), tf.fill(size, -1)
  _, _, owner = tf.while_loop(
    lambda i, *_: i < count, claim, start, parallel_iterations=1
  )
  return owner


def pasted(patch: tf.Tensor, where: Regions, size: tf.Tensor) -> tf.Tensor:
  """As `detection.roi.paste_roi`: a patch [S, S] of one region in a photo."""
  side = patch.shape[0]
  c, s = tf.cos(where.angle), tf.sin(where.angle)
  step = side / where.size
  column, row = tf.stack([c, -s]) * step, tf.stack([s, c]) * step
  from_center = 0.5 - where.center
  origin = from_center[0] * column + from_center[1] * row + side / 2 - 0.5
  x, y = regions.sampled(tf.stack([origin, column, row]), size[0], size[1])
  return regions.bilinear(patch[..., None], x, y)[..., 0] / 1024.0


def limb_distance(points: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
  """How far pixels are from the limbs of a person; see the module.

  Args:
    points: [137, 3] x, y (pixels) and confidence.
    size: [2] height and width of the photo, int32.

  Returns:
    [H, W] float32, larger sides of the extent of the known body keypoints;
    infinite where no limb is known.
  """
  body = points[table.BODY]
  low, high, _ = bounds(body[:, :2], body[:, 2] > masks._KNOWN, 1)
  extent = tf.cast(tf.maximum(tf.reduce_max(high - low), 1.0), tf.float32)
  ends = tf.gather(points, [_STARTS, _ENDS])  # [2, bones, 3]
  known = tf.reduce_min(ends[..., 2], axis=0) > masks._KNOWN
  ends = tf.cast(tf.round(ends[..., :2] - 0.5), tf.float32)
  y = tf.range(tf.cast(size[0], tf.float32))[:, None]
  x = tf.range(tf.cast(size[1], tf.float32))[None]
  nearest = tf.fill(size, float("inf"))
  for k in range(len(_STARTS)):
    start, along = ends[0, k], ends[1, k] - ends[0, k]
    length = tf.maximum(tf.reduce_sum(along * along), 1e-6)
    dx, dy = x - start[0], y - start[1]
    share = tf.clip_by_value((dx * along[0] + dy * along[1]) / length, 0, 1)
    apart = tf.square(dx - share * along[0]) + tf.square(dy - share * along[1])
    nearest = tf.minimum(nearest, tf.where(known[k], apart, float("inf")))
  return tf.sqrt(nearest) / extent


def foreground_maps(
  owner: tf.Tensor, boxes: tf.Tensor, size: tf.Tensor
) -> tf.Tensor:
  """As `detection.features.foreground_map`, of N people.

  Args:
    owner: [H, W] of `owners`.
    boxes: [N, 4] square crop boxes, float64 pixels.
    size: [2] height and width of the photo, int32.

  Returns:
    [N, 60, 60] float32.
  """

  def one(row: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
    i, box = row
    crop = mask_crop(tf.cast(tf.equal(owner, i), tf.float32), box)
    cell = CROP_SIZE // MAP_SIZE
    cells = tf.reshape(crop, [MAP_SIZE, cell, MAP_SIZE, cell])
    share = [
      _share_inside(box[1 - k], box[2], tf.cast(size[k], tf.float64))
      for k in (0, 1)
    ]
    inside = tf.cast(share[0][:, None] * share[1], tf.float32)
    person = tf.reduce_mean(cells, axis=[1, 3])
    return person * inside + (1.0 - UNSEEN_BACKGROUND) * (1.0 - inside)

  return tf.map_fn(
    one,
    (tf.range(tf.shape(boxes)[0]), boxes),
    fn_output_signature=tf.TensorSpec([MAP_SIZE, MAP_SIZE]),
    parallel_iterations=1,
  )


def mask_crop(mask: tf.Tensor, box: tf.Tensor) -> tf.Tensor:
  """A square crop [480, 480] of a mask [H, W]; its border goes on outside."""
  ratio = box[2] / CROP_SIZE
  size = tf.shape(mask)
  before = tf.cast(size, tf.float64)

  def smaller() -> tuple[tf.Tensor, tf.Tensor]:
    target = regions.shrunk_size(size, ratio)
    small = tf.raw_ops.ResizeArea(images=mask[None, ..., None], size=target)
    scale = tf.cast(target, tf.float64) / before
    return small[0, ..., 0], scale[::-1]

  small, scale = tf.cond(
    ratio > regions.SHRINK_FROM,
    smaller,
    lambda: (mask, tf.ones([2], tf.float64)),
  )
  center, half = box[:2] + box[2:] / 2, box[2] / 2
  first = (center - half + ratio / 2) * scale - 0.5
  zero = tf.zeros([], tf.float64)
  steps = [
    first,
    tf.stack([ratio * scale[0], zero]),
    tf.stack([zero, ratio * scale[1]]),
  ]
  x, y = regions.sampled(tf.stack(steps), CROP_SIZE, CROP_SIZE)
  last = 32 * (tf.shape(small) - 1)
  x, y = tf.clip_by_value(x, 0, last[1]), tf.clip_by_value(y, 0, last[0])
  return regions.bilinear(small[..., None], x, y)[..., 0] / 1024.0


def _share_inside(
  start: tf.Tensor, side: tf.Tensor, length: tf.Tensor
) -> tf.Tensor:
  """[60] share of each cell of [start, start + side] within [0, length]."""
  edges = start + tf.range(MAP_SIZE + 1, dtype=tf.float64) * (side / MAP_SIZE)
  edges = tf.clip_by_value(edges, 0.0, length)
  return (edges[1:] - edges[:-1]) * (MAP_SIZE / side)
