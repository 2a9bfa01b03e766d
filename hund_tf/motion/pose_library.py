"""Pose libraries: captured body poses as latents of the pose prior.

Clips are read once and kept as two small arrays that the synthetic examples
draw from. The split by clip is that of the pose prior's training
(`pose_dataset.HELD_OUT`, `pose_dataset.VALIDATION`).
"""

import dataclasses
import os
import pathlib
import re
from typing import NamedTuple

import numpy as np

from hund_tf import files, npz_arrays
from hund_tf.body import joint_limits, skeleton
from hund_tf.body.pose_prior import PosePrior
from hund_tf.compat import tf
from hund_tf.motion import mocap, pose_augmentation, pose_dataset
from hund_tf.options import option
from hund_tf.types import BODY_POSE_DIM

_MAX_LATENT = 12.0  # encoded captures are clipped here, standard deviations
_UP = (0.0, 1.0, 0.0)


@dataclasses.dataclass(frozen=True)
class CapturesConfig:
  """Where captured poses come from."""

  synthetic_mocap_dir: str | None = option(
    None,
    "Folder with cmu_mb_bvh and cmu_daz_bvh. Without it (and without "
    "--pose_file) all poses come from the pose prior's flow.",
  )
  pose_file: str | None = option(
    None,
    "The .npz file of captured poses: read if it exists, else written from "
    "--synthetic_mocap_dir, so that clips are read once.",
  )

  @property
  def given(self) -> bool:
    """Whether there are captured poses."""
    return bool(self.pose_file or self.synthetic_mocap_dir)


class BodyPoses(NamedTuple):
  """Captured body poses and how they stood in the world."""

  angles: np.ndarray  # [N, 23, 3] radians, in the order of joint_limits.BODY
  up: np.ndarray  # [N, 3] unit vectors: the world's up in the body frame


class PoseSplits(NamedTuple):
  """Poses of clips that share nothing."""

  train: BodyPoses
  validation: BodyPoses
  held_out: BodyPoses


class PoseLibrary(NamedTuple):
  """Captured poses as latents; what synthetic examples draw from."""

  latents: np.ndarray  # [N, 69] float32, latent body poses
  up: np.ndarray  # [N, 3] float32, the world's up in the body frame


def empty() -> PoseLibrary:
  """A library without poses: all then come from the pose prior's flows."""
  return PoseLibrary(
    np.zeros([0, BODY_POSE_DIM], np.float32), np.zeros([0, 3], np.float32)
  )


def encode(poses: BodyPoses, prior: PosePrior) -> PoseLibrary:
  """The poses as latents of a pose prior."""
  if not len(poses.up):
    return empty()
  angles = tf.constant(poses.angles, tf.float32)
  values = joint_limits.unsquash(angles, joint_limits.BODY)
  latents, _ = prior.flows.body.inverse(tf.reshape(values, [-1, BODY_POSE_DIM]))
  latents = np.clip(latents.numpy(), -_MAX_LATENT, _MAX_LATENT)
  return PoseLibrary(latents, poses.up.astype(np.float32))


def read_clips(
  folder: str | os.PathLike,
  config: pose_dataset.PoseDataConfig | None = None,
  only: tuple[str, ...] | None = None,
) -> PoseSplits:
  """Reads motion-capture clips.

  Args:
    folder: has `cmu_mb_bvh` and `cmu_daz_bvh`.
    config: how clips are thinned and how many recombined poses are added to
      the training poses; the noise of angles is not used.
    only: clips to read; all by default.

  Raises:
    ValueError: if the folder has no clips.
    MotionError: if a clip cannot be read.
  """
  config = config or pose_dataset.PoseDataConfig()
  random = np.random.default_rng(config.seed)
  families: dict[str, dict[str, list[BodyPoses]]] = {
    split: {} for split in PoseSplits._fields
  }
  for name in only or pose_dataset.list_clips(folder):
    split = "train"
    if name in pose_dataset.HELD_OUT:
      split = "held_out"
    elif name in pose_dataset.VALIDATION:
      split = "validation"
    family = re.sub(r"_\d+$", "", name)
    poses = _read(pathlib.Path(folder) / f"{name}.bvh", config)
    families[split].setdefault(family, []).append(poses)
  splits = {
    split: _balance(random, groups, config.max_per_family)
    for split, groups in families.items()
  }
  splits["train"] = _extend(random, splits["train"], config)
  return PoseSplits(**splits)


