"""Batches of the multitask network: records, read and changed at random."""

import dataclasses
import functools

import numpy as np

from hund_tf.compat import tf
from hund_tf.records import contents, multitask_examples
from hund_tf.records.crop_augmentation import CropAugmentation
from hund_tf.records.multitask_examples import MultitaskExample
from hund_tf.records.shards import Manifest, first_records
from hund_tf.records.stream import RecordStream
from hund_tf.training.input_pipeline import ALL_ROWS, Batches
from hund_tf.training.multitask.config import MultitaskTrainingConfig


class MultitaskBatches(Batches):
  """Batches of a run: a function of its seed and the step alone."""

  workers = 2

  def __init__(
    self,
    stream: RecordStream,
    image_size: int,
    augmentation: CropAugmentation,
    config: MultitaskTrainingConfig,
  ):
    """Keeps where records come from and what becomes of them."""
    super().__init__(config)
    self._stream, self._image_size = stream, image_size
    self._augmentation = augmentation

  def batch(self, step: tf.Tensor, rows: slice = ALL_ROWS) -> MultitaskExample:
    """The batch `[batch_size, ...]` of a step, or some rows of it."""
    step = tf.cast(step, tf.int64)
    size = self._config.batch_size
    first, end, stride = rows.indices(size)
    positions = step * size + tf.range(first, end, stride, tf.int64)

    def read(step: np.ndarray) -> np.ndarray:
      try:
        return np.array(self._stream.serialized(int(step), rows), object)
      except Exception as error:
        self.failure = error
        raise

    records = tf.numpy_function(read, [step], tf.string)
    return multitask_examples.make_batch(
      tf.ensure_shape(records, positions.shape),
      positions,
      self._image_size,
      self._augmentation,
      self._config.seed,
      self._config.learn_detected,
    )


def held_out_batches(
  manifest: Manifest,
  count: int,
  image_size: int,
  batch_size: int,
  box_scale: float = CropAugmentation.box_scale,
  detected: bool = False,
) -> list[MultitaskExample]:
  """The first records of a dataset as batches, as they look at test time.

  Args:
    manifest: of the dataset.
    count: of records; fewer if there are no more.
    image_size: S.
    batch_size: of all batches but the last.
    box_scale: side of the crop, sides of the person's box.
    detected: see `multitask_examples.make_example`.
  """
  still = CropAugmentation(
    **dict.fromkeys((f.name for f in dataclasses.fields(CropAugmentation)), 0.0)
    | {"box_scale": box_scale}
  )
  check = functools.partial(contents.check, image=True)
  records = first_records(manifest, count, check)
  make = tf.function(
    lambda data, positions: multitask_examples.make_batch(
      data, positions, image_size, still, detected=detected
    ),
    autograph=False,
    reduce_retracing=True,
  )
  batches = []
  for first in range(0, len(records), batch_size):
    some = records[first : first + batch_size]
    positions = tf.range(first, first + len(some), dtype=tf.int64)
    batches.append(make(tf.constant(some), positions))
  return batches
