"""The body model in a saved graph, with the arrays of each mesh once."""

import functools

from hund_tf.body import asset, kinematics
from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.export.in_graph.networks import Shared
from hund_tf.types import (
  EXPRESSION_DIM,
  NUM_JOINTS,
  SHAPE_DIM,
  BodyOutput,
  HumanState,
)


class SharedBody:
  """Decodes and poses as `BodyModel`; the posing of a mesh is one function."""

  def __init__(self, body_model: BodyModel):
    self._body = body_model
    self._posed = functools.cache(self._function)

  def _function(self, mesh: str) -> Shared:
    pose = lambda *given: self._body.pose_driven(*given, mesh)._asdict()
    return Shared(
      pose,
      tf.TensorSpec([None, NUM_JOINTS, 3, 3]),
      tf.TensorSpec([None, SHAPE_DIM]),
      tf.TensorSpec([None, EXPRESSION_DIM]),
      tf.TensorSpec([None, 3]),
    )

  def decode(
    self, state: HumanState, mesh: str = asset.FULL_MESH
  ) -> BodyOutput:
    """As `BodyModel.decode`."""
    local = self._body.rotations(state)
    posed = self._posed(mesh)
    return BodyOutput(
      **posed(local, state.shape, state.expression, state.translation)
    )

  def pose(
    self,
    local_rotations: tf.Tensor,
    shape: tf.Tensor,
    expression: tf.Tensor,
    root_rotation: tf.Tensor,
    translation: tf.Tensor,
  ) -> BodyOutput:
    """As `BodyModel.pose`, of the full mesh."""
    driven = kinematics.drive_twists(local_rotations)
    driven = tf.concat([root_rotation[:, None], driven[:, 1:]], axis=1)
    posed = self._posed(asset.FULL_MESH)
    return BodyOutput(**posed(driven, shape, expression, translation))
