"""Gates: true hands and faces pass, and what is not theirs says why not."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hund_tf.body import keypoints as table
from hund_tf.reconstruction import part_gates
from hund_tf.reconstruction.attention import FACE
from hund_tf.reconstruction.part_gates import GateConfig, Sight, refused
from hund_tf.reconstruction.part_results import PartResult
from hund_tf.types import HandState, HumanState

_BOX = np.array([100.0, 100.0, 80.0, 80.0], np.float32)


def _turn(*vector: float) -> np.ndarray:
  return Rotation.from_rotvec(vector).as_matrix()


@pytest.fixture
def sight():
  """A hand in the middle of its crop, just as the body says."""
  rng = np.random.default_rng(0)
  points = rng.uniform(115.0, 165.0, size=[21, 2])
  latents = HandState(
    np.zeros(45), np.zeros(1), np.zeros(6), np.array([0, 0, 3])
  )
  part = PartResult(
    name="right_hand",
    used=False,
    reason="",
    score=0.9,
    size=50.0,
    crop_box=_BOX,
    state=latents,
    rotation=_turn(0.3, 0.2, 0.1),
    keypoints_2d=points,
  )
  return Sight(
    part=part,
    landmarks=np.concatenate([points, np.ones([21, 1])], axis=1),
    landmarks_3d=None,
    body_point=points[0],
    body_rotation=_turn(0.3, 0.2, 0.1),
    body_depth=3.0,
    forearm=_turn(0.3, 0.2, 0.1),
  )


def test_a_hand_as_the_body_says_it_is_passes(sight):
  assert refused(sight, GateConfig()) == ""


def test_each_gate_says_why(sight):
  points, rotation = sight.part.keypoints_2d, sight.part.rotation
  beyond = points.copy()
  beyond[4, 0] = 181.0
  cases = [
    ({"score": 0.49}, {}, "score 0.49 is below 0.5"),
    ({"size": 23.0}, {}, "23 pixels large, less than 24"),
    ({"keypoints_2d": points * np.nan}, {}, "not finite"),
    ({"keypoints_2d": beyond}, {}, "1 of its points are outside of its crop"),
    (
      {"keypoints_2d": points + [0.0, 0.19 * 50]},
      {},
      "0.19 of its size from its landmarks",
    ),
    ({}, {"body_point": points[0] + [20.1, 0.0]}, "its wrist is 0.25 of its"),
    ({}, {"body_depth": 4.6}, "0.65 times as far away"),
    ({}, {"body_depth": 1.95}, "1.54 times as far away"),
    ({}, {"body_rotation": _turn(1.7, 0.2, 0.1)}, "turned by 1.4"),
    ({}, {"forearm": rotation @ _turn(0, 0, -2.0)}, "no wrist turns"),
  ]
  for part, change, reason in cases:
    changed = sight._replace(part=sight.part._replace(**part), **change)
    assert reason in refused(changed, GateConfig()), reason


def test_points_that_are_not_sure_may_lie_outside(sight):
  beyond = sight.part.keypoints_2d.copy()
  beyond[4, 0] = 181.0
  part = sight.part._replace(keypoints_2d=beyond)
  landmarks = sight.landmarks.copy()
  landmarks[4, 2] = 0.4
  changed = sight._replace(part=part, landmarks=landmarks)
  assert refused(changed, GateConfig()) == ""


def test_a_face_is_judged_by_its_nose_and_the_head(sight):
  rng = np.random.default_rng(1)
  points = rng.uniform(115.0, 165.0, size=[70, 2])
  face = sight._replace(
    part=sight.part._replace(name=FACE, keypoints_2d=points),
    landmarks=np.concatenate([points, np.ones([70, 1])], axis=1),
    body_point=points[30],
    forearm=None,
  )
  assert refused(face, GateConfig()) == ""
  turned = face._replace(body_rotation=_turn(1.3, 0.2, 0.1))
  assert "turned by 1.00 rad" in refused(turned, GateConfig())
  away = face._replace(body_point=points[30] + 21.0)
  assert "its nose is 0.37" in refused(away, GateConfig())


def test_limits_are_those_of_the_side():
  """A right wrist's are the mirror image of a left one's."""
  twist = _turn(np.radians(-125), 0, 0)  # the left: -115 to 130 degrees
  assert part_gates.beyond_limits(twist, "left_hand") == pytest.approx(
    np.radians(10), abs=1e-3
  )
  bent = _turn(0, 0, np.radians(95))
  for name in ("left_hand", "right_hand"):
    assert part_gates.beyond_limits(bent, name) == pytest.approx(
      np.radians(10), abs=1e-3
    )
  assert part_gates.beyond_limits(np.eye(3), "left_hand") == 0.0


def test_bent_fingers_tell_the_side_of_a_hand(body_model):
  """Of 40 gestures all bend as those of their side, and mirrored ones not."""
  rng = np.random.default_rng(0)
  count = 40
  draw = lambda n: rng.normal(size=[count, n]).astype(np.float32)
  zeros = lambda n: np.zeros([count, n], np.float32)
  rotations = np.tile(np.diag([1.0, -1.0, -1.0])[:, :2].ravel(), [count, 1])
  state = (zeros(69), draw(45), draw(45), zeros(16), zeros(20))
  body = body_model.decode(_state(state, rotations), "proxy_1500")
  points = body.keypoints.numpy()
  for name, rows in (
    ("left_hand", table.LEFT_HAND),
    ("right_hand", table.RIGHT_HAND),
  ):
    sided = [part_gates.chirality(p, name) for p in points[:, rows]]
    assert min(sided) > -0.1
    assert np.mean(sided) > 0.3
    mirrored = points[:, rows] * [-1, 1, 1]
    other = [part_gates.chirality(p, name) for p in mirrored]
    np.testing.assert_allclose(other, np.negative(sided), atol=1e-5)


def test_landmarks_of_the_other_side_are_refused(sight, body_model):
  rng = np.random.default_rng(0)
  fist = rng.normal(size=[1, 45]).astype(np.float32)
  zeros = lambda n: np.zeros([1, n], np.float32)
  rotations = np.diag([1.0, -1.0, -1.0])[None, :, :2].reshape(1, 6)
  body = body_model.decode(
    _state((zeros(69), fist, fist, zeros(16), zeros(20)), rotations),
    "proxy_1500",
  )
  for rows, reason in ((table.RIGHT_HAND, ""), (table.LEFT_HAND, "other hand")):
    spatial = np.concatenate(
      [body.keypoints.numpy()[0, rows], np.ones([21, 1])], axis=1
    )
    found = refused(sight._replace(landmarks_3d=spatial), GateConfig())
    assert reason in found
    assert bool(found) == bool(reason)
    spatial[3, 3] = 0.0  # not all are known
    assert not refused(sight._replace(landmarks_3d=spatial), GateConfig())


def _state(latents, rotations):
  place = np.tile(np.array([[0.0, 0.0, 3.0]], np.float32), [len(rotations), 1])
  return HumanState(*latents, rotations.astype(np.float32), place)
