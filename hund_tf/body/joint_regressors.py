"""Where the joints of datasets lie in this body.

A dataset's "hip" is not this body's: Human3.6M has its hips a fifth farther
apart and 5 cm higher, its shoulders 3.5 cm nearer to the neck. A *regressor*
gives the joints of a dataset as weighted sums of this body's 63 joints and of
the highest vertex of the head. Weights of a joint sum to one and are on joints
of the same rigid segment, or along a bone, so regressed joints move, turn and
grow with the body.

The weights were chosen so that the skeleton of the mean body has the mean bone
lengths that are published for the datasets (`BONES`), up to one scale, and so
that ankles, elbows and wrists stay as near as that allows to this body's own.
What publications do not tell (how far in front or behind a joint lies) is as in
this body. No annotated person was fitted.

Sources of `BONES`:
  h36m: mean over the training subjects relative to the mean bone, printed in
    the code of ElePose (Wandt et al., CVPR 2022). The skeleton of the dataset's
    own angles (printed by Martinez et al., "On human motion prediction using
    recurrent neural networks", CVPR 2017; hips 132.9 mm from the pelvis, thigh
    442.9, shin 454.2, upper arm 278.9, forearm 251.7) agrees within 5%.
  3dhp: the same of MPI-INF-3DHP, from the same code.
  smpl: resting joints of the neutral template, metres, left and right averaged,
    as humanoids made of SMPL have them (Luo et al., PHC, ICCV 2023).
LSP's images have no 3D; the field takes its 14 joints of Human3.6M's regressor.
"""

from collections.abc import Sequence

import numpy as np

from hund_tf.body import skeleton
from hund_tf.types import NUM_JOINTS

HEAD_TOP = "head_top"  # the highest vertex of the head at rest
# Joints of this body that stand for those of other names.
_OWN_NAMES = {"neck": "neck1", "spine": "spine3"} | {
  f"{side}_{name}": f"{side}_{own}"
  for side in "lr"
  for name, own in (
    ("foot", "ball"),
    ("collar", "clavicle"),
    ("hand", "middle1"),
  )
}

_Weights = dict[str, dict[str, float]]  # joint to this body's joints
# Joints of the left side and the middle; those of the right are their mirror
# images, and those that are not here are this body's of the same name.
_H36M: _Weights = {
  "pelvis": {"pelvis": 0.56, "spine1": 0.44},
  "l_hip": {"pelvis": 0.56, "spine1": 0.44, "l_hip": 0.61, "r_hip": -0.61},
  "l_knee": {"l_knee": 0.98, "l_hip": 0.02},
  "spine": {"spine3": 0.7, "spine4": 0.3},
  "neck": {"spine4": 0.17, "neck1": 0.83},
  "jaw": {"neck2": 0.4, "head": 0.6},
  HEAD_TOP: {"head": 0.37, HEAD_TOP: 0.63},
  "l_shoulder": {"l_shoulder": 0.8, "neck1": 0.2},
  "l_elbow": {"l_elbow": 1.02, "l_wrist": -0.02},
}
_3DHP: _Weights = {
  "pelvis": {"pelvis": 0.58, "spine1": 0.42},
  "l_hip": {"pelvis": 0.58, "spine1": 0.42, "l_hip": 0.56, "r_hip": -0.56},
  "l_knee": {"l_knee": 0.95, "l_ankle": 0.05},
  "l_ankle": {"l_ankle": 0.95, "l_knee": 0.05},
  "spine": {"spine3": 0.73, "spine4": 0.27},
  "neck": {"spine4": 0.18, "neck1": 0.82},
  "head": {"neck2": 1.06, "head": -0.06},
  HEAD_TOP: {"head": 0.15, HEAD_TOP: 0.85},
  "l_shoulder": {"l_shoulder": 0.79, "neck1": 0.21},
  "l_elbow": {"l_elbow": 0.91, "l_wrist": 0.09},
  "l_wrist": {"l_wrist": 0.85, "l_middle1": 0.15},
}
_SMPL: _Weights = {
  "pelvis": {"pelvis": 0.5, "spine1": 0.5},
  "l_hip": {"pelvis": -0.55, "spine1": -0.27, "l_hip": 1.23, "r_hip": 0.59},
  "l_knee": {"l_knee": 0.96, "l_ankle": 0.04},
  "l_foot": {"l_ankle": 0.06, "l_ball": 0.94},
  "spine1": {"spine1": -0.06, "spine2": 1.06},
  "spine2": {"spine3": 0.56, "spine4": 0.44},
  "spine3": {"spine3": 0.15, "spine4": 0.85},
  "neck": {"spine4": -0.07, "neck1": 1.07},
  "head": {"neck2": 0.16, "head": 0.84},
  "l_collar": {"l_clavicle": 1.82, "r_clavicle": -0.82},
  "l_shoulder": {"l_shoulder": 0.92, "neck1": 0.08},
  "l_wrist": {"l_wrist": 0.9, "l_middle1": 0.1},
  "l_hand": {"l_wrist": 0.06, "l_middle1": 0.94},
}
_WEIGHTS: dict[str, _Weights] = {
  "own": {},
  "h36m": _H36M,
  "lsp": _H36M,
  "3dhp": _3DHP,
  "smpl": _SMPL,
}
NAMES: tuple[str, ...] = tuple(_WEIGHTS)

