"""Examples of the multitask network, from stored person records."""

from typing import NamedTuple

from hund_tf.compat import tf
from hund_tf.records import crop_augmentation as augment
from hund_tf.records import part_maps, schema
from hund_tf.records.crop_augmentation import CropAugmentation, CropMap
from hund_tf.types import CROP_SIZE, MAP_SIZE, NUM_KEYPOINTS, NUM_PARTS

_SAMPLES = 2  # labels looked up along each side of a cell of B
_SEEDS = 5  # random numbers of an example


class MultitaskExample(NamedTuple):
  """A crop and what is known of its K and B; `[B, ...]` in batches."""

  image: tf.Tensor  # [S, S, 3] RGB in [0, 1]
  keypoints: tf.Tensor  # [137, 2] crop pixels (480 a side)
  keypoint_weights: tf.Tensor  # [137] in [0, 1]; 0 = unknown
  visibility: tf.Tensor  # [137] 1 seen, 0 hidden
  part_probs: tf.Tensor  # [60, 60, 15] shares of the cells
  part_weights: tf.Tensor  # [16] known channels, the last is visibility
  cell_weights: tf.Tensor  # [60, 60] share of a cell that is known
  box_side: tf.Tensor  # [] larger side of the person's box, crop pixels
  crop: CropMap  # where the crop comes from


def _part_map(
  record: dict[str, tf.Tensor], crop: CropMap, patch: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
  """Shares of the parts `[60, 60, 15]`, and known shares `[60, 60]`."""
  side = _SAMPLES * MAP_SIZE
  shares = part_maps.sampled_shares(record, crop, side)
  hidden = augment.inside_patch(augment.pixel_centers(side), patch)
  shares = tf.where(hidden[..., None], 0.0, shares)
  shares = tf.nn.avg_pool2d(shares[None], _SAMPLES, _SAMPLES, "VALID")[0]
  known = tf.reduce_sum(shares, axis=-1)
  return shares / tf.maximum(known, 1e-6)[..., None], known


def _part_weights(record: dict[str, tf.Tensor]) -> tf.Tensor:
  """Known channels `[16]`: a mask knows background and visibility."""
  weights = tf.where(part_maps.has_mask(record), part_maps.MASK_WEIGHTS, 0.0)
  return tf.where(part_maps.has_labels(record), record["part_weights"], weights)


def _keypoints(
  record: dict[str, tf.Tensor], detected: bool
) -> tuple[tf.Tensor, tf.Tensor]:
  """Keypoints `[137, 3]` with weights, and which are seen `[137]`.

  With `detected`, those of a detector stand in for the annotated ones of a
  record that has none.
  """
  points, seen = record["keypoints"], record["visibility"]
  if not detected:
    return points, seen
  found = record["detected"]
  annotated = tf.reduce_any(points[:, 2] > 0.0)
  return tf.where(annotated, points, found), tf.where(
    annotated, seen, tf.ones_like(seen)
  )


def make_example(
  record: dict[str, tf.Tensor],
  seed: tf.Tensor,
  image_size: int,
  config: CropAugmentation,
  detected: bool = False,
) -> MultitaskExample:
  """The example of a record.

  Args:
    record: what `schema.parse` gives.
    seed: `[2]` int32, of the changes.
    image_size: S.
    config: how far crops are changed.
    detected: whether a detector's keypoints are learned where none are
      annotated (pseudo-labels).

  Returns:
    The example. Keypoints beyond the crop are known, and not in K.
  """
  seeds = [seed + tf.constant([0, 7919 * i]) for i in range(_SEEDS)]
  crop = augment.draw_crop(record["box"], config, seeds[0])
  image = tf.io.decode_image(
    record["image"], channels=3, expand_animations=False
  )
  image = augment.sample(image, crop, image_size) / 255.0
  image = tf.ensure_shape(image, [image_size, image_size, 3])
  patch = tf.zeros([4])
  if config.color:
    image = augment.change_colors(image, config, seeds[1])
  if config.patch:
    patch = augment.draw_patch(config, seeds[2])
    image = tf.cond(
      patch[2] > 0.0,
      lambda: augment.cover(image, patch, seeds[3]),
      lambda: image,
    )
  keypoints, seen = _keypoints(record, detected)
  keypoints = augment.mirror_keypoints(keypoints, crop.mirrored)
  seen = augment.mirror_keypoints(seen, crop.mirrored)
  places = crop.to_crop(keypoints[:, :2])
  covered = augment.inside_patch(places, patch)
  known = keypoints[:, 2]
  part_probs, cell_weights = _part_map(record, crop, patch)
  return MultitaskExample(
    image=image,
    keypoints=tf.where(known[:, None] > 0.0, places, 0.0),
    keypoint_weights=known,
    visibility=tf.where(covered, 0.0, seen),
    part_probs=tf.ensure_shape(part_probs, [MAP_SIZE, MAP_SIZE, NUM_PARTS]),
    part_weights=_part_weights(record),
    cell_weights=tf.ensure_shape(cell_weights, [MAP_SIZE, MAP_SIZE]),
    box_side=tf.reduce_max(record["box"][2:]) / crop.scale(),
    crop=crop,
  )


def make_batch(
  serialized: tf.Tensor,
  positions: tf.Tensor,
  image_size: int,
  config: CropAugmentation,
  seed: int = 0,
  detected: bool = False,
) -> MultitaskExample:
  """The batch `[B, ...]` of stored records `[B]`.

  Args:
    serialized: as `RecordStream` gives them.
    positions: `[B]` int64 places in the stream.
    image_size: S.
    config: how far crops are changed.
    seed: of the changes, with the position.
    detected: see `make_example`.
  """

  def make(row: tuple[tf.Tensor, tf.Tensor]) -> MultitaskExample:
    data, position = row
    numbers = tf.stack([tf.constant(seed, tf.int64), position])
    # Positions of long runs exceed 31 bits; their low bits are enough.
    numbers = tf.cast(numbers % (2**31 - 1), tf.int32)
    return make_example(
      schema.parse(data), numbers, image_size, config, detected
    )

  spec = lambda *shape: tf.TensorSpec(shape, tf.float32)
  maps = (MAP_SIZE, MAP_SIZE)
  return tf.map_fn(
    make,
    (serialized, positions),
    fn_output_signature=MultitaskExample(
      image=spec(image_size, image_size, 3),
      keypoints=spec(NUM_KEYPOINTS, 2),
      keypoint_weights=spec(NUM_KEYPOINTS),
      visibility=spec(NUM_KEYPOINTS),
      part_probs=spec(*maps, NUM_PARTS),
      part_weights=spec(NUM_PARTS + 1),
      cell_weights=spec(*maps),
      box_side=spec(),
      crop=CropMap(spec(2), spec(2, 2), tf.TensorSpec([], tf.bool)),
    ),
    parallel_iterations=4,
  )


def in_crop(keypoints: tf.Tensor) -> tf.Tensor:
  """1 for keypoints `[..., 2]` inside the crop, else 0."""
  inside = (keypoints >= 0.0) & (keypoints < float(CROP_SIZE))
  return tf.cast(tf.reduce_all(inside, axis=-1), tf.float32)
