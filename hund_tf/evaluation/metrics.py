"""Errors of joints in 3D: MPJPE, PA-MPJPE and the error of the pelvis.

The root of MPJPE is the pelvis. The field compares 14 joints; `LSP_JOINTS` are
those of this body, in the order of LSP.
"""

import numpy as np

from hund_tf.body import skeleton

# There is no joint at the top of the head: the head's own stands for it.
LSP_JOINTS = (
  "r_ankle",
  "r_knee",
  "r_hip",
  "l_hip",
  "l_knee",
  "l_ankle",
  "r_wrist",
  "r_elbow",
  "r_shoulder",
  "l_shoulder",
  "l_elbow",
  "l_wrist",
  "neck1",
  "head",
)
PELVIS = skeleton.INDEX["pelvis"]
_LSP_ROWS = [skeleton.INDEX[name] for name in LSP_JOINTS]


def lsp_joints(joints: np.ndarray) -> np.ndarray:
  """The 14 compared joints `[..., 14, 3]` of joints `[..., 63, 3]`."""
  return np.asarray(joints)[..., _LSP_ROWS, :]


def mpjpe(
  joints: np.ndarray,
  truth: np.ndarray,
  root: np.ndarray,
  true_root: np.ndarray,
) -> np.ndarray:
  """Mean distance per joint with the roots moved together, `[...]`.

  Args:
    joints: `[..., N, 3]`, any unit; so is the result.
    truth: `[..., N, 3]`.
    root: `[..., 3]` of `joints`.
    true_root: `[..., 3]` of `truth`.

  Raises:
    ValueError: if the joints' shapes differ or are not `[..., N, 3]`.
  """
  joints, truth = _checked(joints, truth)
  joints = joints - np.asarray(root, np.float64)[..., None, :]
  truth = truth - np.asarray(true_root, np.float64)[..., None, :]
  return np.linalg.norm(joints - truth, axis=-1).mean(-1)


def procrustes_align(joints: np.ndarray, truth: np.ndarray) -> np.ndarray:
  """Joints moved onto the truth by the best similarity (Procrustes).

  Rotation (never a reflection), scale and translation of least squares, frame
  by frame. Joints that all coincide have no scale: they go to the mean.

  Args:
    joints: `[..., N, 3]`.
    truth: `[..., N, 3]`.

  Returns:
    `[..., N, 3]` float64.

  Raises:
    ValueError: if the shapes differ or are not `[..., N, 3]`.
  """
  joints, truth = _checked(joints, truth)
  mean, true_mean = (
    joints.mean(-2, keepdims=True),
    truth.mean(-2, keepdims=True),
  )
  x, y = joints - mean, truth - true_mean
  covariance = np.swapaxes(x, -1, -2) @ y
  u, singular, vt = np.linalg.svd(covariance)
  sign = np.where(np.linalg.det(u @ vt) < 0.0, -1.0, 1.0)
  singular[..., -1] *= sign
  u[..., -1] *= sign[..., None]
  square = (x**2).sum((-1, -2))
  scale = np.divide(
    singular.sum(-1), square, out=np.zeros_like(square), where=square > 0.0
  )
  # Rows are points, hence x R^T with R^T = U diag(1, 1, sign) V^T.
  return scale[..., None, None] * (x @ u @ vt) + true_mean


def pa_mpjpe(joints: np.ndarray, truth: np.ndarray) -> np.ndarray:
  """Mean distance per joint after `procrustes_align`, `[...]`.

  Raises:
    ValueError: if the shapes differ or are not `[..., N, 3]`.
  """
  aligned = procrustes_align(joints, truth)
  return np.linalg.norm(aligned - np.asarray(truth, np.float64), axis=-1).mean(
    -1
  )


def pelvis_error(joints: np.ndarray, truth: np.ndarray) -> np.ndarray:
  """Distance of the pelvises `[...]` of joints `[..., 63, 3]`.

  In the camera frame this is the translation's error.
  """
  joints, truth = _checked(joints, truth)
  return np.linalg.norm(joints[..., PELVIS, :] - truth[..., PELVIS, :], axis=-1)


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
