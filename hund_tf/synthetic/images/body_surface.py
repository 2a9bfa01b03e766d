"""What clothes, hair and faces are drawn by: fields over the body's vertices.

All are taken on the mean body at rest (A-pose, metres, x left, y up, z
forward), so they follow a body in any shape and pose.
"""

from typing import NamedTuple

import cv2
import numpy as np

from hund_tf.body import keypoints, parts, skeleton
from hund_tf.body.model import BodyModel

_FIRST_EYE_ID = 14598  # of the source mesh; the eyeballs come last
_MILLIMETRES = 1000.0
# What is seen of a keypoint inside the body is not always the nearest skin.
_DEPTH_FACTOR = 2.0
_BARE_MARGIN, _CLOTHED_MARGIN = 0.02, 0.045  # metres
_BARE = ("nose", "eye", "ear")
_ARM_PARTS = (
  "l_upper_arm",
  "r_upper_arm",
  "l_lower_arm",
  "r_lower_arm",
  "l_hand",
  "r_hand",
)
_LOWER_ARM_PARTS = ("l_lower_arm", "r_lower_arm", "l_hand", "r_hand")


class BodySurface(NamedTuple):
  """Fields over the V vertices of the full mesh; lengths are metres."""

  faces: np.ndarray  # [F, 3] int32
  parts: np.ndarray  # [V] int32, 1..14
  rest: np.ndarray  # [V, 3] float32 the mean body at rest
  arm: np.ndarray  # [V] bool, arms and hands
  leg: np.ndarray  # [V] bool, legs and feet
  head: np.ndarray  # [V] bool
  sleeve: np.ndarray  # [V] way along the arm from the shoulder, < 0 off it
  scalp: np.ndarray  # [V] positive above the hairline
  nape: np.ndarray  # [V] positive on the back of the neck and of the shoulders
  jaw: np.ndarray  # [V] positive where beards grow
  lips: np.ndarray  # [V] positive on the lips
  brows: np.ndarray  # [V] minus the distance from the brows' lines
  iris: np.ndarray  # [V] on the eyeballs: minus the distance from the pupil,
  # -1 elsewhere
  eye: np.ndarray  # [V] 1 on the eyeballs, -1 elsewhere
  tolerances: np.ndarray  # [137] how far behind the surface in front of it a
  # keypoint may lie and still be seen


def make_body_surface(body_model: BodyModel) -> BodySurface:
  """The fields of a body model."""
  asset = body_model.asset
  rest = asset.template.astype(np.float64)
  labels = body_model.part_labels()
  points = asset.keypoint_vertex_weights @ rest[asset.keypoint_ids]
  points = points + asset.keypoint_joint_weights @ asset.joint_template
  face = points[keypoints.FACE]
  eye = asset.source_ids.astype(int) >= _FIRST_EYE_ID
  head = (labels == parts.INDEX["head"]) & ~eye
  front = head & (rest[:, 2] > 0.08)
  pupils = [_distance(rest[:, :2], face[i, :2]) for i in (68, 69)]
  ahead = rest[:, 2] > rest[eye, 2].mean()
  arm = _is_any(labels, _ARM_PARTS)
  return BodySurface(
    faces=np.ascontiguousarray(body_model.faces()),
    parts=labels,
    rest=rest.astype(np.float32),
    arm=arm,
    leg=_is_any(labels, [n for n in parts.NAMES if "leg" in n or "foot" in n]),
    head=head,
    sleeve=_sleeve(rest, labels, asset.joint_template),
    scalp=np.where(head, _scalp(rest, points), -1.0),
    nape=_nape(rest, arm | eye),
    jaw=np.where(front, _jaw(rest, face), -1.0),
    lips=np.where(front, _inside(rest, face[48:60]), -1.0),
    brows=np.where(
      front, -np.minimum(*(_line(rest, face[a : a + 5]) for a in (17, 22))), -1
    ),
    iris=np.where(eye & ahead, -np.minimum(*pupils), -1.0),
    eye=np.where(eye, 1.0, -1.0),
    tolerances=_tolerances(rest, points),
  )


