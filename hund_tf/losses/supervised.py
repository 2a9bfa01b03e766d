"""Losses of annotated examples: L_f and the annotated keypoints' (Sec. 2.2).

Every function returns one value per example; what takes part is decided by the
example's own weights, so that self-, weak and full supervision mix in a batch.
"""

from dataclasses import dataclass

import numpy as np

from hund_tf.body import skeleton
from hund_tf.compat import tf
from hund_tf.geometry import placement, rotation, similarity
from hund_tf.losses.alignment import AlignmentObjective
from hund_tf.options import check, option
from hund_tf.types import (
  AlignmentTerms,
  BodyOutput,
  HumanState,
  Intrinsics,
  TrainingExample,
)

ROOTS = ("split", "absolute")
_PELVIS = skeleton.INDEX["pelvis"]
_FINGERS = np.isin(
  skeleton.NAMES, [*skeleton.LEFT_HAND_JOINTS, *skeleton.RIGHT_HAND_JOINTS]
)
# LSP's 14 joints, as `evaluation.compared_joints` takes them of this body.
_LIMB_JOINTS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
_COMPARED = np.isin(
  skeleton.NAMES,
  ["neck1", "head", *(f"{s}_{name}" for s in "lr" for name in _LIMB_JOINTS)],
)


@dataclass(frozen=True)
class SupervisedConfig:
  """Weights of the supervised losses."""

  vertex_weight: float = option(
    60.0, "Weight of the vertex loss L_m (lambda_m), per metre.", low=0.0
  )
  joint_weight: float = option(
    60.0, "Weight of the 3D joint loss L_3d (lambda_3d), per metre.", low=0.0
  )
  finger_weight: float = option(
    0.1,
    "Weight of each finger joint in the mean of L_3d, where other joints count "
    "1; with equal weights the hands would make up half of it.",
    low=0.0,
  )
  compared_weight: float = option(
    1.0,
    "Weight in the mean of L_3d of each of the 14 joints (LSP) that MPJPE and "
    "PA-MPJPE are reported over; others count 1.",
    low=0.0,
  )
  aligned_weight: float = option(
    0.0,
    "Weight of the joints' mean distance after the best similarity (PA-MPJPE), "
    "per metre.",
    low=0.0,
  )
  latent_weight: float = option(
    1.0, "Weight of the mean squared difference of the latents.", low=0.0
  )
  rotation_weight: float = option(
    0.0,
    "Weight of the mean Frobenius distance of the local joint rotations. L_3d "
    "says little of fingers and nothing of twists.",
    low=0.0,
  )
  term_weight: float = option(
    0.0,
    "Weight of the distance from random terms (--random_terms), per metre.",
    low=0.0,
  )
  root: str = option(
    "split",
    "How L_f treats the pelvis, whose place cannot be seen well: one picture "
    "fits a small person nearby and a large one far away. 'absolute' compares "
    "meshes and joints in the camera frame, as the paper writes; 'split' "
    "compares them with the pelvises moved together, and separately the "
    "placements of the translation.",
    name="supervised_root",
    choices=ROOTS,
  )
  placement_weight: float = option(
    10.0,
    "Weight of the difference of the placements with --supervised_root=split.",
    low=0.0,
  )

  def __post_init__(self):
    check(self)


def _distances(points: tf.Tensor, truth: tf.Tensor) -> tf.Tensor:
  """Distances `[B, N]` between points `[B, N, 3]`, metres."""
  square = tf.reduce_sum((points - truth) ** 2, axis=-1)
  return tf.sqrt(square + 1e-8)


def vertex_loss(body: BodyOutput, example: TrainingExample) -> tf.Tensor:
  """L_m: mean distance of the vertices, `[B]` metres, camera frame."""
  return tf.reduce_mean(_distances(body.vertices, example.vertices), axis=-1)


def joint_shares(config: SupervisedConfig) -> np.ndarray:
  """Shares of the joints in L_3d, `[63]`, which sum to 1."""
  weights = np.where(_FINGERS, config.finger_weight, 1.0)
  weights = np.where(_COMPARED, config.compared_weight, weights)
  return (weights / weights.sum()).astype(np.float32)


def joint_loss(
  body: BodyOutput, example: TrainingExample, shares: np.ndarray
) -> tf.Tensor:
  """L_3d: MPJPE of the joints, `[B]` metres, camera frame.

  Args:
    body: `[B, ...]`.
    example: truth.
    shares: `[63]` of the joints in the mean, which sum to 1.
  """
  distances = _distances(body.joints, example.joints)
  return tf.reduce_sum(shares * distances, axis=-1)


def aligned_loss(
  body: BodyOutput, example: TrainingExample, shares: np.ndarray
) -> tf.Tensor:
  """PA-MPJPE of the joints: their mean distance after the best similarity.

  The similarity is taken as it is: no gradient flows through it.

  Args:
    body: `[B, ...]`.
    example: truth.
    shares: `[63]` of the joints in the means, which sum to 1.

  Returns:
    `[B]` metres.
  """
  weights = tf.constant(shares)

  def centred(joints):
    return joints - tf.einsum("n,bni->bi", weights, joints)[:, None]

  joints, truth = centred(body.joints), centred(example.joints)
  scale, turn = tf.nest.map_structure(
    tf.stop_gradient, similarity.best_similarity(joints, truth, weights)
  )
  moved = scale[:, None, None] * tf.einsum("bij,bnj->bni", turn, joints)
  return tf.reduce_sum(weights * _distances(moved, truth), axis=-1)


