"""Human3.6M's joints of 3DPW's people, regressed from SMPL's vertices.

The field's tables on 3DPW are on these. They need the user's own SMPL models,
one for each gender, and a regressor.
"""

import functools
from typing import NamedTuple

import numpy as np

from hund_tf.body.adapters import joint_regressor
from hund_tf.body.adapters.smpl import SmplBody, SmplParameters
from hund_tf.compat import tf
from hund_tf.datasets.threedpw.sequences import ThreeDPWSequence, to_camera

_FRAMES = 64  # posed together


class SmplFiles(NamedTuple):
  """Files of the user's licences."""

  male: str  # SMPL, .npz or .pkl
  female: str
  regressor: str  # .npy, [17, V]: Human3.6M's joints of SMPL's vertices


@functools.lru_cache(maxsize=4)
def _load(files: SmplFiles, gender: str) -> tuple[SmplBody, np.ndarray]:
  body = SmplBody.load(files.female if gender == "f" else files.male)
  regressor = joint_regressor.load(files.regressor)
  vertices = len(body.file.template)
  if len(body.joint_names) != 24 or regressor.shape[1] != vertices:
    raise ValueError(
      f"SMPL model of gender {gender!r}: {len(body.joint_names)} joints and "
      f"{vertices} vertices, expected SMPL's 24 and the regressor's "
      f"{regressor.shape[1]}"
    )
  return body, regressor


def check(files: SmplFiles) -> None:
  """Loads the files.

  Raises:
    ValueError: if one cannot be read or they do not fit together.
  """
  for gender in "mf":
    _load(files, gender)


def regressed_joints(
  sequence: ThreeDPWSequence, actor: int, files: SmplFiles
) -> np.ndarray:
  """Joints `[N, 17, 3]` of an actor, metres, camera frame of each photo.

  In the order of `joint_sets.H36M_17`.

  Raises:
    ValueError: as `check`.
  """
  body, regressor = _load(files, sequence.genders[actor])
  poses = sequence.poses[actor].astype(np.float32)
  count = len(poses)
  rows = []
  for first in range(0, count, _FRAMES):
    pose = poses[first : first + _FRAMES].reshape(-1, 72)
    betas = np.tile(sequence.betas[actor].astype(np.float32), [len(pose), 1])
    # Of the body at the origin, so that float32 loses nothing far away.
    posed = body.pose_parameters(
      SmplParameters(
        pose=tf.constant(pose),
        betas=tf.constant(betas),
        translation=tf.zeros([len(pose), 3]),
        expression=tf.zeros([len(pose), 0]),
      )
    )
    rows.append(joint_regressor.regress(posed.vertices.numpy(), regressor))
  joints = np.concatenate(rows) + sequence.translations[actor][:, None]
  return np.stack(
    [to_camera(sequence, frame, joints[frame]) for frame in range(count)]
  )
