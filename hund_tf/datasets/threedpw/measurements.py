"""SMPL's parameters of 3DPW's people, as fits of our body take them."""

import os
from pathlib import Path

import numpy as np

from hund_tf.body.adapters.smpl_models import SmplModels
from hund_tf.compat import tf
from hund_tf.datasets.threedpw import sequences
from hund_tf.datasets.threedpw.sequences import NUM_JOINTS, ThreeDPWSequence


def sequence_files(root: str | os.PathLike) -> list[Path]:
  """The sequence files of all splits that are there.

  Raises:
    ValueError: if there are none.
  """
  root = Path(root).expanduser()
  paths = sorted((root / "sequenceFiles").glob("*/*.pkl"))
  if not paths:
    raise ValueError(
      f"{root}: holds no sequences of 3DPW; expected "
      "sequenceFiles/{train,validation,test}/NAME.pkl"
    )
  return paths


def read(root: str | os.PathLike, models: SmplModels) -> dict[str, np.ndarray]:
  """Reads everybody's parameters in the camera frame of each photo.

  Of photos whose camera is known well (`campose_valid`), as the records are.
  Parameters that are not finite are left out.

  Args:
    root: folder with `sequenceFiles`.
    models: that are posed, as SMPL turns about the pelvis of its file.

  Returns:
    `keys` `[N]` of the records that `threedpw.ThreeDPW` makes, `pose`
    `[N, 72]` radians, `betas` `[N, 10]`, `translation` `[N, 3]` metres,
    `expression` `[N, 0]` and `genders` `[N]`.

  Raises:
    ValueError: if there are no sequences, one cannot be read, or a model is
      not SMPL.
  """
  for model in models:
    if len(model.joint_names) != NUM_JOINTS:
      raise ValueError(
        f"SMPL file: {model.kind} with {len(model.joint_names)} joints, "
        f"expected SMPL with {NUM_JOINTS}, of which 3DPW has the parameters"
      )
  keys, rows = [], []
  for path in sequence_files(root):
    sequence = sequences.read_sequence(path)
    for actor in range(len(sequence.genders)):
      pelvis = _rest_pelvis(sequence, actor, models)
      for frame in np.flatnonzero(sequence.valid[actor]):
        parts = sequence.poses[actor, frame], sequence.betas[actor]
        parts += sequence.translations[actor, frame], pelvis
        parts += (sequence.camera_poses[frame],)
        if all(np.isfinite(part).all() for part in parts):
          keys.append(sequences.record_key(path.stem, actor, frame))
          rows.append(sequences.smpl_parameters(sequence, actor, frame, pelvis))
  stacked = lambda name, *shape: np.array(
    [getattr(row, name) for row in rows], np.float32
  ).reshape(len(rows), *shape)
  return {
    "keys": np.array(keys, str),
    "pose": stacked("pose", 3 * NUM_JOINTS),
    "betas": stacked("betas", -1 if rows else 0),
    "translation": stacked("translation", 3),
    "expression": np.zeros([len(rows), 0], np.float32),
    "genders": np.array([row.gender for row in rows], str),
  }


def _rest_pelvis(
  sequence: ThreeDPWSequence, actor: int, models: SmplModels
) -> np.ndarray:
  """Pelvis `[3]` of an actor's shaped template, metres."""
  female = sequence.genders[actor] == "f"
  joints = (models.female if female else models.male).rest_joints(
    tf.constant(sequence.betas[actor : actor + 1], tf.float32), tf.zeros([1, 0])
  )
  return joints.numpy()[0, 0].astype(np.float64)
