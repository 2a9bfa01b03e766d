"""What the rest of the system needs of a body."""

from typing import Protocol

import numpy as np

from hund_tf import types
from hund_tf.body import asset
from hund_tf.compat import tf


class Body(Protocol):
  """A body that a state poses; its arrays are described by `BodyModel`.

  The alignment objective, the optimisers and the reconstruction use nothing
  else. The open `BodyModel` is one; `adapters` has others. These decode the
  same state: pose latents of the pose prior, and the first values of shape and
  expression as coefficients of their own components.
  """

  @property
  def keypoint_exists(self) -> np.ndarray:
    """1 for each keypoint that the body has, else 0: `[137]` float32."""
    ...

  def mesh_ids(self, mesh: str = asset.FULL_MESH) -> np.ndarray:
    """Vertices `[V]` int32 of the full mesh that make up `mesh`."""
    ...

  def faces(self, mesh: str = asset.FULL_MESH) -> np.ndarray:
    """Triangles `[F, 3]` int32 of `mesh`, counter-clockwise from outside."""
    ...

  def part_labels(self, mesh: str = asset.FULL_MESH) -> np.ndarray:
    """Part of every vertex `[V]` int32, 1..14 in the order of `parts.NAMES`."""
    ...

  def decode(
    self, state: types.HumanState, mesh: str = asset.FULL_MESH
  ) -> types.BodyOutput:
    """Poses the body of a state `[B, ...]`, in the camera frame."""
    ...

  def encode_pose(
    self, rotations: tf.Tensor
  ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Pose latents of local rotations `[B, 63, 3, 3]`."""
    ...
