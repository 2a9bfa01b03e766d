"""Protocol `synthetic`: bodies whose whole truth is known."""

from collections.abc import Callable, Iterable, Mapping

import numpy as np

from hund_tf.body import keypoints
from hund_tf.compat import tf
from hund_tf.evaluation import metrics, part_metrics
from hund_tf.evaluation.compared_joints import (
  PELVIS,
  Root,
  lsp_joints,
  root_of,
)
from hund_tf.evaluation.scoring import position_errors
from hund_tf.reconstruction.methods import Method
from hund_tf.types import BodyOutput, TrainingExample

_MESH = "proxy_1500"  # of the examples' vertices
_MM = 1e3
_HANDS = {
  "left_hand": keypoints.LEFT_HAND,
  "right_hand": keypoints.RIGHT_HAND,
}


def measure(
  examples: Iterable[TrainingExample],
  method: Method,
  root: Root = "pelvis",
  report: Callable[[int], None] = lambda count: None,
) -> dict[str, np.ndarray]:
  """Errors of N reconstructed examples, by name of `tables.COLUMNS`, `[N]`.

  Positions as `position_errors`; `pve`, over the vertices with the roots moved
  together; `joint_angle`, over all joints but the root; those of `part_errors`.

  Args:
    examples: batches with the true state, vertices of the 1,500-face mesh.
    method: reconstructs them.
    root: what is moved together.
    report: called with the size of each batch that is done.
  """
  body_model = method.objective.body_model
  regions = {
    name: part_metrics.region_vertices(body_model.asset, name)
    for name in part_metrics.REGIONS
  }
  proxy = body_model.mesh_ids(_MESH)
  rows = []
  for example in examples:
    trace = method(example.features, example.intrinsics)
    state = tf.nest.map_structure(lambda x: x[:, -1], trace.state)
    body = body_model.decode(state)
    true_body = body_model.decode(example.state)
    joints, truth = body.joints.numpy(), example.joints.numpy()
    points = lsp_joints(joints), lsp_joints(truth)
    pelvises = joints[:, PELVIS], truth[:, PELVIS]
    roots = [
      root_of(root, *pair) for pair in zip(points, pelvises, strict=True)
    ]
    vertices = body.vertices.numpy()[:, proxy], example.vertices.numpy()
    turns = body.rotations.numpy()[:, 1:], true_body.rotations.numpy()[:, 1:]
    rows.append(
      position_errors(*points, *pelvises, root)
      | {
        "pve": _MM * metrics.mpjpe(*vertices, *roots),
        "joint_angle": metrics.joint_angle_error(*turns),
      }
      | part_errors(body, true_body, regions)
    )
    report(len(joints))
  return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}


def part_errors(
  body: BodyOutput, truth: BodyOutput, regions: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
  """Errors of hands and faces, millimetres, by name of `tables.COLUMNS`, `[N]`.

  Each part is aligned by itself (`part_metrics`): `hand_pa_mpjpe` and
  `hand_mpjpe`, from the wrist, over a hand's 21 points, `hand_pa_pve` and
  `face_pa_pve` over the vertices of a region. Those of hands are means of both.

  Args:
    body: full mesh.
    truth: full mesh.
    regions: vertices of each of `part_metrics.REGIONS`.
  """
  points, true_points = body.keypoints.numpy(), truth.keypoints.numpy()
  meshes = body.vertices.numpy(), truth.vertices.numpy()
  joints = [
    part_metrics.hand_errors(points[:, rows], true_points[:, rows])
    for rows in _HANDS.values()
  ]
  surfaces = {
    name: part_metrics.region_pve(*meshes, vertices)["pa_pve"]
    for name, vertices in regions.items()
  }
  return {
    "hand_pa_mpjpe": _MM * np.mean([hand["pa_mpjpe"] for hand in joints], 0),
    "hand_mpjpe": _MM * np.mean([hand["mpjpe"] for hand in joints], 0),
    "hand_pa_pve": _MM * np.mean([surfaces[name] for name in _HANDS], 0),
    "face_pa_pve": _MM * surfaces["face"],
  }
