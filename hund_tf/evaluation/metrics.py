"""Errors of points in 3D: MPJPE, PA-MPJPE, PVE, PCK, AUC, pelvis, angles.

Everything is float64 numpy over leading axes `[...]`. `weights` `[..., N]` say
which points count: 0 is a missing point, which takes no part in means or
alignments and may hold any number, also none. A frame in which all points are
missing has the error NaN; whoever averages says how many there were.
"""

import numpy as np

from hund_tf.geometry import rotation

# Points within this of each other, relative to where they are, coincide.
_COINCIDENT = 1e-12


def joint_distances(
  joints: np.ndarray,
  truth: np.ndarray,
  root: np.ndarray | None = None,
  true_root: np.ndarray | None = None,
) -> np.ndarray:
  """Distances of points `[..., N]`, with the roots moved together.

  Args:
    joints: `[..., N, 3]`, any unit; so is the result.
    truth: `[..., N, 3]`.
    root: `[..., 3]` of `joints`; without roots nothing is moved.
    true_root: `[..., 3]` of `truth`.

  Raises:
    ValueError: if the points' shapes differ or are not `[..., N, 3]`.
  """
  joints, truth = _checked(joints, truth)
  if root is not None:
    joints = joints - np.asarray(root, np.float64)[..., None, :]
  if true_root is not None:
    truth = truth - np.asarray(true_root, np.float64)[..., None, :]
  return np.linalg.norm(joints - truth, axis=-1)


def mean_over_joints(
  values: np.ndarray, weights: np.ndarray | None = None
) -> np.ndarray:
  """Weighted mean `[...]` of `[..., N]`; NaN where no weight is above 0.

  Raises:
    ValueError: if the weights do not fit or one is negative.
  """
  values = np.asarray(values, np.float64)
  weights = _weights(weights, values.shape)
  total = weights.sum(-1)
  values = np.where(weights > 0.0, values, 0.0)
  return np.divide(
    (values * weights).sum(-1),
    total,
    out=np.full(total.shape, np.nan),
    where=total > 0.0,
  )


def mpjpe(
  joints: np.ndarray,
  truth: np.ndarray,
  root: np.ndarray | None = None,
  true_root: np.ndarray | None = None,
  weights: np.ndarray | None = None,
) -> np.ndarray:
  """Mean distance per joint with the roots moved together, `[...]`.

  Without roots nothing is moved: in the camera frame that is the un-aligned
  MPJPE. With vertices for joints it is PVE, the per-vertex error.

  Args:
    joints: `[..., N, 3]`, any unit; so is the result.
    truth: `[..., N, 3]`.
    root: `[..., 3]` of `joints`.
    true_root: `[..., 3]` of `truth`.
    weights: `[..., N]` of the truth; 0 is missing.

  Raises:
    ValueError: if shapes do not agree or a weight is negative.
  """
  distances = joint_distances(joints, truth, root, true_root)
  return mean_over_joints(distances, weights)


def procrustes_align(
  joints: np.ndarray, truth: np.ndarray, weights: np.ndarray | None = None
) -> np.ndarray:
  """Joints moved onto the truth by the best similarity (Procrustes).

  Rotation (never a reflection), scale and translation of least squares, frame
  by frame. Joints that all coincide have no scale: they go to the mean.

  Args:
    joints: `[..., N, 3]`.
    truth: `[..., N, 3]`.
    weights: `[..., N]`; joints of weight 0 do not decide the similarity, and
      are moved by it only if they are finite.

  Returns:
    `[..., N, 3]` float64; NaN for a frame without joints.

  Raises:
    ValueError: if shapes do not agree or a weight is negative.
  """
  joints, truth = _checked(joints, truth)
  weight = _weights(weights, joints.shape[:-1])[..., None]
  known = weight > 0.0
  total = weight.sum(-2, keepdims=True)
  share = np.divide(
    weight, total, out=np.full(weight.shape, np.nan), where=total > 0.0
  )
  mean, true_mean = (
    (np.where(known, points, 0.0) * share).sum(-2, keepdims=True)
    for points in (joints, truth)
  )
  x = np.where(known, joints - mean, 0.0)
  y = np.where(known, truth - true_mean, 0.0)
  # A frame without joints is NaN from here on; the decomposition wants numbers.
  covariance = np.nan_to_num(np.swapaxes(x * share, -1, -2) @ y)
  u, singular, vt = np.linalg.svd(covariance)
  sign = np.where(np.linalg.det(u @ vt) < 0.0, -1.0, 1.0)
  singular[..., -1] *= sign
  u[..., -1] *= sign[..., None]
  square = (share * x**2).sum((-1, -2))
  size = (share * np.where(known, joints, 0.0) ** 2).sum((-1, -2))
  scale = np.divide(
    singular.sum(-1),
    square,
    out=np.zeros_like(square),
    where=square > _COINCIDENT**2 * size,
  )
  # Rows are points, hence x R^T with R^T = U diag(1, 1, sign) V^T.
  return scale[..., None, None] * ((joints - mean) @ u @ vt) + true_mean


