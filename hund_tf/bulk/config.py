"""Which photos are reconstructed in bulk, by which model, into what."""

import dataclasses

from hund_tf.beam import RunnerConfig
from hund_tf.files import OutputFolder
from hund_tf.options import REQUIRED, check, option

PARQUET, TFRECORD = "parquet", "tfrecord"


@dataclasses.dataclass(frozen=True)
class Limits:
  """What is read at once."""

  batch_photos: int = option(
    16, "Photos that the model is given at once, at most.", low=1
  )
  batch_mb: float = option(
    32.0, "Megabytes of photos that the model is given at once.", low=0.001
  )
  photo_mb: float = option(
    50.0, "Megabytes of a photo; a larger one is a bad input.", low=0.001
  )


@dataclasses.dataclass(frozen=True, kw_only=True)
class BulkConfig(RunnerConfig, OutputFolder):
  """Photos, the model and the results."""

  people_model: str = option(
    REQUIRED, "Folder that `hund export --format=people` wrote."
  )
  inputs: tuple[str, ...] = option(
    (),
    "Photo, tar file or TFRecord file, glob pattern, or folder of these.",
    repeated=True,
  )
  tables: tuple[str, ...] = option(
    (PARQUET,), "Tables that are written.", choices=(PARQUET, TFRECORD)
  )
  with_glb: bool = option(
    False, "Write a GLB with the meshes of each photo that has people."
  )
  shard_photos: int = option(
    500,
    "Photo files of a shard; a tar or TFRecord file is a shard of its own.",
    low=1,
  )
  image_feature: str = option(
    "image/encoded", "Feature of TFRecords' examples that holds the photo."
  )
  limits: Limits = Limits()

  def __post_init__(self):
    check(self)
    if not self.tables:
      raise ValueError("tables: nothing; give parquet, tfrecord or both")