def _is_any(labels: np.ndarray, names) -> np.ndarray:
  return np.isin(labels, [parts.INDEX[name] for name in names])


def _distance(points: np.ndarray, other: np.ndarray) -> np.ndarray:
  return np.linalg.norm(points - other, axis=-1)


def _tolerances(rest, points) -> np.ndarray:
  """From how deep each keypoint lies in the body, and cloth over it."""
  depths = np.array([_distance(rest, point).min() for point in points])
  bare = np.ones(len(points), bool)
  bare[keypoints.BODY] = [
    any(name in row for name in _BARE) for row in keypoints.BODY_25
  ]
  return _DEPTH_FACTOR * depths + np.where(bare, _BARE_MARGIN, _CLOTHED_MARGIN)


def _sleeve(rest, labels, joints) -> np.ndarray:
  """Way along the two bones of the arms, both sides at once."""
  shoulder, elbow, wrist = (
    joints[skeleton.INDEX[f"l_{name}"]]
    for name in ("shoulder", "elbow", "wrist")
  )
  left = np.concatenate([np.abs(rest[:, :1]), rest[:, 1:]], axis=1)
  upper, lower = elbow - shoulder, wrist - elbow
  length = np.linalg.norm(upper)
  along = (left - shoulder) @ upper / length
  below = length + (left - elbow) @ lower / np.linalg.norm(lower)
  along = np.where(_is_any(labels, _LOWER_ARM_PARTS), below, along)
  # On the torso it is what sleeveless tops leave free: the shoulder's side.
  inwards = np.minimum(left[:, 0] - shoulder[0], 0.0)
  inwards -= 0.5 * np.clip(shoulder[1] - 0.08 - rest[:, 1], 0.0, 0.3)
  return np.where(_is_any(labels, _ARM_PARTS), along, inwards)


def _scalp(rest, points) -> np.ndarray:
  """Height above the hairline, from the ears, the eyes and the top."""
  ear = points[keypoints.INDEX["l_ear"]]
  eye = points[keypoints.INDEX["l_eye"]]
  nose = points[keypoints.INDEX["nose"]]
  top = rest[:, 1].max()
  ahead = (rest[:, 2] - ear[2]) / (nose[2] - ear[2])
  hairline = np.interp(
    ahead, (-1.0, -0.1, 0.05, 0.3, 0.6, 0.9), (-0.8, -0.6, 0.0, 0.25, 0.55, 0.6)
  )
  return rest[:, 1] - (eye[1] + hairline * (top - eye[1]))


def _nape(rest, excluded) -> np.ndarray:
  """Where long hair lies: behind the neck, down between the shoulders."""
  width = 0.10 - np.abs(rest[:, 0])
  behind = 0.02 - rest[:, 2]
  return np.where(excluded, -1.0, np.minimum(width, behind))


def _jaw(rest, face) -> np.ndarray:
  """Below a line from the ears to the mouth."""
  line = np.interp(
    np.abs(rest[:, 0]), (0.0, 0.03, 0.07), (face[33, 1], face[48, 1], 0.63)
  )
  return np.minimum(line - rest[:, 1], rest[:, 1] - (face[8, 1] - 0.03))


def _inside(rest, outline) -> np.ndarray:
  """Signed distance from an outline seen from the front, positive inside."""
  contour = (outline[:, None, :2] * _MILLIMETRES).astype(np.float32)
  scaled = rest[:, :2] * _MILLIMETRES
  return np.array(
    [cv2.pointPolygonTest(contour, tuple(point), True) for point in scaled]
  ) / (_MILLIMETRES)


def _line(rest, line) -> np.ndarray:
  """Distance from a line through points, seen from the front."""
  best = np.full(len(rest), np.inf)
  for start, end in zip(line[:-1, :2], line[1:, :2], strict=True):
    along = end - start
    share = np.clip((rest[:, :2] - start) @ along / (along @ along), 0, 1)
    nearest = start + share[:, None] * along
    best = np.minimum(best, _distance(rest[:, :2], nearest))
  return best
