"""The models that HUND is built of, each as a function of a small batch.

The functions take and give tensors by name, `[B, ...]` each, so that all
models can go through the same checks.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from hund_tf.body import asset as asset_lib
from hund_tf.body.flows import CouplingFlow, FlowConfig
from hund_tf.body.model import BodyModel
from hund_tf.body.pose_prior import PosePrior
from hund_tf.body.shape import make_shape_decoder
from hund_tf.compat import tf
from hund_tf.losses.alignment import AlignmentObjective, ObjectiveConfig
from hund_tf.rendering.soft import SoftPartRenderer
from hund_tf.types import (
  MAP_SIZE,
  STATE_DIMS,
  AlignmentTarget,
  HumanState,
  Intrinsics,
  state_to_vector,
)
from tests.models import tiny_network
from tests.rendering import meshes

_BATCH = 3
_MESH = "proxy_1500"
_FLOW = FlowConfig(dim=6, couplings=3, hidden=8)


class Component(NamedTuple):
  """A model and a function of it."""

  module: tf.Module | None  # holds the variables, if there are any
  function: Callable[..., dict[str, tf.Tensor]]  # of the inputs, by name
  inputs: dict[str, np.ndarray]  # float32, [B, ...]

  def __call__(self, count: int = _BATCH) -> dict[str, tf.Tensor]:
    """Outputs of the first inputs."""
    return self.function(**self.batch(count))

  def batch(self, count: int = _BATCH) -> dict[str, tf.Tensor]:
    """The first inputs."""
    return {k: tf.constant(v[:count]) for k, v in self.inputs.items()}


def make_flow(seed: int) -> CouplingFlow:
  """A flow far from the identity; the permutations are always the same."""
  flow = CouplingFlow(_FLOW)
  random = np.random.default_rng(seed)
  for variable in flow.trainable_variables:
    variable.assign_add(_normal(random, variable.shape, 0.3))
  root = random.normal(size=[_FLOW.dim, _FLOW.dim])
  mean = random.normal(size=_FLOW.dim)
  flow.set_gaussian(mean, root @ root.T + np.eye(_FLOW.dim))
  return flow


def _normal(random: np.random.Generator, shape, scale: float = 1.0):
  return random.normal(0.0, scale, shape).astype(np.float32)


def _coupling_flow(seed: int) -> Component:
  flow = make_flow(seed)

  def function(values: tf.Tensor) -> dict[str, tf.Tensor]:
    latents, _ = flow.inverse(values)
    again, log_det = flow.forward(latents)
    log_prob = flow.log_prob(values)
    return {
      "latents": latents,
      "values": again,
      "log_det": log_det,
      "log_prob": log_prob,
    }

  values = _normal(np.random.default_rng(0), [_BATCH, _FLOW.dim])
  return Component(flow, function, {"values": values})


def _make_prior(seed: int) -> PosePrior:
  """The prior of the package with other weights."""
  prior = PosePrior.load()
  random = np.random.default_rng(seed)
  for variable in prior.trainable_variables:
    variable.assign_add(_normal(random, variable.shape, 0.02))
  return prior


def _states(seed: int = 0) -> dict[str, np.ndarray]:
  """People who face the camera, about 2.6 m away."""
  random = np.random.default_rng(seed)
  states = {
    name: _normal(random, [_BATCH, size], 0.5)
    for name, size in STATE_DIMS._asdict().items()
  }
  facing = np.array([1.0, 0.0, 0.0, -1.0, 0.0, 0.0], np.float32)
  states["rotation"] = facing + 0.2 * states["rotation"]
  place = np.array([0.0, -0.05, 2.6], np.float32)
  states["translation"] = place + 0.1 * states["translation"]
  return states


def _pose_prior(seed: int) -> Component:
  prior = _make_prior(seed)
  names = ("body_pose", "left_hand", "right_hand")

  def function(**latents: tf.Tensor) -> dict[str, tf.Tensor]:
    return {"rotations": prior.decode(**latents)}

  states = _states()
  return Component(prior, function, {name: states[name] for name in names})


def _shape_decoder(kind: str) -> Component:
  decoder = make_shape_decoder(kind, asset_lib.load())

  def function(code: tf.Tensor) -> dict[str, tf.Tensor]:
    return {"coefficients": decoder(code)}

  return Component(decoder, function, {"code": _states()["shape"]})


def _body_model(seed: int) -> Component:
  body_model = BodyModel(pose_prior=_make_prior(seed))

  def function(**state: tf.Tensor) -> dict[str, tf.Tensor]:
    return body_model.decode(HumanState(**state), mesh=_MESH)._asdict()

  return Component(body_model, function, _states())


def _part_renderer() -> Component:
  bodies = [
    meshes.body(BodyModel(), _MESH, yaw, size=MAP_SIZE)
    for yaw in np.linspace(0.0, 2.0, _BATCH)
  ]
  _, faces, parts = bodies[0]
  renderer = SoftPartRenderer(faces, parts)

  def function(vertices: tf.Tensor) -> dict[str, tf.Tensor]:
    return {"maps": renderer(vertices)}

  vertices = np.stack([vertices for vertices, _, _ in bodies])
  return Component(None, function, {"vertices": vertices})


def _targets() -> dict[str, np.ndarray]:
  """Random targets, and the crops' intrinsics."""
  random = np.random.default_rng(1)
  part_probs = random.dirichlet(np.ones(15), [_BATCH, MAP_SIZE, MAP_SIZE])
  targets = {
    "keypoints": random.uniform(0.0, 480.0, [_BATCH, 137, 2]),
    "keypoint_weights": random.uniform(0.0, 1.0, [_BATCH, 137]),
    "part_probs": part_probs,
    "part_weights": np.ones([_BATCH, 16]),
    "focal": np.full([_BATCH, 2], 600.0),
    "center": np.full([_BATCH, 2], 240.0),
  }
  return {name: value.astype(np.float32) for name, value in targets.items()}


