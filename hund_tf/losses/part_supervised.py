"""Losses of hands and faces whose true state is known (L_f for a part)."""

import dataclasses
from typing import NamedTuple

from hund_tf.body.part_bodies import PartBody, PartOutput
from hund_tf.compat import tf
from hund_tf.geometry import camera, placement, rotation, similarity
from hund_tf.losses.alignment import keypoint_loss
from hund_tf.losses.part_alignment import root_relative
from hund_tf.options import check, option
from hund_tf.types import FaceState, HandState, Intrinsics, PartFeatures


class PartExample(NamedTuple):
  """A batch of close-ups with their truth."""

  features: PartFeatures
  intrinsics: Intrinsics  # of the crops (C_c), fields [B, 2], crop pixels
  state: HandState | FaceState  # true
  points: tf.Tensor  # [B, n, 3] metres, camera frame
  vertices: tf.Tensor  # [B, V, 3] metres, camera frame
  keypoints: tf.Tensor  # [B, n, 2] true projections, crop pixels


@dataclasses.dataclass(frozen=True)
class PartLossConfig:
  """Weights of the losses of a part's stages."""

  alignment_weight: float = option(
    0.0,
    "Weight of the alignment objective L_u, the self-supervised loss.",
    name="part_alignment_weight",
    low=0.0,
  )
  vertex_weight: float = option(
    100.0,
    "Weight of the vertices' mean distance, from the part's root, per metre.",
    name="part_vertex_weight",
    low=0.0,
  )
  point_weight: float = option(
    100.0,
    "Weight of the keypoints' mean distance, from the part's root, per metre.",
    name="part_point_weight",
    low=0.0,
  )
  aligned_weight: float = option(
    200.0,
    "Weight of the keypoints' mean distance after the best similarity, per "
    "metre.",
    name="part_aligned_weight",
    low=0.0,
  )
  rotation_weight: float = option(
    2.0,
    "Weight of the mean Frobenius distance of the rotations.",
    name="part_rotation_weight",
    low=0.0,
  )
  latent_weight: float = option(
    0.5,
    "Weight of the mean squared difference of the latents.",
    name="part_latent_weight",
    low=0.0,
  )
  placement_weight: float = option(
    2.0,
    "Weight of the difference of the placements.",
    name="part_placement_weight",
    low=0.0,
  )
  reprojection_weight: float = option(
    0.1,
    "Weight of the distance to the true keypoints in the crop, per pixel.",
    name="part_reprojection_weight",
    low=0.0,
  )

  def __post_init__(self):
    check(self)


def distances(points: tf.Tensor, truth: tf.Tensor) -> tf.Tensor:
  """Mean distances `[B]` of points `[B, N, 3]`, in their unit."""
  square = tf.reduce_sum((points - truth) ** 2, axis=-1)
  return tf.reduce_mean(tf.sqrt(square + 1e-10), axis=-1)


def aligned(points: tf.Tensor, truth: tf.Tensor) -> tf.Tensor:
  """Points `[B, N, 3]` after the best similarity, both from their middles.

  No gradient flows through the similarity.

  Returns:
    Moved points and truth, `[B, N, 3]`.
  """
  points -= tf.reduce_mean(points, axis=1, keepdims=True)
  truth -= tf.reduce_mean(truth, axis=1, keepdims=True)
  scale, turn = tf.nest.map_structure(
    tf.stop_gradient,
    similarity.best_similarity(points, truth, tf.ones([points.shape[1]])),
  )
  moved = scale[:, None, None] * tf.einsum("bij,bnj->bni", turn, points)
  return moved, truth


def part_loss(
  body: PartBody,
  output: PartOutput,
  state: HandState | FaceState,
  alignment: tf.Tensor,
  example: PartExample,
  truth: PartOutput,
  config: PartLossConfig,
) -> tf.Tensor:
  """The training loss `[B]` of a stage.

  Args:
    body: of the part.
    output: of the stage's state.
    state: the stage's.
    alignment: `[B]` L_u of it.
    example: what is known.
    truth: the posed true state.
    config: weights.
  """
  roots = tf.reduce_mean(
    tf.gather(output.points - truth.points, list(body.roots), axis=1),
    axis=1,
    keepdims=True,
  )
  points = root_relative(output.points, body)
  seen = camera.project(output.points, example.intrinsics)
  latents = tf.add_n(
    [
      tf.reduce_mean((z - z_true) ** 2, axis=-1)
      for z, z_true in zip(state[:-2], example.state[:-2], strict=True)
    ]
  )
  turned = tf.reduce_sum((output.rotations - truth.rotations) ** 2, [-2, -1])
  head = rotation.from_6d(state.rotation) - truth.rotations[:, 0]
  placed = placement.encode(state.translation, example.intrinsics)
  place = placement.encode(example.state.translation, example.intrinsics)
  return (
    config.alignment_weight * alignment
    + config.vertex_weight * distances(output.vertices - roots, truth.vertices)
    + config.point_weight * distances(points, root_relative(truth.points, body))
    + config.aligned_weight * distances(*aligned(output.points, truth.points))
    + config.rotation_weight
    * (
      tf.reduce_mean(tf.sqrt(turned + 1e-8), axis=-1)
      + tf.sqrt(tf.reduce_sum(head**2, axis=[-2, -1]) + 1e-8)
    )
    + config.latent_weight * latents
    + config.placement_weight * tf.reduce_sum(tf.abs(placed - place), axis=-1)
    + config.reprojection_weight
    * keypoint_loss(
      seen, example.keypoints, tf.ones_like(example.keypoints[..., 0])
    )
  )
