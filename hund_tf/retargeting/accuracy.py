"""How near fits to points in 3D come to bodies whose whole truth is known."""

import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from hund_tf.body import joint_sets
from hund_tf.body.model import BodyModel
from hund_tf.body.points import PointModel, PointSet
from hund_tf.compat import tf
from hund_tf.draws import Draws
from hund_tf.motion.pose_library import PoseLibrary
from hund_tf.records.schema import MESH
from hund_tf.retargeting import point_sets
from hund_tf.retargeting.fit import (
  Retargeting,
  RetargetingConfig,
  RetargetingResult,
  RetargetingTarget,
)
from hund_tf.synthetic import scenes
from hund_tf.synthetic.example_config import SyntheticConfig
from hund_tf.types import HumanState

_PERCENTILE = 95


class Target(NamedTuple):
  """What bodies are fitted to."""

  name: str
  point_set: PointSet
  weights: np.ndarray  # [P]


class Accuracy(NamedTuple):
  """What is left after fits of N people to one target."""

  target: str
  residual_mm: np.ndarray  # [N] weighted mean distance of the fitted points
  joints_mm: np.ndarray  # [N] mean over the 63 joints, not aligned
  vertices_mm: np.ndarray  # [N] mean over the vertices of the records' mesh
  seconds: float  # for each person, when compiled
  compile_seconds: float  # by which a first call takes longer


def people(
  body_model: BodyModel, poses: PoseLibrary, count: int, seed: int = 0
) -> HumanState:
  """N people of random shapes, faces, hands and views: states `[N, ...]`.

  Args:
    body_model: ours.
    poses: captured ones, taken as they are; if there are none, the pose
      prior's flow gives them.
    count: N.
    seed: of the choice.
  """
  config = SyntheticConfig().captured_only().scene
  draws = Draws(tf.constant(seed), tf.constant(0))
  scene = scenes.sample_scene(draws, body_model, poses, count, config, MESH)
  return scene.state


def targets(body_model: BodyModel) -> list[Target]:
  """The joints of datasets, weighted as in fits to records, and a mesh."""
  result = []
  for name, label in (
    ("hund_63", "63 joints"),
    ("smpl_24", "24 joints of SMPL"),
    ("h36m_17", "17 joints of Human3.6M"),
  ):
    points, weights = point_sets.joints(
      body_model.asset, joint_sets.NAMES[name], point_sets.JOINT_TERMS[name]
    )
    result.append(Target(label, points, weights))
  ids = body_model.mesh_ids(MESH)
  points = point_sets.vertices_and_joints(body_model.asset, ids)
  weights = np.zeros([len(points.anchors)], np.float32)
  weights[: len(ids)] = 1.0
  return [*result, Target(f"{len(ids)} vertices", points, weights)]


def measure(
  body_model: BodyModel,
  truth: HumanState,
  chosen: Sequence[Target],
  config: RetargetingConfig | None = None,
) -> list[Accuracy]:
  """Fits the body to points of itself.

  Every fit starts from the mean pose, turned and placed by the torso's points.

  Args:
    body_model: ours.
    truth: `[N, ...]` whose points are the targets, exactly.
    chosen: see `targets`.
    config: of the fits.

  Returns:
    The errors, in the order of the targets.
  """
  body = body_model.decode(truth, MESH)
  result = []
  for target in chosen:
    fit = Retargeting(body_model, target.point_set, config)
    points = PointModel(body_model, target.point_set).points(truth).numpy()
    goal = RetargetingTarget(
      points, np.tile(target.weights, [len(points), 1]).astype(np.float32)
    )
    first, _ = _timed(fit, goal)
    seconds, found = _timed(fit, goal)
    state = HumanState(*(tf.constant(field) for field in found.state))
    fitted = body_model.decode(state, MESH)
    result.append(
      Accuracy(
        target=target.name,
        residual_mm=found.residual_mm,
        joints_mm=_mean_distance(fitted.joints, body.joints),
        vertices_mm=_mean_distance(fitted.vertices, body.vertices),
        seconds=seconds / len(points),
        compile_seconds=max(first - seconds, 0.0),
      )
    )
  return result


def _timed(
  fit: Retargeting, goal: RetargetingTarget
) -> tuple[float, RetargetingResult]:
  begin = time.perf_counter()
  found = fit(goal)
  return time.perf_counter() - begin, found


def _mean_distance(points: tf.Tensor, truth: tf.Tensor) -> np.ndarray:
  """`[N]` millimetres."""
  return 1e3 * np.linalg.norm(points - truth, axis=-1).mean(axis=-1)


def table(rows: Sequence[Accuracy]) -> str:
  """A Markdown table: mean / 95th percentile over people, and seconds."""
  lines = [
    "| fitted to | residual, mm | error of the 63 joints, mm | error of "
    "vertices, mm | s a person | s to compile |",
    "|---|---|---|---|---|---|",
  ]
  for row in rows:
    errors = " | ".join(
      f"{np.mean(values):.1f} / {np.percentile(values, _PERCENTILE):.1f}"
      for values in (row.residual_mm, row.joints_mm, row.vertices_mm)
    )
    lines.append(
      f"| {row.target} | {errors} | {row.seconds:.2f} "
      f"| {row.compile_seconds:.0f} |"
    )
  return "\n".join(lines)
