"""Flags of the synthetic training examples."""

import dataclasses
import os

from absl import flags

from hund_tf.body.pose_prior import PosePrior
from hund_tf.motion import pose_library
from hund_tf.synthetic.examples import SyntheticConfig

_DEFAULT = SyntheticConfig()

_MOCAP_DIR = flags.DEFINE_string(
  "synthetic_mocap_dir",
  None,
  "Folder with cmu_mb_bvh and cmu_daz_bvh; without it (and without "
  "--pose_file) all poses come from the pose prior's flow.",
)
_POSE_FILE = flags.DEFINE_string(
  "pose_file",
  None,
  "The .npz of captured poses: read if it exists, else written from "
  "--synthetic_mocap_dir, so that clips are read once.",
)
_NOISE = flags.DEFINE_float(
  "detector_noise",
  _DEFAULT.noise.scale,
  "Scale of the detectors' errors in the examples; 0 gives clean targets.",
  lower_bound=0.0,
  upper_bound=1.0,
)
_ANNOTATED = flags.DEFINE_float(
  "annotated_people",
  _DEFAULT.annotated,
  "Share of people in training whose keypoints are all known without error, as "
  "annotated ones are.",
  lower_bound=0.0,
  upper_bound=1.0,
)
_MENDABLE = flags.DEFINE_float(
  "mendable_errors",
  _DEFAULT.mendable_errors,
  "Factor, in training, of what detectors lose or take for another thing where "
  "all part maps are known: in K of two thirds of the people, in B of others.",
  lower_bound=0.0,
)
_FLOW_POSES = flags.DEFINE_float(
  "flow_poses",
  _DEFAULT.scene.flow_poses,
  "Share of body poses sampled from the flow.",
  lower_bound=0.0,
  upper_bound=1.0,
)
_FULL_PARTS = flags.DEFINE_float(
  "full_parts",
  _DEFAULT.full_parts,
  "Share of examples whose part maps are all known.",
  lower_bound=0.0,
  upper_bound=1.0,
)
_NO_PARTS = flags.DEFINE_float(
  "no_parts",
  _DEFAULT.no_parts,
  "Share of examples without part maps and foreground; the rest know the "
  "foreground only.",
  lower_bound=0.0,
  upper_bound=1.0,
)


@flags.multi_flags_validator(
  ["full_parts", "no_parts"],
  message="--full_parts and --no_parts must sum to at most 1",
)
def _shares(values: dict) -> bool:
  return values["full_parts"] + values["no_parts"] <= 1.0


def to_config() -> SyntheticConfig:
  """The distribution of examples as the flags describe it."""
  return dataclasses.replace(
    _DEFAULT,
    scene=dataclasses.replace(_DEFAULT.scene, flow_poses=_FLOW_POSES.value),
    noise=dataclasses.replace(_DEFAULT.noise, scale=_NOISE.value),
    annotated=_ANNOTATED.value,
    mendable_errors=_MENDABLE.value,
    full_parts=_FULL_PARTS.value,
    no_parts=_NO_PARTS.value,
  )


def has_captures() -> bool:
  """Whether the flags give captured poses."""
  return bool(_POSE_FILE.value or _MOCAP_DIR.value)


def to_poses(
  prior: PosePrior, split: str = "train"
) -> pose_library.PoseLibrary:
  """Poses of one split ("train", "validation" or "held_out").

  Raises:
    ValueError: if the pose file or the folder cannot be used.
  """
  path, folder = _POSE_FILE.value, _MOCAP_DIR.value
  if path and os.path.exists(path):
    splits = pose_library.load(path)
  elif folder:
    splits = pose_library.read_clips(folder)
    if path:
      pose_library.save(splits, path)
  elif path:
    raise ValueError(
      f"--pose_file={path}: there is no such file; give "
      "--synthetic_mocap_dir to write it"
    )
  else:
    return pose_library.empty()
  return pose_library.encode(getattr(splits, split), prior)
