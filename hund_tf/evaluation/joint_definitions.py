"""Whose definition of the joints a dataset of photos has.

Datasets call different points a hip. Which regressor of
`body.joint_regressors` gives a dataset's is stated by its truth or by the
user; else it is the one in which the mean body has bone lengths that are most
like those of the truth, whatever the size of the people.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from hund_tf.body import joint_regressors, measures
from hund_tf.body.joint_sets import LSP_14
from hund_tf.body.model import BodyModel
from hund_tf.evaluation.compared_joints import head_top_vertex
from hund_tf.types import SHAPE_DIM

AUTO = "auto"
_CANDIDATES = ("own", "h36m", "3dhp", "smpl")
_MIDDLE = (("l_hip", "r_hip"), ("neck", "head_top"))
_SIDES = (
  *(("hip", "knee"), ("knee", "ankle"), ("hip", "shoulder")),
  *(("shoulder", "elbow"), ("elbow", "wrist")),
)
_BONES = _MIDDLE + tuple(
  (f"{side}_{a}", f"{side}_{b}") for a, b in _SIDES for side in "lr"
)
_LEAST_BONES = 4  # fewer do not tell


def choose(
  asked: str,
  stated: Mapping[str, str],
  truth: np.ndarray,
  groups: Sequence[str],
  body_model: BodyModel,
) -> dict[str, str]:
  """The joint regressor of each dataset by its name.

  Args:
    asked: by the user for all datasets, or `AUTO`.
    stated: by the truth, of some datasets.
    truth: `[N, 14, 3]` LSP's joints, NaN where unknown.
    groups: N, the dataset of each.
    body_model: whose bone lengths are compared.
  """
  if asked != AUTO:
    return dict.fromkeys(sorted(set(groups)), asked)
  names = np.array(groups)
  return {
    name: stated.get(name) or nearest(truth[names == name], body_model)
    for name in sorted(set(groups))
  }


def nearest(truth: np.ndarray, body_model: BodyModel) -> str:
  """The regressor whose bone lengths are most like those of people.

  The root mean square of log ratios of the mean lengths, with the mean ratio
  taken out; Human3.6M's, of which LSP's joints are taken in the field, where
  fewer than four bones are known.

  Args:
    truth: `[N, 14, 3]` LSP's joints, NaN where unknown.
    body_model: in the mean shape.
  """
  lengths = _lengths(truth)
  known = np.isfinite(lengths).any(0)
  if known.sum() < _LEAST_BONES:
    return "h36m"
  lengths = np.nanmean(lengths[:, known], axis=0)
  mean = measures.standing(body_model, np.zeros([1, SHAPE_DIM]))
  vertices, joints = (x.numpy() for x in mean)
  head_top = vertices[0, head_top_vertex(body_model)]

  def unlikeness(regressor: str) -> float:
    own = joint_regressors.regress(regressor, LSP_14, joints[0], head_top)
    return float(np.log(lengths / _lengths(own)[known]).std())

  return min(_CANDIDATES, key=unlikeness)


def _lengths(joints: np.ndarray) -> np.ndarray:
  """Lengths of the bones `[..., K]` of LSP's joints `[..., 14, 3]`."""
  ends = np.array([[LSP_14.index(name) for name in bone] for bone in _BONES])
  return np.linalg.norm(
    joints[..., ends[:, 0], :] - joints[..., ends[:, 1], :], axis=-1
  )


def described(regressors: Mapping[str, str]) -> str:
  """The regressors in words: "dome: own, studio: h36m"."""
  return ", ".join(f"{name}: {of}" for name, of in regressors.items())