def _alignment_objective(seed: int) -> Component:
  # Rounding in the gradient of L_b grows with its weight.
  objective = AlignmentObjective(
    BodyModel(pose_prior=_make_prior(seed)), ObjectiveConfig(part_weight=10.0)
  )

  def function(**inputs: tf.Tensor) -> dict[str, tf.Tensor]:
    """Terms of L_u, and the size and direction of its gradient."""

    def take(record):
      return record(**{name: inputs[name] for name in record._fields})

    state = take(HumanState)
    with tf.GradientTape() as tape:
      tape.watch(state)
      terms = objective(state, take(AlignmentTarget), take(Intrinsics))
    gradient = state_to_vector(tape.gradient(terms.total, state))
    norm = tf.norm(gradient, axis=-1)
    return terms._asdict() | {
      "gradient_norm": norm,
      "gradient_direction": gradient / norm[:, tf.newaxis],
    }

  return Component(objective, function, _states() | _targets())


def _multitask_network(seed: int) -> Component:
  network = tiny_network.make(seed)

  def function(images: tf.Tensor) -> dict[str, tf.Tensor]:
    output = network(images, training=False)
    return {
      "features": output.features,
      "heatmaps": output.heatmaps,
      "part_probs": output.part_probs,
    }

  side = network.config.input_size
  images = np.random.default_rng(0).uniform(size=[_BATCH, side, side, 3])
  return Component(network, function, {"images": images.astype(np.float32)})


# Functions of a seed of the weights.
WITH_VARIABLES: dict[str, Callable[[int], Component]] = {
  "coupling_flow": _coupling_flow,
  "pose_prior": _pose_prior,
  "body_model": _body_model,
  "alignment_objective": _alignment_objective,
  "multitask_network": _multitask_network,
}
_CONSTANT: dict[str, Callable[[], Component]] = {
  "vae_shape_decoder": lambda: _shape_decoder("vae"),
  "pca_shape_decoder": lambda: _shape_decoder("pca"),
  "part_renderer": _part_renderer,
}
NAMES = (*WITH_VARIABLES, *_CONSTANT)


def make(name: str) -> Component:
  """The component of a name."""
  if name in _CONSTANT:
    return _CONSTANT[name]()
  return WITH_VARIABLES[name](0)
