"""Where the optimisers start: an A-pose placed by the keypoints."""

import math

import numpy as np

from hund_tf.body import keypoints as keypoint_table
from hund_tf.body import poses
from hund_tf.body.interface import Body
from hund_tf.compat import tf
from hund_tf.geometry import rotation
from hund_tf.types import (
  CROP_SIZE,
  AlignmentTarget,
  HumanState,
  Intrinsics,
)

_FACING = np.array(poses.FACING, np.float32)
_DEFAULT_SPREAD = 1.0  # metres that fill half a crop when nothing is seen


def _about_y(angle: float) -> np.ndarray:
  c, s = math.cos(angle), math.sin(angle)
  return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]], np.float32)


def _about_z(angle: float) -> np.ndarray:
  c, s = math.cos(angle), math.sin(angle)
  return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]], np.float32)


def _similarity(
  model: np.ndarray, image: np.ndarray, weights: np.ndarray
) -> tuple[float, float, np.ndarray]:
  """Weighted 2D similarity image = scale * Rot(angle) * model + shift."""
  total = weights.sum()
  model_mean = (weights[:, None] * model).sum(0) / total
  image_mean = (weights[:, None] * image).sum(0) / total
  p = (model - model_mean) @ np.array([1, 1j])
  q = (image - image_mean) @ np.array([1, 1j])
  a = (weights * np.conj(p) * q).sum() / max(
    (weights * np.abs(p) ** 2).sum(), 1e-9
  )
  scale = max(abs(a), 1e-6)
  angle = float(np.angle(a))
  shift = image_mean - scale * (_about_z(angle)[:2, :2] @ model_mean)
  return scale, angle, shift


def _placed(
  yaw: float,
  points: np.ndarray,
  image: np.ndarray,
  weights: np.ndarray,
  focal: np.ndarray,
  center: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
  """Root rotation and translation that put `points` onto the image points.

  Args:
    yaw: radians about the body's vertical axis.
    points: `[N, 3]` body keypoints relative to the pelvis, body frame, metres.
    image: `[N, 2]` crop pixels.
    weights: `[N]` confidence.
    focal: `[2]` crop pixels.
    center: `[2]` crop pixels.
  """
  turned = _FACING @ _about_y(yaw)
  rays = (image - center) / focal
  if (weights > 0).sum() < 2:
    depth = _DEFAULT_SPREAD * float(focal.mean()) / (CROP_SIZE / 2)
    middle = (CROP_SIZE / 2 - center) / focal
    return turned, np.array([*(middle * depth), depth], np.float32)
  scale, angle, shift = _similarity((points @ turned.T)[:, :2], rays, weights)
  depth = 1.0 / scale
  translation = np.array([*(shift * depth), depth], np.float32)
  return _about_z(angle) @ turned, translation


def starts_from_keypoints(
  body_model: Body,
  target: AlignmentTarget,
  intrinsics: Intrinsics,
  num_yaws: int = 4,
) -> HumanState:
  """A-poses turned by equal yaw steps, placed on the body keypoints.

  Depth, position and in-plane rotation come from a weighted 2D similarity of
  the A-pose's BODY_25 keypoints to those of the target.

  Args:
    body_model: the body.
    target: batch of B targets.
    intrinsics: of the crops, fields `[B, 2]`.
    num_yaws: number S of starts for each person.

  Returns:
    HumanState with fields `[B, S, ...]`, the frontal one first.
  """
  pose = poses.a_pose(body_model)
  upright = pose._replace(
    rotation=rotation.to_6d(tf.eye(3, batch_shape=[1])),
    translation=tf.zeros([1, 3]),
  )
  body = body_model.decode(upright, mesh="proxy_1500")
  points = body.keypoints[0].numpy()[keypoint_table.BODY]
  image = np.asarray(target.keypoints)[:, keypoint_table.BODY]
  weights = np.asarray(target.keypoint_weights)[:, keypoint_table.BODY]
  rotations, translations = [], []
  for i in range(len(image)):
    placed = [
      _placed(
        yaw=2.0 * math.pi * k / num_yaws,
        points=points,
        image=image[i],
        weights=weights[i],
        focal=np.asarray(intrinsics.focal)[i],
        center=np.asarray(intrinsics.center)[i],
      )
      for k in range(num_yaws)
    ]
    rotations.append([r for r, _ in placed])
    translations.append([t for _, t in placed])
  tiled = tf.nest.map_structure(
    lambda x: tf.tile(x[:, None], [len(image), num_yaws, 1]), pose
  )
  return tiled._replace(
    rotation=rotation.to_6d(tf.constant(np.array(rotations, np.float32))),
    translation=tf.constant(np.array(translations, np.float32)),
  )
