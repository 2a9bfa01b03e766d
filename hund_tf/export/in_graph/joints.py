"""Joints of people: reading, comparing and fusing them, as tensors.

The counterpart of `detection.thunder`, `detection.fusion` and the functions of
`detection.finding`. Where a docstring names one of these, shapes are as there
with any number of batch axes in front.
"""

from typing import NamedTuple

from hund_tf.compat import tf
from hund_tf.detection import confidence, finding, fusion, thunder
from hund_tf.detection.networks import MOVENET_THUNDER
from hund_tf.export.in_graph import regions
from hund_tf.export.in_graph.networks import SavedNetwork
from hund_tf.export.in_graph.regions import Regions

_LIMIT = thunder._MAX_CANDIDATES


class Views(NamedTuple):
  """The people in V views, at most four each, the network's own first."""

  centers: tf.Tensor  # [V, 4] probability of the centre; -1 for nobody
  keypoints: tf.Tensor  # [V, 4, 17, 3] x, y and score


def iou(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
  """Intersection over union [...] of boxes [..., 4], which broadcast."""
  low = tf.maximum(a[..., :2], b[..., :2])
  high = tf.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:])
  inner = tf.reduce_prod(tf.maximum(high - low, 0.0), axis=-1)
  areas = tf.reduce_prod(a[..., 2:], -1) + tf.reduce_prod(b[..., 2:], -1)
  return inner / tf.maximum(areas - inner, 1e-9)


