"""Flags of the synthetic training examples."""

import sys
from collections.abc import Iterator

from tqdm import tqdm

from flags.from_config import define
from hund_tf.body.model import BodyModel
from hund_tf.body.pose_prior import PosePrior
from hund_tf.motion import pose_library
from hund_tf.motion.pose_library import CapturesConfig, PoseLibrary
from hund_tf.synthetic.example_config import SyntheticConfig
from hund_tf.synthetic.examples import SyntheticExamples
from hund_tf.types import TrainingExample

_to_captures = define(CapturesConfig, "Captured poses")
to_config = define(
  SyntheticConfig,
  "Synthetic examples",
  exclude=("jitter_shift", "jitter_zoom"),
)


def has_captures() -> bool:
  """Whether the flags give captured poses."""
  return _to_captures().given


def to_poses(prior: PosePrior, split: str = "train") -> PoseLibrary:
  """Poses of one split ("train", "validation" or "held_out").

  Raises:
    ValueError: if the pose file or the folder cannot be used.
  """
  return pose_library.read_captures(_to_captures(), prior, split)


def to_held_out(prior: PosePrior) -> tuple[PoseLibrary, SyntheticConfig]:
  """Poses and distribution of examples that figures are reported on.

  Raises:
    ValueError: if the pose file or the folder cannot be used.
  """
  poses, settings = to_poses(prior, "held_out"), to_config()
  return poses, settings.captured_only() if len(poses.up) else settings


def to_measured_batches(
  body: BodyModel, split: str, seed: int, batch_size: int, count: int
) -> Iterator[TrainingExample]:
  """Batches of at least `count` examples that a calibration is made of.

  A bar on the console shows how many were taken.

  Args:
    body: of the people.
    split: see `to_poses`.
    seed: of the examples.
    batch_size: of all batches.
    count: of examples.

  Raises:
    ValueError: if the pose file or the folder cannot be used.
  """
  examples = SyntheticExamples(
    body, to_poses(body.pose_prior, split), to_config().captured_only()
  )
  batches = -(-count // batch_size)
  with tqdm(
    total=batches * batch_size, unit="example", file=sys.stderr
  ) as progress:
    for step in range(batches):
      yield examples.example_batch(seed, step, batch_size)
      progress.update(batch_size)
