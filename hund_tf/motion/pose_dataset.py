"""Training data of the pose priors: joint angles of CMU clips and of gestures.

Poses are angles `[N, J, 3]` in radians in the convention of `joint_limits`.
Clips are thinned to poses that differ and capped per family, so that long
walks do not dominate; each pose is taken with its mirror image; frames with a
joint outside the limits (broken captures) are dropped; small noise makes the
density of nearly constant angles finite. The split is by clip.
"""

import dataclasses
import os
import pathlib
import re
from typing import NamedTuple

import numpy as np

from hund_tf.body import joint_limits, skeleton
from hund_tf.motion import hand_gestures, mocap, pose_augmentation
from hund_tf.options import option

_FOLDERS = ("cmu_mb_bvh", "cmu_daz_bvh")
# Second copies of a take, and the take's number where a copy has another name.
_DUPLICATES = (
  "cmu_mb_bvh/02_01",
  "cmu_mb_bvh/11_01",
  "cmu_mb_bvh/12_01",
  "cmu_mb_bvh/exp_test_soccer_1",
  "cmu_daz_bvh/10_01",
  "cmu_daz_bvh/10_03",
)
# Clips whose poses are never trained on: the reported figures are on these.
HELD_OUT = (
  "cmu_mb_bvh/01_05",
  "cmu_mb_bvh/01_11",
  "cmu_mb_bvh/02_08",
  "cmu_mb_bvh/05_07",
  "cmu_mb_bvh/exp_train_basketball_2",
  "cmu_mb_bvh/exp_train_basketball_signal_3",
  "cmu_mb_bvh/exp_train_jumping_2",
  "cmu_mb_bvh/exp_train_running_3",
  "cmu_mb_bvh/exp_train_soccer_4",
  "cmu_mb_bvh/exp_train_walking_4",
  "cmu_mb_bvh/exp_train_walking_21",
  "cmu_mb_bvh/exp_train_walking_33",
  "cmu_mb_bvh/exp_train_walking_45",
  "cmu_daz_bvh/11_01",
  "cmu_daz_bvh/indian_13",
  "cmu_daz_bvh/salsa_03",
  "cmu_daz_bvh/salsa_11",
  "cmu_daz_bvh/salsa_20",
  "cmu_daz_bvh/salsa_28",
)
# Clips that choose the training step to keep.
VALIDATION = (
  "cmu_mb_bvh/01_03",
  "cmu_mb_bvh/02_09",
  "cmu_mb_bvh/03_01",
  "cmu_mb_bvh/exp_train_basketball_4",
  "cmu_mb_bvh/exp_train_basketball_signal_1",
  "cmu_mb_bvh/exp_train_jumping_4",
  "cmu_mb_bvh/exp_train_running_5",
  "cmu_mb_bvh/exp_train_soccer_2",
  "cmu_mb_bvh/exp_train_walking_28",
  "cmu_mb_bvh/exp_train_walking_39",
  "cmu_daz_bvh/indian_07",
  "cmu_daz_bvh/salsa_05",
  "cmu_daz_bvh/salsa_24",
)


@dataclasses.dataclass(frozen=True)
class PoseDataConfig:
  """How clips become a balanced set of poses."""

  min_change: float = 0.08  # Frobenius norm per joint between kept poses
  max_per_clip: int = 250
  max_per_family: int = 2500  # clips named alike up to their number
  noise_degrees: float = 1.0  # of every angle
  still_noise_degrees: float = 4.0  # of angles the captures hold constant
  recombined: float = option(
    0.5, "Poses with exchanged limbs per captured training pose.", low=0.0
  )
  standing_poses: int = 500  # upright, arms from hanging to a T-pose
  hand_poses: int = option(40000, "Number of generated hands.", low=100)
  seed: int = 0


class PoseSplits(NamedTuple):
  """Angles `[N, J, 3]` in radians."""

  train: np.ndarray
  validation: np.ndarray
  held_out: np.ndarray


def list_clips(folder: str | os.PathLike) -> list[str]:
  """Names ("folder/file" without suffix) of the usable clips, sorted.

  Raises:
    ValueError: if the folder holds none; the message says what is expected.
  """
  root = pathlib.Path(folder)
  names = sorted(
    f"{part}/{path.stem}"
    for part in _FOLDERS
    for path in (root / part).glob("*.bvh")
  )
  names = [name for name in names if name not in _DUPLICATES]
  if not names:
    raise ValueError(
      f"{root}: no clips; expected BVH files in {' and '.join(_FOLDERS)}"
    )
  return names


