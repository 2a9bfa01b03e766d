"""The alignment objective L_u of a body state and an image (Eq. 3-6)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from hund_tf.body import keypoints as keypoint_table
from hund_tf.body.interface import Body
from hund_tf.compat import tf
from hund_tf.geometry import camera
from hund_tf.losses.terms import Term
from hund_tf.options import check, option
from hund_tf.rendering.part_renderer import make_part_renderer
from hund_tf.types import (
  CROP_SIZE,
  MAP_SIZE,
  NUM_KEYPOINTS,
  AlignmentTarget,
  AlignmentTerms,
  BodyOutput,
  HumanState,
  Intrinsics,
)

# How L_b is taken: with its gradient, its value only, or not at all (then it is
# 0, as for images of which no part is known). Rendering is most of the cost.
PartTerm = Literal["full", "value", "none"]


@dataclass(frozen=True)
class ObjectiveConfig:
  """Weights and choices of the alignment objective.

  The weights of the priors were chosen by the errors in 3D of BFGS on synthetic
  validation examples: `docs/results.md`.
  """

  keypoint_weight: float = option(
    1.0,
    "Weight of the keypoint term L_k (lambda_k of Eq. 3), per crop pixel.",
    low=0.0,
  )
  part_weight: float = option(
    50.0,
    "Weight of the part term L_b (lambda_b of Eq. 3), per mean absolute "
    "difference; 0 renders nothing.",
    low=0.0,
  )
  pose_prior_weight: float = option(
    0.15, "Weight of the pose prior ||theta||^2 (Eq. 6).", low=0.0
  )
  shape_prior_weight: float = option(
    0.3, "Weight of the shape prior ||beta||^2 (Eq. 6).", low=0.0
  )
  # The 70 face and 42 hand keypoints would otherwise outvote the 25 of the
  # body.
  body_keypoint_weight: float = option(
    1.0, "Weight of a body keypoint in the mean of Eq. 4.", low=0.0
  )
  face_keypoint_weight: float = option(
    0.1, "Weight of a face keypoint in the mean of Eq. 4.", low=0.0
  )
  hand_keypoint_weight: float = option(
    0.25, "Weight of a hand keypoint in the mean of Eq. 4.", low=0.0
  )
  mesh: str = option(
    "proxy_1500",
    "Proxy mesh that the part renderer draws.",
    name="objective_mesh",
    choices=("proxy_1500", "proxy_3000"),
  )
  renderer: str = option(
    "soft",
    "Part renderer of the objective: face windows in pure TensorFlow, or "
    "rasterize-then-splat of tensorflow_graphics, which needs the compiled op.",
    choices=("soft", "tfg"),
  )

  def __post_init__(self):
    check(self)


def keypoint_loss(
  projected: tf.Tensor, target: tf.Tensor, weights: tf.Tensor
) -> tf.Tensor:
  """L_k: weighted mean 2D distance (Eq. 4).

  Args:
    projected: `[B, N, 2]` pixels.
    target: `[B, N, 2]` pixels.
    weights: `[B, N]` non-negative; all zero gives a loss of zero.

  Returns:
    `[B]` pixels.
  """
  square = tf.reduce_sum((projected - target) ** 2, axis=-1)
  distance = tf.sqrt(square + 1e-6)
  total = tf.reduce_sum(weights, axis=-1)
  return tf.math.divide_no_nan(
    tf.reduce_sum(weights * distance, axis=-1), total
  )


def part_loss(
  rendered: tf.Tensor, part_probs: tf.Tensor, part_weights: tf.Tensor
) -> tf.Tensor:
  """L_b: mean over pixels of the absolute part difference (Eq. 5).

  Args:
    rendered: `[B, H, W, 16]` 15 part probabilities and the visibility.
    part_probs: `[B, H, W, 15]` target; its visibility is 1 - background.
    part_weights: `[B, 16]` which channels are known.

  Returns:
    `[B]`, in [0, 4].
  """
  visibility = 1.0 - part_probs[..., :1]
  target = tf.concat([part_probs, visibility], axis=-1)
  difference = tf.abs(rendered - target) * part_weights[:, None, None, :]
  return tf.reduce_mean(tf.reduce_sum(difference, axis=-1), axis=[1, 2])


def negative_log_prior(*latents: tf.Tensor) -> tf.Tensor:
  """l = ||latents||^2 `[B]`, proportional to -log p (Eq. 6)."""
  return tf.add_n([tf.reduce_sum(z * z, axis=-1) for z in latents])


class AlignmentObjective(tf.Module):
  """L_u of Eq. 3: the one function that every minimiser works on."""

  def __init__(
    self,
    body_model: Body,
    config: ObjectiveConfig | None = None,
    terms: Sequence[Term] = (),
  ):
    """Builds the renderer of the proxy mesh named by `config.mesh`.

    Keypoints that the body lacks take no part in L_k.

    Args:
      body_model: of the states.
      config: weights and choices.
      terms: of a user's own; they are added to L_u.

    Raises:
      ValueError: if the mesh or the renderer of `config` is unknown.
    """
    super().__init__(name="alignment_objective")
    self.config = config or ObjectiveConfig()
    self.terms = tuple(terms)
    self.body_model = body_model
    self._renderer = make_part_renderer(
      self.config.renderer,
      body_model.faces(self.config.mesh),
      body_model.part_labels(self.config.mesh),
    )
    group = np.empty([NUM_KEYPOINTS], np.float32)
    group[keypoint_table.BODY] = self.config.body_keypoint_weight
    group[keypoint_table.FACE] = self.config.face_keypoint_weight
    group[keypoint_table.LEFT_HAND] = self.config.hand_keypoint_weight
    group[keypoint_table.RIGHT_HAND] = self.config.hand_keypoint_weight
    # [137] what each counts in the mean of Eq. 4
    self.keypoint_shares = group * body_model.keypoint_exists

  @property
  def xla_compatible(self) -> bool:
    """Whether XLA can compile the objective: not with the `tfg` renderer."""
    return self.config.renderer == "soft"

  def __call__(
    self, state: HumanState, target: AlignmentTarget, intrinsics: Intrinsics
  ) -> AlignmentTerms:
    """Evaluates the objective.

    Args:
      state: a batch of B states.
      target: what the crops show.
      intrinsics: of the crops (C_c), fields `[B, 2]`, crop pixels.

    Returns:
      AlignmentTerms of `[B]` values.
    """
    body = self.body_model.decode(state, mesh=self.config.mesh)
    return self.evaluate(body, state, target, intrinsics)

  def evaluate(
    self,
    body: BodyOutput,
    state: HumanState,
    target: AlignmentTarget,
    intrinsics: Intrinsics,
    parts: PartTerm = "full",
  ) -> AlignmentTerms:
    """As calling the objective, with the body of `state` already decoded."""
    config = self.config
    keypoint = self.keypoint_term(
      body, target.keypoints, target.keypoint_weights, intrinsics
    )
    if config.part_weight > 0.0 and parts != "none":
      vertices = body.vertices
      if parts == "value":
        vertices = tf.stop_gradient(vertices)
      rendered = self.render_parts(body._replace(vertices=vertices), intrinsics)
      part = part_loss(rendered, target.part_probs, target.part_weights)
    else:
      part = tf.zeros_like(keypoint)
    pose_prior = negative_log_prior(
      state.body_pose, state.left_hand, state.right_hand
    )
    shape_prior = negative_log_prior(state.shape, state.expression)
    own = AlignmentTerms(
      tf.zeros_like(keypoint), keypoint, part, pose_prior, shape_prior
    )
    total = self.own_total(own)
    for term in self.terms:
      total += term.value(body)
    return own._replace(total=total)

  def own_total(self, terms: AlignmentTerms) -> tf.Tensor:
    """L_u of Eq. 3 `[B]`, without the terms of a user, of its four terms."""
    config = self.config
    return (
      config.keypoint_weight * terms.keypoint
      + config.part_weight * terms.part
      + config.pose_prior_weight * terms.pose_prior
      + config.shape_prior_weight * terms.shape_prior
    )

  def keypoint_term(
    self,
    body: BodyOutput,
    keypoints: tf.Tensor,
    confidence: tf.Tensor,
    intrinsics: Intrinsics,
  ) -> tf.Tensor:
    """L_k of a body and any keypoints (Eq. 4), detected or annotated.

    Args:
      body: `[B, ...]` camera frame.
      keypoints: `[B, 137, 2]` crop pixels.
      confidence: `[B, 137]` in [0, 1].
      intrinsics: of the crops, fields `[B, 2]`, crop pixels.

    Returns:
      `[B]` crop pixels.
    """
    projected = camera.project(body.keypoints, intrinsics)
    weights = confidence * self.keypoint_shares
    return keypoint_loss(projected, keypoints, weights)

  def render_parts(self, body: BodyOutput, intrinsics: Intrinsics) -> tf.Tensor:
    """The segmentation image I of Eq. 5, `[B, 60, 60, 16]`."""
    on_map = camera.scale_intrinsics(intrinsics, MAP_SIZE / CROP_SIZE)
    pixels = camera.project(body.vertices, on_map)
    return self._renderer(tf.concat([pixels, body.vertices[..., 2:3]], axis=-1))
