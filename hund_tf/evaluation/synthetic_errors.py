"""Protocol `synthetic`: bodies whose whole truth is known."""

from collections.abc import Callable, Iterable

import numpy as np

from hund_tf.compat import tf
from hund_tf.evaluation import metrics
from hund_tf.evaluation.compared_joints import (
  PELVIS,
  Root,
  lsp_joints,
  root_of,
)
from hund_tf.evaluation.scoring import position_errors
from hund_tf.reconstruction.methods import Method
from hund_tf.types import TrainingExample

_MESH = "proxy_1500"  # of the examples' vertices


def measure(
  examples: Iterable[TrainingExample],
  method: Method,
  root: Root = "pelvis",
  report: Callable[[int], None] = lambda count: None,
) -> dict[str, np.ndarray]:
  """Errors of N reconstructed examples, by name of `tables.COLUMNS`, `[N]`.

  Positions as `position_errors`; `pve`, over the vertices with the roots moved
  together; `joint_angle`, over all joints but the root.

  Args:
    examples: batches with the true state, vertices of the 1,500-face mesh.
    method: reconstructs them.
    root: what is moved together.
    report: called with the size of each batch that is done.
  """
  body_model = method.objective.body_model
  rows = []
  for example in examples:
    trace = method(example.features, example.intrinsics)
    state = tf.nest.map_structure(lambda x: x[:, -1], trace.state)
    body = body_model.decode(state, mesh=_MESH)
    true_body = body_model.decode(example.state, mesh=_MESH)
    joints, truth = body.joints.numpy(), example.joints.numpy()
    points = lsp_joints(joints), lsp_joints(truth)
    pelvises = joints[:, PELVIS], truth[:, PELVIS]
    roots = [
      root_of(root, *pair) for pair in zip(points, pelvises, strict=True)
    ]
    vertices = body.vertices.numpy(), example.vertices.numpy()
    turns = body.rotations.numpy()[:, 1:], true_body.rotations.numpy()[:, 1:]
    rows.append(
      position_errors(*points, *pelvises, root)
      | {
        "pve": 1e3 * metrics.mpjpe(*vertices, *roots),
        "joint_angle": metrics.joint_angle_error(*turns),
      }
    )
    report(len(joints))
  return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
