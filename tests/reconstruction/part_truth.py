"""A person whose parts are known, and a reader that tells the truth of them."""

from typing import NamedTuple

import numpy as np

from hund_tf.body import keypoints as table
from hund_tf.body import kinematics, landmarks_3d, skeleton
from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.detection.interface import Detection
from hund_tf.geometry import camera, rotation
from hund_tf.reconstruction.part_results import mirrored_hand
from hund_tf.types import (
  AlignmentTerms,
  BodyOutput,
  FaceState,
  HandState,
  HumanState,
  Intrinsics,
  RefinementState,
)

PHOTO = Intrinsics(
  np.array([900.0, 900.0], np.float32), np.array([400.0, 300.0], np.float32)
)
PHOTO_SIZE = (600, 800)


class Truth(NamedTuple):
  """One person, fields with a batch axis of 1."""

  state: HumanState
  body: BodyOutput
  detection: Detection


def global_rotations(rotations: tf.Tensor) -> np.ndarray:
  """Joint-to-camera rotations `[B, 63, 3, 3]` of local ones."""
  still = tf.zeros([*rotations.shape[:2], 3])
  return kinematics.global_transforms(rotations, still)[0].numpy()


def person(body_model: BodyModel, seed: int = 0, near: float = 2.2) -> Truth:
  """A random person of the mean shape in front of the camera."""
  rng = np.random.default_rng(seed)
  draw = lambda size, spread: tf.constant(
    rng.normal(scale=spread, size=[1, size]), tf.float32
  )
  state = HumanState(
    body_pose=draw(69, 0.3),
    left_hand=draw(45, 0.7),
    right_hand=draw(45, 0.7),
    shape=tf.zeros([1, 16]),
    expression=draw(20, 0.7),
    rotation=rotation.to_6d(
      tf.constant(np.diag([1.0, -1.0, -1.0])[None], tf.float32)
    ),
    translation=tf.constant([[0.1, 0.1, near]]),
  )
  body = body_model.decode(state, mesh="proxy_1500")
  return Truth(state, body, detection_of(body))


def detection_of(body: BodyOutput) -> Detection:
  """What a perfect detector says of a body."""
  points = camera.project(body.keypoints, PHOTO).numpy()[0]
  low, high = points.min(0), points.max(0)
  box = np.array([*low, *(high - low)], np.float32)
  known = np.ones([137, 1], np.float32)
  spatial = landmarks_3d.root_relative(body.keypoints).numpy()[0]
  return Detection(
    box,
    0.9,
    np.concatenate([points, known], 1),
    landmarks_3d=np.concatenate([spatial, known], 1),
  )


def hand_of(truth: Truth, name: str) -> HandState:
  """The true state of a hand, of its own side, numpy, batch of 1."""
  wrist = skeleton.INDEX[f"{name[0]}_wrist"]
  turned = global_rotations(truth.body.rotations)[:, wrist]
  return HandState(
    pose=np.asarray(getattr(truth.state, name)),
    size=np.zeros([1, 1], np.float32),
    rotation=rotation.to_6d(tf.constant(turned)).numpy(),
    translation=truth.body.joints.numpy()[:, wrist],
  )


def face_of(truth: Truth, gaze=(0.0, 0.0)) -> FaceState:
  """The true state of a face, numpy, batch of 1."""
  head = skeleton.INDEX["head"]
  turned = global_rotations(truth.body.rotations)[:, head]
  return FaceState(
    expression=np.asarray(truth.state.expression),
    shape=np.asarray(truth.state.shape),
    gaze=np.array([gaze], np.float32),
    rotation=rotation.to_6d(tf.constant(turned)).numpy(),
    translation=truth.body.joints.numpy()[:, head],
  )


class TruthReader:
  """Of the states that it knows, gives each part the one that fits best."""

  def __init__(self, body_model: BodyModel, states: list):
    """Keeps the states: right hands, left ones mirrored; or faces."""
    self._body = body_model
    self._states = states
    self.calls = 0

  def __call__(self, features, intrinsics) -> RefinementState:
    """See `PartReader`; two rows, of which the first is as the last."""
    self.calls += 1
    places = [self.keypoints(state) for state in self._states]
    rows, errors = [], []
    for i in range(len(features.weights)):
      own = Intrinsics(*(x[i : i + 1] for x in intrinsics))
      seen, weights = features.keypoints[i], features.weights[i]
      apart = [
        tf.reduce_sum(
          weights * tf.norm(camera.project(place, own)[0] - seen, axis=-1)
        )
        / tf.reduce_sum(weights)
        for place in places
      ]
      best = int(np.argmin(apart))
      rows.append(self._states[best])
      errors.append(float(apart[best]))
    state = tf.nest.map_structure(lambda *x: np.concatenate(x), *rows)
    twice = lambda x: tf.constant(np.stack([x, x], axis=1), tf.float32)
    error = twice(np.array(errors, np.float32))
    zeros = tf.zeros_like(error)
    return RefinementState(
      tf.nest.map_structure(twice, state),
      AlignmentTerms(error, error, zeros, zeros, zeros),
      zeros[..., None],
      zeros,
    )

  def keypoints(self, state) -> tf.Tensor:
    """See `PartReader`: of the mean body, all else in the zero pose."""
    count = len(state.rotation)
    joint = "r_wrist" if isinstance(state, HandState) else "head"
    still = tf.zeros([count, 45])
    hand = tf.constant(state.pose) if isinstance(state, HandState) else still
    local = self._body.pose_prior.decode(tf.zeros([count, 69]), hand, hand)
    rest = tf.eye(3, batch_shape=[count, 63])
    fingers = [
      skeleton.INDEX[n]
      for n in (*skeleton.LEFT_HAND_JOINTS, *skeleton.RIGHT_HAND_JOINTS)
    ]
    chosen = np.isin(np.arange(63), fingers)[:, None, None]
    expression = tf.zeros([count, 20])
    shape = tf.zeros([count, 16])
    if isinstance(state, FaceState):
      expression, shape = map(tf.constant, (state.expression, state.shape))
    body = self._body.pose(
      tf.where(chosen, local, rest),
      shape,
      expression,
      rotation.from_6d(tf.constant(state.rotation)),
      tf.zeros([count, 3]),
      "proxy_1500",
    )
    origin = body.joints[:, skeleton.INDEX[joint], None]
    rows = table.RIGHT_HAND if isinstance(state, HandState) else table.FACE
    return (
      body.keypoints[:, rows] - origin + tf.constant(state.translation)[:, None]
    )


def hand_reader(body_model: BodyModel, *truths: Truth) -> TruthReader:
  """Knows both hands of some people."""
  states = []
  for truth in truths:
    states.append(hand_of(truth, "right_hand"))
    states.append(mirrored_hand(hand_of(truth, "left_hand")))
  return TruthReader(body_model, states)


def face_reader(
  body_model: BodyModel, *truths: Truth, gaze=(0.0, 0.0)
) -> TruthReader:
  """Knows the faces of some people."""
  return TruthReader(body_model, [face_of(truth, gaze) for truth in truths])