def pa_mpjpe(
  joints: np.ndarray, truth: np.ndarray, weights: np.ndarray | None = None
) -> np.ndarray:
  """Mean distance per joint after `procrustes_align`, `[...]`.

  Raises:
    ValueError: if shapes do not agree or a weight is negative.
  """
  aligned = procrustes_align(joints, truth, weights)
  return mpjpe(aligned, truth, weights=weights)


def translation_error(root: np.ndarray, true_root: np.ndarray) -> np.ndarray:
  """MPJPE Trans (Table 1): how far the pelvis is off, camera frame, `[...]`.

  The paper does not define it; the authors' group publishes it so for GHUM.

  Args:
    root: `[..., 3]` pelvis, camera frame.
    true_root: `[..., 3]`.
  """
  difference = np.asarray(root, np.float64) - np.asarray(true_root, np.float64)
  return np.linalg.norm(difference, axis=-1)


def pck(
  distances: np.ndarray, limit: float, weights: np.ndarray | None = None
) -> np.ndarray:
  """3D PCK: the share `[...]` of points nearer than `limit`.

  Args:
    distances: `[..., N]`, as of `joint_distances`.
    limit: in the unit of the distances, above 0.
    weights: `[..., N]`; 0 is missing.

  Raises:
    ValueError: if the limit or the weights cannot be used.
  """
  _check_limit(limit)
  return mean_over_joints(np.asarray(distances) < limit, weights)


def auc(
  distances: np.ndarray, limit: float, weights: np.ndarray | None = None
) -> np.ndarray:
  """Area under the curve of PCK over thresholds up to `limit`, `[...]`.

  The exact integral, in [0, 1]: a point at distance d is correct for the share
  1 - d / limit of the thresholds. A curve that is sampled at n thresholds, as
  tools of data sets do it, differs by less than 1 / n.

  Args:
    distances: `[..., N]`, as of `joint_distances`.
    limit: in the unit of the distances, above 0.
    weights: `[..., N]`; 0 is missing.

  Raises:
    ValueError: if the limit or the weights cannot be used.
  """
  _check_limit(limit)
  share = np.maximum(0.0, 1.0 - np.asarray(distances, np.float64) / limit)
  return mean_over_joints(share, weights)


def joint_angle_error(
  rotations: np.ndarray,
  truth: np.ndarray,
  weights: np.ndarray | None = None,
) -> np.ndarray:
  """Mean geodesic angle over the joints, degrees, `[...]`.

  Args:
    rotations: `[..., J, 3, 3]` of the joints that count, without the root's.
    truth: `[..., J, 3, 3]`.
    weights: `[..., J]`; 0 is missing.

  Raises:
    ValueError: if shapes do not agree or a weight is negative.
  """
  rotations, truth = (np.asarray(x, np.float64) for x in (rotations, truth))
  if rotations.shape != truth.shape or rotations.shape[-2:] != (3, 3):
    raise ValueError(
      f"rotations: shape is {rotations.shape} and the truth's {truth.shape}, "
      "expected the same [..., J, 3, 3]"
    )
  angles = rotation.geodesic_angle(rotations, truth).numpy()
  return mean_over_joints(np.degrees(angles), weights)


def _check_limit(limit: float) -> None:
  if not limit > 0.0:
    raise ValueError(f"limit of PCK: got {limit}, expected > 0")


def _weights(weights: np.ndarray | None, shape: tuple[int, ...]) -> np.ndarray:
  """Weights as float64 of `shape`; 1 everywhere without any."""
  if weights is None:
    return np.ones(shape)
  weights = np.asarray(weights, np.float64)
  try:
    weights = np.broadcast_to(weights, shape)
  except ValueError as error:
    raise ValueError(
      f"weights: shape is {weights.shape}, expected {shape}"
    ) from error
  if not (weights >= 0.0).all():
    raise ValueError("weights: some are negative or NaN, expected >= 0")
  return weights


def _checked(
  joints: np.ndarray, truth: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
  joints, truth = np.asarray(joints, np.float64), np.asarray(truth, np.float64)
  if joints.shape != truth.shape or joints.ndim < 2 or joints.shape[-1] != 3:
    raise ValueError(
      f"joints: shape is {joints.shape} and the truth's {truth.shape}, "
      "expected the same [..., N, 3]"
    )
  return joints, truth
