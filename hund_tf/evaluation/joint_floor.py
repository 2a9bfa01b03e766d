"""Protocol `joint_floor`: the error that the definition of joints alone makes.

This body is fitted in 3D to the true joints of `real3d` themselves, once for
each joint regressor, with the pose free under its prior and the shape either so
too or that of the mean body. What is left is no fault of a reconstruction. A
free shape hides a wrong definition by a wrong body; the mean body shows it.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hund_tf.body import joint_regressors
from hund_tf.body.joint_sets import LSP_14
from hund_tf.body.model import BodyModel
from hund_tf.evaluation import figures, joint_definitions, real3d, scoring
from hund_tf.evaluation.compared_joints import head_top_vertex
from hund_tf.evaluation.figures import Row
from hund_tf.evaluation.predictions import Predictions
from hund_tf.evaluation.protocols import Truth
from hund_tf.retargeting import point_sets
from hund_tf.retargeting.fit import (
  Retargeting,
  RetargetingConfig,
  RetargetingTarget,
)

_MESH = "proxy_1500"

REGRESSORS = ("own", "h36m", "3dhp", "smpl")
_SHAPES = {"mean shape": 1e5, "free shape": 1.0}  # weights of the shape prior


def fitted(
  truth: Truth,
  body_model: BodyModel,
  regressor: str,
  config: RetargetingConfig,
) -> np.ndarray:
  """LSP's joints `[N, 14, 3]` of the bodies that are fitted to the truth's.

  Args:
    truth: of N people.
    body_model: what is fitted.
    regressor: one of `joint_regressors.NAMES`.
    config: of the fits.
  """
  terms = point_sets.JointTerms(regressor, {})
  points, _ = point_sets.joints(body_model.asset, LSP_14, terms)
  found = Retargeting(body_model, points, config)(
    RetargetingTarget(truth.joints, truth.weights)
  )
  body = body_model.decode(found.state, _MESH)
  top = body.vertices.numpy()[:, head_top_vertex(body_model, _MESH)]
  return joint_regressors.regress(regressor, LSP_14, body.joints.numpy(), top)


def measure(
  truth: Truth,
  body_model: BodyModel,
  regressors: Sequence[str] = REGRESSORS,
  max_iterations: int = 20,
) -> list[Row]:
  """Errors by dataset, shape and regressor, millimetres.

  Args:
    truth: of N people.
    body_model: what is fitted.
    regressors: of `joint_regressors.NAMES`.
    max_iterations: of a fit.
  """
  rows = []
  for shape, weight in _SHAPES.items():
    config = RetargetingConfig(
      shape_prior_weight=weight,
      batch_size=len(truth.keys),
      max_iterations=max_iterations,
    )
    for regressor in regressors:
      joints = fitted(truth, body_model, regressor, config)
      found = Predictions(truth.keys, {"joints_14": joints})
      scores = scoring.score(truth, found, "mid_hip")
      rows += [
        row._replace(group=f"{row.group}, {shape}, {regressor}")
        for row in real3d.summarize(truth, scores)
      ]
  return sorted(rows, key=lambda row: row.group.split(", ")[0])


def run(
  path: Path, photo_dir: Path | None, body_model: BodyModel, folder: Path
) -> str:
  """Writes `joint_floor.csv` and `.json`; returns what to print.

  Args:
    path: of the truth of `real3d`.
    photo_dir: see `real3d.read`; the photos are not looked at.
    body_model: what is fitted.
    folder: for the files; exists.

  Raises:
    ValueError: if the truth cannot be used.
    OutputError: if a file cannot be written.
  """
  photos = real3d.read(path, photo_dir)
  truth = real3d.to_truth(photos)
  rows = measure(truth, body_model)
  chosen = joint_definitions.choose(
    joint_definitions.AUTO,
    real3d.stated_regressors(photos),
    truth.joints,
    truth.groups,
    body_model,
  )
  about = {"protocol": "joint_floor", "unit": "mm", "joint_regressor": chosen}
  figures.write(rows, about, folder, "joint_floor")
  return "\n".join(
    [
      "This body fitted in 3D to the true joints; millimetres, means ± "
      "standard errors; root: the middle of the hips",
      f"joint regressors of real3d: {joint_definitions.described(chosen)}",
      "",
      figures.markdown(rows, digits=1),
    ]
  )
