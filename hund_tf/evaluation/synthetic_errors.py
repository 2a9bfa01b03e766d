"""Protocol `synthetic`: bodies whose whole truth is known."""

from collections.abc import Callable, Iterable

import numpy as np

from hund_tf.body.joint_sets import LSP_14
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
        "trunk_pitch": np.abs(trunk_pitch(points[0]) - trunk_pitch(points[1])),
      }
    )
    report(len(joints))
  return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}


def trunk_pitch(points: np.ndarray) -> np.ndarray:
  """Degrees by which trunks lean away from the camera.

  The angle of mid hip to neck with the image plane, positive if the neck is
  farther away, of LSP's joints `[..., 14, 3]` in the camera frame.
  """
  right, left, neck = (
    points[..., LSP_14.index(name), :] for name in ("r_hip", "l_hip", "neck")
  )
  trunk = neck - (right + left) / 2.0
  return np.degrees(
    np.arctan2(trunk[..., 2], np.linalg.norm(trunk[..., :2], axis=-1))
  )
