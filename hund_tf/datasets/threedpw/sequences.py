"""3DPW's sequence files: reading them without running what is in them."""

import os
from typing import NamedTuple

import numpy as np
from scipy.spatial.transform import Rotation

from hund_tf.body.adapters import restricted_pickle

NUM_JOINTS = 24
_SHAPE_SIZE = 10
_REMEDY = "expected a sequence of 3DPW (sequenceFiles/SPLIT/NAME.pkl)"


class ThreeDPWSequence(NamedTuple):
  """A sequence of A actors and N photos; the world is a fixed frame, metres."""

  camera_poses: np.ndarray  # [N, 4, 4] world to camera
  intrinsics: np.ndarray  # [4] fx, fy, cx, cy, pixels of the photos
  genders: list[str]  # [A] "m" or "f"
  betas: np.ndarray  # [A, 10] SMPL's shape
  poses: np.ndarray  # [A, N, 24, 3] SMPL's axis-angles, the first in the world
  translations: np.ndarray  # [A, N, 3] SMPL's translation, world
  joints: np.ndarray  # [A, N, 24, 3] SMPL's joints, world
  poses_2d: np.ndarray  # [A, N, 18, 3] OpenPose's COCO points: x, y, confidence
  valid: np.ndarray  # [A, N] whether the camera is known well


class SmplParameters(NamedTuple):
  """SMPL's parameters of one person in the camera frame."""

  pose: np.ndarray  # [24, 3] axis-angles; the first is body to camera
  betas: np.ndarray  # [10]
  translation: np.ndarray  # [3] metres, SMPL's own: the pelvis is at this plus
  # its place in the shaped template
  gender: str  # "m" or "f"


def _unpickle(path: str | os.PathLike) -> dict:
  try:
    return restricted_pickle.load(path)
  except restricted_pickle.PickleError as error:
    raise ValueError(
      " ".join(f"{path}: not usable ({error}); {_REMEDY}".split())
    ) from error


def _numbers(value: object) -> np.ndarray:
  """A value of a sequence file as float64."""
  array = restricted_pickle.to_array(value)
  if array.dtype.kind not in "biuf":
    raise ValueError(f"values of type {array.dtype}, expected numbers")
  return array.astype(np.float64)


def _gender(value: object) -> str:
  if isinstance(value, bytes):
    value = value.decode("latin1")
  if not isinstance(value, str) or value[:1] not in ("m", "f"):
    raise ValueError(f"the gender {value!r:.40}, expected m or f")
  return value[:1]


def read_sequence(path: str | os.PathLike) -> ThreeDPWSequence:
  """Reads a sequence file, a pickle of Python 2.

  Nothing but numbers, texts, plain containers and numpy arrays is made, so a
  file from elsewhere cannot run code.

  Raises:
    ValueError: if it cannot be read, lacks something, or its lengths differ.
  """
  content = _unpickle(path)
  try:
    matrix = _numbers(content["cam_intrinsics"])
    cameras = _numbers(content["cam_poses"])
    actors, photos = len(content["poses"]), len(cameras)

    def stacked(key: str, *shape: int) -> np.ndarray:
      rows = [_numbers(value) for value in content[key]]
      return np.stack([row.reshape(photos, *shape) for row in rows])

    betas = [_numbers(b).ravel()[:_SHAPE_SIZE] for b in content["betas"]]
    sequence = ThreeDPWSequence(
      camera_poses=cameras,
      intrinsics=matrix[[0, 1, 0, 1], [0, 1, 2, 2]],
      genders=[_gender(value) for value in content["genders"]],
      betas=np.stack(betas),
      poses=stacked("poses", NUM_JOINTS, 3),
      translations=stacked("trans", 3),
      joints=stacked("jointPositions", NUM_JOINTS, 3),
      poses_2d=stacked("poses2d", 3, 18).swapaxes(2, 3),
      valid=stacked("campose_valid") > 0,
    )
  except (KeyError, IndexError, TypeError, ValueError) as error:
    raise ValueError(
      f"{path}: does not fit together ({type(error).__name__}: {error}); "
      f"{_REMEDY}"
    ) from error
  shapes = cameras.shape[1:], matrix.shape, sequence.betas.shape
  counts = {len(value) for value in sequence[2:]}  # of what is per actor
  if shapes != ((4, 4), (3, 3), (actors, _SHAPE_SIZE)) or counts != {actors}:
    raise ValueError(
      f"{path}: does not fit together (cam_poses {cameras.shape}, betas "
      f"{sequence.betas.shape}, {actors} actors); {_REMEDY}"
    )
  return sequence


def to_camera(
  sequence: ThreeDPWSequence, frame: int, points: np.ndarray
) -> np.ndarray:
  """Points `[..., 3]` of the world in the camera frame of a photo, metres."""
  pose = sequence.camera_poses[frame]
  return points @ pose[:3, :3].T + pose[:3, 3]


def camera_joints(
  sequence: ThreeDPWSequence, actor: int, frame: int
) -> np.ndarray:
  """SMPL's joints `[24, 3]` of an actor, metres, camera frame."""
  return to_camera(sequence, frame, sequence.joints[actor, frame])


def record_key(name: str, actor: int, frame: int) -> str:
  """The key of a record, from the name of its sequence's file."""
  return f"{name}/actor{actor}/{frame:05d}"


def smpl_parameters(
  sequence: ThreeDPWSequence,
  actor: int,
  frame: int,
  rest_pelvis: np.ndarray | None = None,
) -> SmplParameters:
  """SMPL's parameters of an actor in the camera frame, for retargeting.

  With the camera's rotation R and translation t, the root's rotation becomes R
  times it. SMPL turns about the pelvis, whose place in the shaped template is
  J. So the translation becomes R (J + trans) + t - J.

  Args:
    sequence: of the actor.
    actor: number of the actor.
    frame: number of the photo.
    rest_pelvis: `[3]` metres, J of the SMPL file that is posed; by default
      that of the file the dataset was made with, `jointPositions` - `trans`.
  """
  camera = sequence.camera_poses[frame]
  translation = sequence.translations[actor, frame]
  if rest_pelvis is None:
    rest_pelvis = sequence.joints[actor, frame, 0] - translation
  pose = sequence.poses[actor, frame].copy()
  root = Rotation.from_matrix(camera[:3, :3]) * Rotation.from_rotvec(pose[0])
  pose[0] = root.as_rotvec()
  moved = camera[:3, :3] @ (rest_pelvis + translation) + camera[:3, 3]
  return SmplParameters(
    pose=pose,
    betas=sequence.betas[actor],
    translation=moved - rest_pelvis,
    gender=sequence.genders[actor],
  )