def _family(name: str) -> str:
  """Clip name without its number: clips of one kind of motion."""
  return re.sub(r"_\d+$", "", name)


def read_poses(
  folder: str | os.PathLike, name: str, config: PoseDataConfig
) -> np.ndarray:
  """Distinct plausible poses of a clip: angles `[N, 23, 3]` in radians."""
  path = pathlib.Path(folder) / f"{name}.bvh"
  rotations = mocap.read_clip(path).astype(np.float32)
  columns = [skeleton.INDEX[joint] for joint in skeleton.BODY_JOINTS]
  angles = joint_limits.from_rotations(
    rotations[:, columns], joint_limits.BODY
  ).numpy()
  good = joint_limits.inside(angles, joint_limits.BODY)
  if not good.any():
    return angles[:0]
  kept = mocap.select_frames(
    rotations[good], config.min_change, config.max_per_clip
  )
  return angles[good][kept]


def load_body(
  folder: str | os.PathLike,
  config: PoseDataConfig,
  only: tuple[str, ...] | None = None,
) -> PoseSplits:
  """Body poses of the three splits, mirrored and with noise.

  Recombined and standing poses are added to the training poses only.

  Args:
    folder: has `cmu_mb_bvh` and `cmu_daz_bvh`.
    config: how to thin and perturb.
    only: clips to read; all by default.
  """
  random = np.random.default_rng(config.seed)
  parts: dict[str, dict[str, list[np.ndarray]]] = {
    split: {} for split in PoseSplits._fields
  }
  for name in only or list_clips(folder):
    split = "train"
    if name in HELD_OUT:
      split = "held_out"
    elif name in VALIDATION:
      split = "validation"
    poses = read_poses(folder, name, config)
    poses = _add_noise(random, poses, name, config)
    parts[split].setdefault(_family(name), []).append(poses)
  splits = PoseSplits(
    *(_balance(random, parts[s], config) for s in PoseSplits._fields)
  )
  if not len(splits.train):
    return splits
  more = pose_augmentation.recombine(
    random, splits.train, int(config.recombined * len(splits.train))
  )
  upright = pose_augmentation.standing(random, config.standing_poses)
  train = np.concatenate([splits.train, more, _clip(upright)])
  return splits._replace(train=train.astype(np.float32))


def _balance(
  random: np.random.Generator,
  families: dict[str, list[np.ndarray]],
  config: PoseDataConfig,
) -> np.ndarray:
  """All poses and their mirror images, each family capped."""
  result = [np.zeros((0, len(skeleton.BODY_JOINTS), 3))]
  for clips in families.values():
    poses = np.concatenate(clips)
    if len(poses) > config.max_per_family:
      rows = random.choice(len(poses), config.max_per_family, replace=False)
      poses = poses[np.sort(rows)]
    result += [poses, pose_augmentation.mirror_angles(poses)]
  return np.concatenate(result).astype(np.float32)


def _add_noise(
  random: np.random.Generator,
  angles: np.ndarray,
  name: str,
  config: PoseDataConfig,
) -> np.ndarray:
  """Noise within the limits, larger for angles the rig never moves."""
  noise = np.full(angles.shape[1:], config.noise_degrees)
  for j, joint in enumerate(skeleton.BODY_JOINTS):
    still = still_axes(joint, name.startswith("cmu_daz"))
    noise[j, list(still)] = config.still_noise_degrees
  result = angles + np.radians(noise) * random.normal(size=angles.shape)
  return _clip(result)


def _clip(angles: np.ndarray) -> np.ndarray:
  """Body angles a little inside the limits, so that u stays small."""
  limits = joint_limits.BODY
  slack = 0.005 * (limits.upper - limits.lower)
  return np.clip(angles, limits.lower + slack, limits.upper - slack)


def still_axes(joint: str, daz: bool) -> tuple[int, ...]:
  """Axes (0 x, 1 y, 2 z) of a joint's angles that a rig holds constant."""
  role = joint.removeprefix("l_").removeprefix("r_")
  still = {"knee": (1, 2), "elbow": (0, 2), "ball": (1, 2)}
  still["clavicle"] = (0, 1, 2)
  if daz:
    still |= {"ball": (0, 1, 2), "wrist": (1, 2)}
  return still.get(role, ())


def load_hands(config: PoseDataConfig) -> PoseSplits:
  """Left-hand poses of three seeds."""
  sizes = (config.hand_poses, config.hand_poses // 8, config.hand_poses // 8)
  return PoseSplits(
    *(
      hand_gestures.sample_angles(size, 3 * config.seed + i).astype(np.float32)
      for i, size in enumerate(sizes)
    )
  )
