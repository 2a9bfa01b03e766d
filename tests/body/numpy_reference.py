"""A second, plain numpy version of the body model's forward pass."""

import numpy as np

from hund_tf.body import skeleton
from hund_tf.body.asset import BodyAsset


def posed_by_numpy(
  asset: BodyAsset,
  rotations: np.ndarray,
  coefficients: np.ndarray,
  expression: np.ndarray,
  translation: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
  """Posed vertices `[V, 3]` and joints `[63, 3]` of one body, in float64.

  Args:
    asset: of the body model.
    rotations: `[63, 3, 3]` local rotations after twist driving, the root's
      that from body to camera.
    coefficients: `[K]` shape components.
    expression: `[20]`.
    translation: `[3]` metres, where the pelvis is.
  """
  rest = asset.template.astype(np.float64)
  joints = asset.joint_template.astype(np.float64)
  for c, vertex_offsets, joint_offsets in zip(
    coefficients, asset.shape_basis, asset.joint_basis, strict=True
  ):
    rest = rest + c * vertex_offsets
    joints = joints + c * joint_offsets
  for e, offsets in zip(expression, asset.expression_basis, strict=True):
    rest[asset.expression_ids] += e * offsets

  turned, posed = [], []
  chained = []
  for j, parent in enumerate(skeleton.PARENTS):
    if parent < 0:
      chained.append(rotations[j])
      posed.append(translation)
    else:
      chained.append(chained[parent] @ rotations[j])
      posed.append(
        posed[parent] + turned[parent] @ (joints[j] - joints[parent])
      )
    turned.append(chained[j] @ asset.zero_pose[j])

  result = np.zeros_like(rest)
  for k in range(asset.skin_joints.shape[1]):
    j = asset.skin_joints[:, k]
    weight = asset.skin_weights[:, k, None] / 65535.0
    moved = np.einsum("vij,vj->vi", np.stack(turned)[j], rest - joints[j])
    result += weight * (moved + np.stack(posed)[j])
  return result, np.stack(posed)
