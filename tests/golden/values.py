"""Numbers of the project that no change may move unnoticed.

`python -m tests.golden.rewrite` writes them anew where a change means to.
"""

from pathlib import Path

import numpy as np

from hund_tf.body import asset, poses
from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.geometry import camera
from hund_tf.losses.alignment import AlignmentObjective, ObjectiveConfig
from hund_tf.losses.heatmaps import render_heatmaps
from hund_tf.models.hund import weights as hund_weights
from hund_tf.models.hund.config import HundConfig
from hund_tf.models.hund.model import HundModel, blank_inputs
from hund_tf.models.multitask.config import BLAZEPOSE, PAPER, SMALL
from hund_tf.models.multitask.network import MultitaskNetwork
from hund_tf.types import (
  STATE_DIMS,
  AlignmentTarget,
  HumanState,
  Intrinsics,
  state_to_vector,
)
from tests.eager import run_eagerly

PATH = Path(__file__).with_name("values.json")
_LENS = Intrinsics(tf.fill([2, 2], 600.0), tf.fill([2, 2], 240.0))


def _count(variables) -> int:
  return sum(v.shape.num_elements() for v in variables)


def _hund_sizes(objective: AlignmentObjective) -> dict[str, int]:
  """Numbers of parameters of HUND, whole and in parts."""
  model = HundModel(objective)
  variables = model.trainable_variables
  blind = HundModel(objective, HundConfig(posed_inputs=False))
  return {
    "all": _count(variables),
    "lstm": _count([v for v in variables if "lstm" in v.name]),
    "embedding": _count(model.embedding.trainable_variables),
    "without_posed_inputs": _count(blind.trainable_variables),
  }


def _network_sizes() -> dict[str, int]:
  """Numbers of parameters of the multitask networks."""
  return {
    "paper": MultitaskNetwork(PAPER).num_trainable(),
    "small": MultitaskNetwork(SMALL).num_trainable(),
    "blazepose": MultitaskNetwork(BLAZEPOSE).num_trainable(),
  }


def _mesh_sizes(body_model: BodyModel) -> dict[str, list[int]]:
  """Vertices and faces of each mesh of the body."""
  return {
    mesh: [len(body_model.mesh_ids(mesh)), len(body_model.faces(mesh))]
    for mesh in asset.MESHES
  }


def _states(body_model: BodyModel) -> HumanState:
  """The A-pose, and a random pose beside it; 2.6 m away."""
  random = np.random.default_rng(7)
  noise = HumanState(
    *(
      tf.constant([[0.0], [0.3]] * random.normal(size=[2, size]), tf.float32)
      for size in STATE_DIMS
    )
  )
  state = tf.nest.map_structure(tf.add, poses.a_pose(body_model), noise)
  place = tf.constant([[0.0, 0.0, 2.6]])
  return state._replace(translation=place + 0.2 * noise.translation)


def _body(body_model: BodyModel, state: HumanState) -> dict[str, list]:
  """Points of both bodies, metres, camera frame."""
  body = body_model.decode(state, mesh="full")
  return {
    "nose_and_wrists": tf.gather(body.keypoints, [0, 4, 7], axis=1),
    "head_and_ankles": tf.gather(body.joints, [15, 7, 8], axis=1),
    "mean_vertex": tf.reduce_mean(body.vertices, axis=1),
  }


def _objective(objective: AlignmentObjective, state: HumanState) -> dict:
  """L_u of the A-pose against the other body, its terms and its gradient."""
  body = objective.body_model.decode(state, mesh=objective.config.mesh)
  target = AlignmentTarget(
    keypoints=camera.project(body.keypoints, _LENS)[1:],
    keypoint_weights=tf.linspace(0.0, 1.0, 137)[tf.newaxis],
    part_probs=objective.render_parts(body, _LENS)[1:, ..., :15],
    part_weights=tf.ones([1, 16]),
  )
  first = tf.nest.map_structure(lambda x: x[:1], state)
  lens = tf.nest.map_structure(lambda x: x[:1], _LENS)
  with tf.GradientTape() as tape:
    tape.watch(first)
    terms = objective(first, target, lens)
  gradient = state_to_vector(tape.gradient(terms.total, first))
  return terms._asdict() | {"gradient_norm": tf.norm(gradient)}


def _descent(body_model: BodyModel, state: HumanState) -> dict[str, list]:
  """The released weights on clean heatmaps: L_u by stage, the last place."""
  model = hund_weights.load(body_model)
  body = body_model.decode(state, mesh=model.objective.config.mesh)
  features, _ = blank_inputs(model.config, batch=2)
  maps = render_heatmaps(
    camera.project(body.keypoints, _LENS), tf.ones([2, 137])
  )
  features = features._replace(heatmaps=maps, heatmap_weights=tf.ones([2, 137]))
  trace = model(features, _LENS)
  return {
    "loss_by_stage": trace.terms.total,
    "translation": trace.state.translation[:, -1],
  }


def _plain(value):
  """Numbers that JSON can hold, six digits of each."""
  if isinstance(value, dict):
    return {name: _plain(part) for name, part in value.items()}
  if isinstance(value, int | list):
    return value
  digits = [float(f"{x:.6g}") for x in np.ravel(value)]
  return np.reshape(digits, np.shape(value)).tolist()


def compute(body_model: BodyModel) -> dict[str, dict]:
  """All numbers by name, as `values.json` holds them."""
  objective = AlignmentObjective(body_model)
  cheap = AlignmentObjective(body_model, ObjectiveConfig(part_weight=0.0))
  state = _states(body_model)
  with run_eagerly():
    values = {
      "hund_parameters": _hund_sizes(cheap),
      "network_parameters": _network_sizes(),
      "meshes_vertices_and_faces": _mesh_sizes(body_model),
      "body_metres": _body(body_model, state),
      "objective": _objective(objective, state),
      "released_descent": _descent(body_model, state),
    }
  return _plain(values)
