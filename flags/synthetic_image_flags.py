"""Flags of the synthetic images."""

from typing import NamedTuple

from absl import flags

from flags import synthetic_flags
from hund_tf.body.pose_prior import PosePrior
from hund_tf.motion.pose_library import PoseLibrary
from hund_tf.synthetic.images import backgrounds
from hund_tf.synthetic.images.composer import ImageConfig
from hund_tf.synthetic.images.dataset import DatasetConfig

_DEFAULT = DatasetConfig()

_OUTPUT_DIR = flags.DEFINE_string(
  "output_dir", None, "Folder for the shards and the manifest.", required=True
)
_SPLIT = flags.DEFINE_enum(
  "split",
  "train",
  ["train", "validation"],
  "Whose poses are shown, and the name of the files. Validation shows captured "
  "poses of held-out clips, as they are.",
)
_SEED = flags.DEFINE_integer(
  "seed", _DEFAULT.seed, "Of the images.", lower_bound=0
)
_NUM_IMAGES = flags.DEFINE_integer(
  "num_images", _DEFAULT.num_images, "Images to make.", lower_bound=1
)
_NUM_SHARDS = flags.DEFINE_integer(
  "num_shards",
  _DEFAULT.num_shards,
  "Files to spread them over; each is made by one process.",
  lower_bound=1,
)
_WORKERS = flags.DEFINE_integer(
  "workers",
  1,
  "Processes; the images do not depend on their number.",
  lower_bound=1,
)
_IMAGE_SIZE = flags.DEFINE_integer(
  "image_size",
  _DEFAULT.image.side,
  "Side of the images, pixels.",
  lower_bound=32,
  upper_bound=2048,
)
_BACKGROUND_GLOB = flags.DEFINE_string(
  "background_glob",
  None,
  "Photos without people to use as backgrounds, such as 'PHOTOS/*.jpg'; "
  "without it backgrounds are procedural.",
)
_COMPANIONS = flags.DEFINE_float(
  "companions",
  _DEFAULT.image.companions,
  "Share of images with other people.",
  lower_bound=0.0,
  upper_bound=1.0,
)
_OCCLUDERS = flags.DEFINE_float(
  "occluders",
  _DEFAULT.image.occluders,
  "Share of images with things in front of the person.",
  lower_bound=0.0,
  upper_bound=1.0,
)
_SHEET_IMAGES = flags.DEFINE_integer(
  "sheet_images",
  24,
  "Images on contact_sheet.png beside the shards; 0: no sheet.",
  lower_bound=0,
  upper_bound=400,
)


class RunConfig(NamedTuple):
  """Where and how images are made."""

  output_dir: str
  workers: int
  sheet_images: int


def to_run_config() -> RunConfig:
  """Where and how images are made."""
  return RunConfig(_OUTPUT_DIR.value, _WORKERS.value, _SHEET_IMAGES.value)


def to_poses() -> PoseLibrary:
  """Poses of the split.

  Raises:
    ValueError: if the pose file or the folder cannot be used.
  """
  return synthetic_flags.to_poses(PosePrior.load(), _SPLIT.value)


def to_config() -> DatasetConfig:
  """What is made, as the flags describe it.

  Raises:
    ValueError: if no background matches, or shards would be empty.
  """
  examples = synthetic_flags.to_config()
  if _SPLIT.value == "validation":
    examples = examples.captured_only()
  pattern = _BACKGROUND_GLOB.value
  return DatasetConfig(
    name=_SPLIT.value,
    seed=_SEED.value,
    num_images=_NUM_IMAGES.value,
    num_shards=_NUM_SHARDS.value,
    scene=examples.scene,
    image=ImageConfig(
      side=_IMAGE_SIZE.value,
      companions=_COMPANIONS.value,
      occluders=_OCCLUDERS.value,
    ),
    photos=backgrounds.find_photos(pattern) if pattern else (),
  )