def bounds(
  points: tf.Tensor, chosen: tf.Tensor, least: int
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
  """Lowest and highest [..., 2] of the chosen ones of points [..., K, 2].

  Returns:
    These, zeros where fewer than `least` are chosen, and whether enough are.
  """
  enough = tf.reduce_sum(tf.cast(chosen, tf.int32), axis=-1) >= least
  some = chosen[..., None]
  low = tf.reduce_min(tf.where(some, points, points.dtype.max), axis=-2)
  high = tf.reduce_max(tf.where(some, points, points.dtype.min), axis=-2)
  low = tf.where(enough[..., None], low, 0.0)
  return low, tf.where(enough[..., None], high, 0.0), enough


def box_fit(keypoints: tf.Tensor, box: tf.Tensor) -> tf.Tensor:
  """As `thunder.box_fit`: keypoints [..., K, 3] and boxes [..., 4]."""
  sure = keypoints[..., 2] > thunder._SURE
  low, high, enough = bounds(keypoints[..., :2], sure, 3)
  return tf.where(enough, iou(tf.concat([low, high - low], -1), box), 0.0)


def similarity(
  keypoints: tf.Tensor, reference: tf.Tensor, size: tf.Tensor
) -> tf.Tensor:
  """As `thunder.similarity`: [..., 17, 3] twice, and sizes [...]."""
  apart = tf.norm(keypoints[..., :2] - reference[..., :2], axis=-1)
  close = tf.exp(-0.5 * (apart / size[..., None] / thunder._WIDTH) ** 2)
  weights = reference[..., 2]
  total = tf.maximum(tf.reduce_sum(weights, axis=-1), 1e-6)
  return tf.reduce_sum(close * weights, axis=-1) / total


def joint_similarity(a: tf.Tensor, b: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
  """As `finding.joint_similarity`: [..., 17, 3] twice, and sizes [...]."""
  weight = tf.minimum(a[..., 2], b[..., 2])
  apart = tf.norm(a[..., :2] - b[..., :2], axis=-1)
  width = finding._SAME_WIDTH * size[..., None]
  close = tf.exp(-0.5 * (apart / width) ** 2)
  total = tf.maximum(tf.reduce_sum(weight, axis=-1), 1e-6)
  return tf.reduce_sum(weight * close, axis=-1) / total


def trust(keypoints: tf.Tensor, box: tf.Tensor) -> tf.Tensor:
  """As `thunder.trust`."""
  return tf.clip_by_value((box_fit(keypoints, box) - 0.35) / 0.3, 0.0, 1.0)


def fuse(
  looks: tf.Tensor, other: tf.Tensor, other_weight: float, size: tf.Tensor
) -> tf.Tensor:
  """As `fusion.fuse` of two networks, the first of weight 1.

  Args:
    looks: [N, L, 17, 3] x, y and score.
    other: [N, M, 17, 3] of the other network.
    other_weight: of the other network.
    size: [N] larger sides of the boxes, pixels.

  Returns:
    [N, 17, 3] x, y and the share of the weight that agrees.
  """
  weights = tf.concat(
    [
      found[..., 2] * (weight / found.shape[1]) + fusion._FLOOR
      for found, weight in ((looks, 1.0), (other, other_weight))
    ],
    axis=1,
  )
  points = tf.concat([looks, other], axis=1)[..., :2]
  apart = tf.norm(points[:, :, None] - points[:, None], axis=-1)
  distance = apart / size[:, None, None, None]
  kernel = tf.exp(-0.5 * (distance / fusion._WIDTH) ** 2)
  density = tf.einsum("nabk,nbk->nak", kernel, weights)
  best = tf.argmax(density, axis=1)  # [N, 17]
  near = tf.gather(tf.transpose(kernel, [0, 3, 1, 2]), best, batch_dims=2)
  near *= tf.transpose(weights, [0, 2, 1])  # [N, 17, looks]
  total = tf.reduce_sum(near, axis=-1)
  places = tf.einsum("nkl,nlkc->nkc", near / total[..., None], points)
  share = tf.clip_by_value(total / (1.0 + other_weight), 0.0, 1.0)
  return tf.concat([places, share[..., None]], axis=-1)


def calibrated(group: str, raw: tf.Tensor) -> tf.Tensor:
  """As `confidence.calibrated`."""
  offset, slope = confidence._FITTED[group]
  known = tf.clip_by_value(raw, 1e-6, confidence._SUREST)
  logit = tf.math.log(known) - tf.math.log1p(-known)
  return tf.where(raw > 0, tf.sigmoid(offset + slope * logit), 0.0)


def probability(share: tf.Tensor) -> tf.Tensor:
  """As `fusion.probability`."""
  offset, slope = fusion._CALIBRATION
  seen = tf.minimum(share / fusion._SEEN_SHARE, 1.0)
  return calibrated("body", tf.sigmoid(offset + slope * share) * seen)


class JointReader(tf.Module):
  """MoveNet, as `thunder.Thunder`."""

  def __init__(self):
    super().__init__(name="joint_reader")
    self._network = SavedNetwork(MOVENET_THUNDER)

  def read(
    self, image: tf.Tensor, where: Regions, mirrored: tf.Tensor
  ) -> Views:
    """The people in V views of a photo, x, y in its pixels."""
    crops = regions.crops(image, where, self._network.side, mirrored)
    found = decode_people(self._network(crops))
    keypoints = tf.cast(found.keypoints, tf.float64)
    swapped = tf.gather(keypoints, thunder.MIRROR_17, axis=2)
    swapped = swapped * [-1.0, 1.0, 1.0] + [1.0, 0.0, 0.0]
    rows = mirrored[:, None, None, None]
    keypoints = tf.where(rows, swapped, keypoints)
    flat = tf.reshape(keypoints[..., :2], [-1, _LIMIT * 17, 2])
    pixels = tf.reshape(where.to_image(flat), [-1, _LIMIT, 17, 2])
    return Views(
      tf.cast(found.centers, tf.float64),
      tf.concat([pixels, keypoints[..., 2:]], axis=-1),
    )


def decode_people(outputs: dict[str, tf.Tensor]) -> Views:
  """As `thunder.decode_people`, of V crops; x, y in [0, 1] of the crops."""
  centers = outputs["centers"][..., 0]
  side = centers.shape[1]
  axis = tf.range(side, dtype=tf.float32)
  grid = tf.stack(tf.meshgrid(axis, axis, indexing="ij"), axis=-1)
  from_middle = tf.norm(grid - side / 2, axis=-1)
  flat = tf.reshape(centers, [-1, side * side])
  own = tf.argmax(
    flat / tf.reshape(from_middle + thunder._FALL, [1, -1]),
    axis=1,
    output_type=tf.int32,
  )
  peak = tf.nn.max_pool2d(centers[..., None], thunder._PEAK_SIDE, 1, "SAME")
  highest = tf.reduce_max(centers, axis=[1, 2], keepdims=True)
  first = tf.stack([own // side, own % side], axis=-1)
  away = tf.norm(
    grid[None] - tf.cast(first, tf.float32)[:, None, None], axis=-1
  )
  other = (centers == peak[..., 0]) & (centers > thunder._MIN_PEAK * highest)
  other &= away > thunder._MIN_APART
  others = tf.where(tf.reshape(other, [-1, side * side]), flat, -1.0)
  values, cells = tf.math.top_k(others, _LIMIT - 1)
  cells = tf.concat([own[:, None], cells], axis=1)  # [V, 4]
  values = tf.concat(
    [tf.gather(flat, own[:, None], batch_dims=1), values], axis=1
  )
  return Views(values, _keypoints(outputs, cells, grid, side))


def _keypoints(
  outputs: dict[str, tf.Tensor], cells: tf.Tensor, grid: tf.Tensor, side: int
) -> tf.Tensor:
  """Keypoints [V, 4, 17, 3] of people with centres in cells [V, 4]."""
  numbers = lambda name, size: tf.reshape(
    outputs[name], [-1, side * side, 17, size]
  )
  rough = tf.gather(numbers("regression", 2), cells, batch_dims=1)
  place = tf.stack([cells // side, cells % side], axis=-1)
  places = rough + tf.cast(place, tf.float32)[:, :, None]  # [V, 4, 17, 2]
  heat = numbers("heatmaps", 1)[..., 0]
  flat = tf.reshape(grid, [-1, 1, 2])
  best = tf.stack(
    [
      tf.argmax(
        heat / (tf.norm(flat - places[:, i, None], axis=-1) + thunder._FALL),
        axis=1,
        output_type=tf.int32,
      )
      for i in range(_LIMIT)
    ],
    axis=1,
  )  # [V, 4, 17] cells

  def at(values: tf.Tensor) -> tf.Tensor:
    """Values [V, cells, 17, C] in the cells."""
    by_joint = tf.transpose(values, [0, 2, 1, 3])
    rows = tf.transpose(best, [0, 2, 1])
    return tf.transpose(tf.gather(by_joint, rows, batch_dims=2), [0, 2, 1, 3])

  cell = tf.cast(tf.stack([best // side, best % side], axis=-1), tf.float32)
  points = (cell + at(numbers("offsets", 2))) / side
  return tf.concat([points[..., ::-1], at(numbers("heatmaps", 1))], axis=-1)