def _read(path: pathlib.Path, config: pose_dataset.PoseDataConfig) -> BodyPoses:
  """Distinct plausible poses of a clip."""
  rotations = mocap.read_clip(path).astype(np.float32)
  columns = [skeleton.INDEX[joint] for joint in skeleton.BODY_JOINTS]
  angles = joint_limits.from_rotations(
    rotations[:, columns], joint_limits.BODY
  ).numpy()
  good = np.flatnonzero(joint_limits.inside(angles, joint_limits.BODY))
  if len(good):
    good = good[
      mocap.select_frames(
        rotations[good], config.min_change, config.max_per_clip
      )
    ]
  # The pelvis turns body into world: the world's up is its second row.
  return BodyPoses(angles[good], rotations[good, 0, 1, :])


def _balance(
  random: np.random.Generator,
  families: dict[str, list[BodyPoses]],
  limit: int,
) -> BodyPoses:
  """All poses and their mirror images, each family thinned to `limit`."""
  angles = [np.zeros((0, len(skeleton.BODY_JOINTS), 3))]
  up = [np.zeros((0, 3))]
  for clips in families.values():
    some_angles = np.concatenate([clip.angles for clip in clips])
    some_up = np.concatenate([clip.up for clip in clips])
    if len(some_up) > limit:
      rows = np.sort(random.choice(len(some_up), limit, replace=False))
      some_angles, some_up = some_angles[rows], some_up[rows]
    angles += [some_angles, pose_augmentation.mirror_angles(some_angles)]
    up += [some_up, some_up * (-1.0, 1.0, 1.0)]
  return BodyPoses(np.concatenate(angles), np.concatenate(up))


def _extend(
  random: np.random.Generator,
  poses: BodyPoses,
  config: pose_dataset.PoseDataConfig,
) -> BodyPoses:
  """Adds poses with exchanged limbs, and upright standing ones."""
  if not len(poses.up):
    return poses
  # The up vector rides along as one more row, which belongs to no limb.
  rows = np.concatenate([poses.angles, poses.up[:, None]], axis=1)
  more = pose_augmentation.recombine(
    random, rows, int(config.recombined * len(rows))
  )
  standing = pose_augmentation.standing(random, config.standing_poses)
  return BodyPoses(
    np.concatenate([poses.angles, more[:, :-1], standing]),
    np.concatenate([poses.up, more[:, -1], np.tile(_UP, (len(standing), 1))]),
  )


def save(splits: PoseSplits, path: str | os.PathLike) -> None:
  """Writes poses as a compressed npz, atomically.

  Raises:
    ValueError: if the file cannot be written, or its name does not end in
      .npz.
  """
  path = pathlib.Path(path)
  if path.suffix != ".npz":
    raise ValueError(f"pose file {path}: expected a name that ends in .npz")
  arrays = {
    f"{split}/{field}": value.astype(np.float32)
    for split, poses in splits._asdict().items()
    for field, value in poses._asdict().items()
  }
  files.write_npz(path, arrays)


def load(path: str | os.PathLike) -> PoseSplits:
  """Reads what `save` wrote.

  Raises:
    ValueError: if the file is missing or does not hold such poses.
  """
  try:
    arrays = npz_arrays.read(path, npz_arrays.NUMBERS)
    splits = PoseSplits(
      *(
        BodyPoses(arrays[f"{split}/angles"], arrays[f"{split}/up"])
        for split in PoseSplits._fields
      )
    )
  except (OSError, ValueError, KeyError) as error:
    raise ValueError(
      f"pose file {path}: cannot be read ({error}); expected the .npz that "
      "tools.preview_synthetic writes from --synthetic_mocap_dir"
    ) from error
  for split, poses in splits._asdict().items():
    expected = (len(poses.up), len(skeleton.BODY_JOINTS), 3)
    if poses.angles.shape != expected or poses.up.shape[1:] != (3,):
      raise ValueError(
        f"pose file {path}: {split} angles have shape {poses.angles.shape} "
        f"and up {poses.up.shape}, expected {expected} and [N, 3]"
      )
  return splits


def read_captures(
  config: CapturesConfig, prior: PosePrior, split: str = "train"
) -> PoseLibrary:
  """Captured poses of one split ("train", "validation" or "held_out").

  Raises:
    ValueError: if the pose file or the folder cannot be used.
  """
  path, folder = config.pose_file, config.synthetic_mocap_dir
  if path and os.path.exists(path):
    splits = load(path)
  elif folder:
    splits = read_clips(folder)
    if path:
      save(splits, path)
  elif path:
    raise ValueError(
      f"--pose_file={path}: there is no such file; give "
      "--synthetic_mocap_dir to write it"
    )
  else:
    return empty()
  return encode(getattr(splits, split), prior)
