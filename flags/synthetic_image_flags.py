"""Flags of the synthetic images."""

import dataclasses

from flags import synthetic_flags
from flags.from_config import define
from hund_tf.body.pose_prior import PosePrior
from hund_tf.files import OutputFolder
from hund_tf.motion.pose_library import PoseLibrary
from hund_tf.options import check, option
from hund_tf.synthetic.images import backgrounds
from hund_tf.synthetic.images.dataset import DatasetConfig


@dataclasses.dataclass(frozen=True)
class ImagesConfig(OutputFolder):
  """What images show, and how they are made."""

  split: str = option(
    "train",
    "Whose poses are shown, and the name of the files. Validation shows "
    "captured poses of held-out clips, as they are.",
    name="image_split",
    choices=("train", "validation"),
  )
  workers: int = option(
    1,
    "Number of processes; the images do not depend on it.",
    name="image_workers",
    low=1,
  )
  background_glob: str | None = option(
    None,
    "Photos without people to use as backgrounds, such as 'PHOTOS/*.jpg'; "
    "without it backgrounds are procedural.",
  )
  sheet_images: int = option(
    24,
    "Number of images on contact_sheet.png beside the shards; 0 draws none.",
    low=0,
    high=400,
  )

  def __post_init__(self):
    check(self)


to_run_config = define(ImagesConfig, "Synthetic images")
_to_dataset = define(DatasetConfig, "Synthetic images", exclude=("flow_poses",))


def to_poses() -> PoseLibrary:
  """Poses of the split.

  Raises:
    ValueError: if the pose file or the folder cannot be used.
  """
  return synthetic_flags.to_poses(PosePrior.load(), to_run_config().split)


def to_config() -> DatasetConfig:
  """What is made, as the flags describe it.

  Raises:
    ValueError: if no background matches, or shards would be empty.
  """
  run = to_run_config()
  examples = synthetic_flags.to_config()
  if run.split == "validation":
    examples = examples.captured_only()
  if _to_dataset().pose_set:
    examples = examples.whole_people()
  pattern = run.background_glob
  return _to_dataset(
    held_out=run.split == "validation",
    name=run.split,
    scene=examples.scene,
    photos=backgrounds.find_photos(pattern) if pattern else (),
  )
