"""People who walk, over time, with exact truth.

Two cross each other's way, and one leaves the picture and returns. They walk by
a simple gait, or by a motion-capture clip; the standing foot stays where it is,
so how fast they go follows from how they step.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.spatial.transform import Rotation

from hund_tf.body import keypoints, skeleton
from hund_tf.body.model import BodyModel
from hund_tf.body.poses import FACING
from hund_tf.compat import tf
from hund_tf.geometry import camera, rotation
from hund_tf.types import (
  EXPRESSION_DIM,
  NUM_JOINTS,
  SHAPE_DIM,
  HumanState,
  Intrinsics,
  state_to_vector,
)

FPS = 30.0
WIDTH, HEIGHT = 1280, 720
_FLOOR = 1.25  # metres below the camera
_STRIDES = 0.7  # a second
_SOLES = [
  keypoints.INDEX[f"{side}_{name}"]
  for side in ("l", "r")
  for name in ("heel", "big_toe")
]


class Clip(NamedTuple):
  """P people in T frames."""

  seconds: np.ndarray  # [T]
  intrinsics: Intrinsics  # fields [2], pixels
  states: np.ndarray  # [P, T, 204]
  joints: np.ndarray  # [P, T, 63, 3] metres, camera frame
  boxes: np.ndarray  # [P, T, 4] left, top, width, height of the keypoints
  inside: np.ndarray  # [P, T] bool: at least half of the keypoints are inside


class Path(NamedTuple):
  """How a person walks."""

  start: tuple[float, float]  # x and z of the pelvis, metres, camera frame
  headings: tuple[tuple[float, float], ...]  # seconds and degrees: 0 is away
  # from the camera, 90 to the right
  phase: float  # of the gait at the start, strides
  shape: int  # seed of the body


PATHS = (
  Path((-2.1, 4.2), ((0.0, 90.0),), 0.0, 1),
  Path((2.2, 5.4), ((0.0, -95.0),), 0.4, 2),
  Path((-1.7, 6.6), ((0.0, -90.0), (1.9, -90.0), (2.3, 90.0)), 0.7, 3),
)


def gait(phases: np.ndarray) -> np.ndarray:
  """Local rotations `[T, 63, 3, 3]` of somebody who walks.

  Args:
    phases: `[T]` strides, of two steps each.
  """
  found = np.tile(np.eye(3), [len(phases), NUM_JOINTS, 1, 1])

  def turn(name: str, axis: str, degrees: np.ndarray | float) -> None:
    angles = np.broadcast_to(np.asarray(degrees, float), len(phases))
    joint = skeleton.INDEX[name]
    more = Rotation.from_euler(axis, angles[:, None], degrees=True).as_matrix()
    found[:, joint] = more @ found[:, joint]

  for side, sign, shift in (("l", 1.0, 0.0), ("r", -1.0, 0.5)):
    turns = 2.0 * np.pi * (phases + shift)
    swing = np.sin(turns)
    turn(f"{side}_hip", "x", -(26.0 * swing + 4.0))
    # The knee bends most while the leg comes forward.
    turn(f"{side}_knee", "x", 8.0 + 48.0 * np.maximum(np.cos(turns), 0.0) ** 2)
    turn(f"{side}_ankle", "x", 12.0 * np.sin(turns - 0.9))
    turn(f"{side}_shoulder", "z", -sign * 74.0)
    turn(f"{side}_shoulder", "x", 22.0 * swing)
    turn(f"{side}_elbow", "y", -sign * (22.0 - 8.0 * swing))
  return found


def walking(
  body_model: BodyModel,
  paths: Sequence[Path] = PATHS,
  num_frames: int = 150,
  motion: np.ndarray | None = None,
) -> Clip:
  """People who walk along paths.

  Args:
    body_model: of the states.
    paths: of the people.
    num_frames: T, at `FPS`.
    motion: local rotations `[F, 63, 3, 3]` at `FPS` of a captured walk, the
      pelvis's from the body to a world whose y is up, in place of the gait; it
      is played to and fro.
  """
  seconds = np.arange(num_frames) / FPS
  intrinsics = camera.default_intrinsics(HEIGHT, WIDTH)
  intrinsics = Intrinsics(*(np.asarray(x) for x in intrinsics))
  states, joints, points = [], [], []
  for path in paths:
    state, body = _walk(body_model, path, seconds, motion)
    states.append(state_to_vector(state).numpy())
    joints.append(body.joints.numpy())
    points.append(body.keypoints)
  pixels = np.stack([camera.project(p, intrinsics).numpy() for p in points])
  low, high = pixels.min(axis=2), pixels.max(axis=2)
  margin = 0.06 * np.max(high - low, axis=-1, keepdims=True)
  low, high = low - margin, high + margin
  body = pixels[:, :, keypoints.BODY]
  there = np.all((body >= 0.0) & (body < [WIDTH, HEIGHT]), axis=-1)
  return Clip(
    seconds,
    intrinsics,
    np.stack(states),
    np.stack(joints),
    np.concatenate([low, high - low], axis=-1),
    there.mean(axis=-1) >= 0.5,
  )


def _walk(body_model, path: Path, seconds: np.ndarray, motion):
  """States and bodies of one person, fields `[T, ...]`."""
  count = len(seconds)
  if motion is None:
    local = gait(path.phase + _STRIDES * seconds)
    upright = np.tile(np.eye(3), [count, 1, 1])
  else:
    start = round(path.phase * max(len(motion) - count, 0))
    rows = _to_and_fro(start + np.arange(count), len(motion))
    local = motion[rows]
    upright = _without_heading(local[:, 0])
  times, degrees = np.array(path.headings).T
  heading = np.interp(seconds, times, degrees)
  # Body z forward is camera z at 0 degrees; x to the left, y up.
  away = np.array(FACING) @ Rotation.from_euler("y", np.pi).as_matrix()
  yaw = Rotation.from_euler("y", -heading[:, None], degrees=True).as_matrix()
  root = away @ yaw @ upright
  latents = body_model.encode_pose(tf.constant(local, tf.float32))
  draw = np.random.default_rng(path.shape).normal(size=SHAPE_DIM)
  shape = np.repeat(np.clip(draw, -1.5, 1.5)[None], count, axis=0)
  state = HumanState(
    *latents,
    tf.constant(shape, tf.float32),
    tf.zeros([count, EXPRESSION_DIM]),
    rotation.to_6d(tf.constant(root, tf.float32)),
    tf.zeros([count, 3]),
  )
  points = body_model.decode(state, "proxy_1500").keypoints.numpy()
  soles = points[:, _SOLES].reshape(count, 2, 2, 3).mean(axis=2)
  place = np.zeros((count, 3))
  place[0, [0, 2]] = path.start
  for i in range(1, count):
    standing = int(np.argmax(soles[i - 1 : i + 1, :, 1].mean(axis=0)))
    place[i] = place[i - 1] - (soles[i, standing] - soles[i - 1, standing])
  place[:, 1] = _FLOOR - points[:, _SOLES, 1].max(axis=1)
  state = state._replace(translation=tf.constant(place, tf.float32))
  return state, body_model.decode(state, "proxy_1500")


def _to_and_fro(rows: np.ndarray, count: int) -> np.ndarray:
  """Rows of a motion of `count` frames that is played forth and back."""
  period = max(2 * (count - 1), 1)
  turned = rows % period
  return np.where(turned < count, turned, period - turned)


def _without_heading(root: np.ndarray) -> np.ndarray:
  """Orientations `[T, 3, 3]`, y up, turned so that they look along z."""
  forward = root[..., 2]
  yaw = np.arctan2(forward[:, 0], forward[:, 2])
  back = Rotation.from_euler("y", -yaw[:, None]).as_matrix()
  return back @ root