def placement_loss(
  translation: tf.Tensor, truth: tf.Tensor, intrinsics: Intrinsics
) -> tf.Tensor:
  """Summed absolute difference of the placements (u, v, w) `[B]`.

  Args:
    translation: `[B, 3]` metres, camera frame.
    truth: `[B, 3]` metres, camera frame.
    intrinsics: of the crops, fields `[B, 2]`, crop pixels.
  """
  difference = placement.encode(translation, intrinsics) - placement.encode(
    truth, intrinsics
  )
  return tf.reduce_sum(tf.abs(difference), axis=-1)


def latent_loss(state: HumanState, truth: HumanState) -> tf.Tensor:
  """Distance of the latents and of the root rotation `[B]`.

  The sum over pose, hands, shape and expression of the mean squared difference,
  and of the squared Frobenius distance of the rotation matrices.
  """
  terms = [
    tf.reduce_mean((z - z_true) ** 2, axis=-1)
    for z, z_true in zip(state[:5], truth[:5], strict=True)
  ]
  turned = rotation.from_6d(state.rotation) - rotation.from_6d(truth.rotation)
  return tf.add_n(terms) + tf.reduce_sum(turned**2, axis=[-2, -1])


def rotation_loss(rotations: tf.Tensor, truth: tf.Tensor) -> tf.Tensor:
  """Mean Frobenius distance of the local rotations, the root's left out, `[B]`.

  2 sqrt(2) sin(a / 2) for a joint that is off by the angle a.

  Args:
    rotations: `[B, 63, 3, 3]` child to parent.
    truth: `[B, 63, 3, 3]`.
  """
  square = tf.reduce_sum((rotations - truth)[:, 1:] ** 2, axis=[-2, -1])
  return tf.reduce_mean(tf.sqrt(square + 1e-8), axis=-1)


def _pelvis_at_origin(body: BodyOutput) -> BodyOutput:
  root = body.joints[:, _PELVIS : _PELVIS + 1]
  return body._replace(vertices=body.vertices - root, joints=body.joints - root)


def full_loss(
  body: BodyOutput,
  state: HumanState,
  example: TrainingExample,
  config: SupervisedConfig,
  true_rotations: tf.Tensor | None = None,
) -> tf.Tensor:
  """L_f = lambda_m L_m + lambda_3d L_3d, and the distance of the states.

  Args:
    body: `[B, ...]` of `state`, on the mesh of `example.vertices`.
    state: `[B, ...]`.
    example: truth and weights.
    config: lambdas and the treatment of the root.
    true_rotations: `[B, 63, 3, 3]` of the true state; needed where
      `config.rotation_weight` is not zero.

  Returns:
    `[B]`; zero where an example has no supervision in 3D.
  """
  weights = example.weights
  result = (
    config.latent_weight * weights.latents * latent_loss(state, example.state)
  )
  if config.rotation_weight:
    turned = rotation_loss(body.rotations, true_rotations)
    result += config.rotation_weight * weights.latents * turned
  if config.root == "split":
    placed = placement_loss(
      state.translation, example.joints[:, _PELVIS], example.intrinsics
    )
    result += config.placement_weight * weights.joints * placed
    body = _pelvis_at_origin(body)
    root = example.joints[:, _PELVIS : _PELVIS + 1]
    example = example._replace(
      vertices=example.vertices - root, joints=example.joints - root
    )
  if config.vertex_weight:
    vertices = config.vertex_weight * vertex_loss(body, example)
    result += weights.vertices * vertices
  shares = joint_shares(config)
  joints = config.joint_weight * joint_loss(body, example, shares)
  if config.aligned_weight:
    aligned = aligned_loss(body, example, shares)
    joints += config.aligned_weight * aligned
  return result + weights.joints * joints


def stage_loss(
  objective: AlignmentObjective,
  body: BodyOutput,
  state: HumanState,
  terms: AlignmentTerms,
  example: TrainingExample,
  config: SupervisedConfig | None = None,
  true_rotations: tf.Tensor | None = None,
) -> tf.Tensor:
  """The training loss of one stage, by the weights of each example.

  L_u (Eq. 3, self-supervised), lambda_k L_k of the annotated keypoints (weakly
  supervised) and L_f (fully supervised).

  Args:
    objective: that `terms` are of.
    body: `[B, ...]` of `state`, on the objective's proxy mesh.
    state: `[B, ...]`.
    terms: `[B]` of `state` and the image features.
    example: what is known of the pictures.
    config: of L_f.
    true_rotations: `[B, 63, 3, 3]`, as `full_loss` takes them.

  Returns:
    `[B]`.
  """
  annotated = objective.keypoint_term(
    body, example.keypoints, example.keypoint_weights, example.intrinsics
  )
  weak = objective.config.keypoint_weight * annotated
  full = full_loss(
    body, state, example, config or SupervisedConfig(), true_rotations
  )
  weights = example.weights
  return weights.alignment * terms.total + weights.keypoints * weak + full