_LIMBS = (
  *(("pelvis", "l_hip"), ("l_hip", "l_knee"), ("l_knee", "l_ankle")),
  *(("pelvis", "spine"), ("spine", "neck")),
  *(("neck", "l_shoulder"), ("l_shoulder", "l_elbow"), ("l_elbow", "l_wrist")),
)
# Published mean bone lengths by their ends, in any unit.
BONES: dict[str, dict[tuple[str, str], float]] = {
  "h36m": {
    **dict(
      zip(
        _LIMBS,
        (0.5181, 1.7371, 1.7229, 0.9209, 0.9879, 0.5746, 1.0812, 0.9652),
        strict=True,
      )
    ),
    ("neck", "jaw"): 0.4481,
    ("jaw", HEAD_TOP): 0.4450,
  },
  "3dhp": {
    **dict(
      zip(
        _LIMBS,
        (0.4806, 1.8397, 1.4971, 0.9078, 0.9938, 0.5753, 1.2108, 0.9254),
        strict=True,
      )
    ),
    ("neck", "head"): 0.3468,
    ("head", HEAD_TOP): 0.6938,
  },
  "smpl": {
    ("pelvis", "l_hip"): 0.1141,
    ("l_hip", "r_hip"): 0.1372,
    ("l_hip", "l_knee"): 0.3807,
    ("l_knee", "l_ankle"): 0.4008,
    ("l_ankle", "l_foot"): 0.1346,
    ("pelvis", "spine1"): 0.1122,
    ("spine1", "spine2"): 0.1353,
    ("spine2", "spine3"): 0.0587,
    ("spine3", "neck"): 0.2182,
    ("neck", "head"): 0.0830,
    ("spine3", "l_collar"): 0.1492,
    ("l_collar", "l_shoulder"): 0.0991,
    ("l_shoulder", "l_elbow"): 0.2582,
    ("l_elbow", "l_wrist"): 0.2524,
    ("l_wrist", "l_hand"): 0.0856,
  },
}


def _of_joint(regressor: str, joint: str) -> dict[str, float]:
  """Weights of this body's joints and `HEAD_TOP` for a joint of a dataset."""
  table = _WEIGHTS[regressor]
  if joint in table:
    return table[joint]
  if skeleton.mirrored(joint) in table:
    mirror = table[skeleton.mirrored(joint)]
    return {skeleton.mirrored(name): weight for name, weight in mirror.items()}
  return {_OWN_NAMES.get(joint, joint): 1.0}


def matrix(regressor: str, joints: Sequence[str]) -> np.ndarray:
  """Weights `[J, 64]` float32 of the 63 joints and of the top of the head.

  Args:
    regressor: one of `NAMES`: whose definition of the joints is meant.
    joints: J names, as in `joint_sets` or of this body.

  Raises:
    ValueError: if there is no such regressor, or no such joint in this body.
  """
  if regressor not in _WEIGHTS:
    raise ValueError(
      f"joint regressor {regressor!r}: is not one of {', '.join(NAMES)}"
    )
  columns = skeleton.INDEX | {HEAD_TOP: NUM_JOINTS}
  rows = np.zeros([len(joints), NUM_JOINTS + 1], np.float32)
  for row, joint in enumerate(joints):
    for name, weight in _of_joint(regressor, joint).items():
      if name not in columns:
        raise ValueError(f"joint {joint!r}: is none of this body's joints")
      rows[row, columns[name]] = weight
  return rows


def regress(
  regressor: str,
  names: Sequence[str],
  joints: np.ndarray,
  head_top: np.ndarray,
) -> np.ndarray:
  """The joints `[..., J, 3]` of a dataset, from this body.

  Args:
    regressor: one of `NAMES`.
    names: of the J joints.
    joints: `[..., 63, 3]` of this body.
    head_top: `[..., 3]` the highest vertex of its head at rest.

  Raises:
    ValueError: see `matrix`.
  """
  points = np.concatenate(
    [np.asarray(joints), np.asarray(head_top)[..., None, :]], axis=-2
  )
  return matrix(regressor, names) @ points
