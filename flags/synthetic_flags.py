"""Flags of the synthetic training examples."""

from flags.from_config import define
from hund_tf.body.pose_prior import PosePrior
from hund_tf.motion import pose_library
from hund_tf.motion.pose_library import CapturesConfig, PoseLibrary
from hund_tf.synthetic.examples import SyntheticConfig

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
