"""A take of Human3.6M in one camera: its joints, checked, and its boxes."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from hund_tf.body import joint_sets
from hund_tf.datasets.human36m import actions, cameras, files
from hund_tf.datasets.human36m.cameras import Camera
from hund_tf.datasets.human36m.files import DamagedInput

_MAX_DISAGREEMENT = 1.0  # pixels between 3D and 2D; both are of one origin
_JOINTS_TO_BOX = 1.2  # the outline of a person goes beyond the joints


class Take(NamedTuple):
  """What is known of a take in one camera."""

  joints: np.ndarray  # [F, 17, 3] metres, camera frame
  shift: np.ndarray  # [3] metres, camera frame: by which they were put right
  camera: Camera
  masks: files.BoxMasks | None


def read_take(
  root: Path,
  metadata: Path,
  subject: str,
  take: str,
  camera_name: str,
  correct_shift: bool,
) -> Take:
  """Reads joints, camera and masks; the 2D positions only for comparison.

  Args:
    root: folder that holds the subjects' folders.
    metadata: the file `metadata.xml`.
    subject: "S9".
    take: "Directions 1".
    camera_name: "54138969".
    correct_shift: put the joints right where they are known to be shifted.

  Raises:
    DamagedInput: if something is missing, damaged or does not fit together.
  """
  try:
    camera = cameras.read_cameras(metadata)[subject, camera_name]
  except ValueError as error:
    raise DamagedInput("unreadable cameras", str(error)) from error
  folder, stem = root / subject, f"{take}.{camera_name}"
  if mono := files.find_folder(folder, "D3_Positions_mono"):
    joints = files.read_pose(mono / f"{stem}.cdf", 3) / 1000.0
  else:
    world = files.find_folder(folder, "D3_Positions") or folder
    joints = files.read_pose(world / f"{take}.cdf", 3) / 1000.0
    joints = cameras.world_to_camera(joints, camera)
  if positions := files.find_folder(folder, "D2_Positions"):
    path = positions / f"{stem}.cdf"
    _compare(joints, files.read_pose(path, 2), camera, path)
  shift = np.zeros(3)
  if correct_shift:
    shift = camera.rotation @ np.array(actions.world_correction(subject, take))
  masks = files.find_folder(folder, "ground_truth_bb")
  mask_path = masks / f"{stem}.mat" if masks else None
  has_masks = mask_path is not None and mask_path.is_file()
  return Take(
    joints=joints[:, list(joint_sets.H36M_32_TO_H36M_17)] + shift,
    shift=shift,
    camera=camera,
    masks=files.BoxMasks(mask_path) if has_masks else None,
  )


def _compare(
  joints: np.ndarray, annotated: np.ndarray, camera: Camera, path: Path
) -> None:
  """Raises DamagedInput unless 3D joints project to the 2D positions."""
  if len(joints) != len(annotated):
    raise DamagedInput(
      "2D and 3D disagree",
      f"{path}: has {len(annotated)} frames, expected {len(joints)} as the 3D "
      "joints have",
    )
  with np.errstate(divide="ignore", invalid="ignore"):
    error = np.abs(cameras.project(joints, camera) - annotated)
  worst = np.max(np.where(np.isfinite(error), error, 0.0), initial=0.0)
  if worst > _MAX_DISAGREEMENT:
    raise DamagedInput(
      "2D and 3D disagree",
      f"{path}: the 3D joints project up to {worst:.1f} pixels away, expected "
      f"at most {_MAX_DISAGREEMENT:g}; files or cameras of different takes",
    )


def person_box(frame: int, take: Take) -> np.ndarray:
  """Box `[4]` of the person in the undistorted photo, clipped to it.

  From the mask; where there is none, around the joints and somewhat larger. In
  takes whose joints are shifted the masks are as well, so they move with them.

  Raises:
    DamagedInput: if the person is outside the photo.
  """
  box = take.masks.box(frame) if take.masks else None
  if box is not None:
    low, high = box[:2], box[:2] + box[2:]
    share = np.linspace(0.0, 1.0, 5)  # the edges of the box become curves
    grid = np.stack(np.meshgrid(share, share), axis=-1).reshape(-1, 2)
    outline = low + grid * (high - low)
    points = cameras.undistort_pixels(outline, take.camera)
    pelvis = take.joints[frame, 0]
    points += cameras.project_pinhole(pelvis, take.camera)
    points -= cameras.project_pinhole(pelvis - take.shift, take.camera)
    scale = 1.0
  else:
    points = cameras.project_pinhole(take.joints[frame], take.camera)
    scale = _JOINTS_TO_BOX
  low, high = points.min(axis=0), points.max(axis=0)
  center, half = 0.5 * (low + high), 0.5 * scale * (high - low)
  low = np.maximum(center - half, 0.0)
  high = np.minimum(center + half, take.camera.size)
  if np.any(high - low < 1.0):
    raise DamagedInput(
      "person outside the photo", "expected a person within the photo"
    )
  return np.concatenate([low, high - low])
