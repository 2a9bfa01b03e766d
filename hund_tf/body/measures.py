"""Sizes of bodies: stature and girths, as a tape would measure them.

All are of the body that stands in a T-pose, without expression. Stature is the
extent along the vertical. A girth is the circumference of the convex hull of a
horizontal cut, at the level of a joint: of the trunk, as the arms are above.
"""

import numpy as np
from scipy.spatial import ConvexHull

from hund_tf.body import skeleton
from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.types import EXPRESSION_DIM, NUM_JOINTS

# The level of each girth: shares of joints, which are given by name.
LEVELS: dict[str, dict[str, float]] = {
  "chest": {"spine3": 0.3, "spine4": 0.7},
  "waist": {"spine2": 1.0},
  "hip": {"l_hip": 0.5, "r_hip": 0.5},
}
MEASURES = ("stature", *LEVELS)


def stature(body_model: BodyModel, shape: tf.Tensor) -> tf.Tensor:
  """Statures `[N]`, metres, float64, of shape latents `[N, 16]`."""
  height = standing(body_model, shape)[0][..., 1]
  return tf.reduce_max(height, axis=-1) - tf.reduce_min(height, axis=-1)


def measure(body_model: BodyModel, shape: np.ndarray) -> dict[str, np.ndarray]:
  """`MEASURES` by name, each `[N]` metres, of shape latents `[N, 16]`."""
  vertices, joints = (x.numpy() for x in standing(body_model, shape))
  height = vertices[..., 1]
  found = {"stature": height.max(-1) - height.min(-1)}
  faces = body_model.faces()
  for name, shares in LEVELS.items():
    level = sum(w * joints[:, skeleton.INDEX[j], 1] for j, w in shares.items())
    found[name] = np.array(
      [girth(v, faces, y) for v, y in zip(vertices, level, strict=True)]
    )
  return found


def girth(vertices: np.ndarray, faces: np.ndarray, level: float) -> float:
  """Circumference of the convex hull of the cut of a mesh at y = level.

  Args:
    vertices: `[V, 3]`.
    faces: `[F, 3]`.
    level: between the mesh's lowest and highest point.

  Raises:
    ValueError: if the mesh does not reach there.
  """
  edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
  above = vertices[edges, 1] - level
  cut = above[:, 0] * above[:, 1] < 0
  if cut.sum() < 3:
    raise ValueError(f"girth: nothing of the mesh is at y = {level}")
  (a, b), ends = above[cut].T, vertices[edges[cut]]
  share = (a / (a - b))[:, None]
  points = ends[:, 0] + share * (ends[:, 1] - ends[:, 0])
  return float(ConvexHull(points[:, [0, 2]]).area)  # of a polygon: its border


def standing(
  body_model: BodyModel, shape: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
  """The full mesh and the joints in a T-pose.

  Args:
    body_model: of the bodies.
    shape: latents `[N, 16]`.

  Returns:
    Vertices `[N, V, 3]` and joints `[N, 63, 3]`, metres, body frame with the
    pelvis at the origin, float64.
  """
  shape = tf.cast(shape, tf.float32)
  count = tf.shape(shape)[0]
  straight = tf.eye(3, batch_shape=[count, NUM_JOINTS])
  body = body_model.pose(
    straight,
    shape,
    tf.zeros([count, EXPRESSION_DIM]),
    straight[:, 0],
    tf.zeros([count, 3]),
  )
  return tf.cast(body.vertices, tf.float64), tf.cast(body.joints, tf.float64)
