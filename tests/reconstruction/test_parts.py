"""Faces and hands of people: read in batches, judged, put onto bodies."""

import numpy as np
import pytest

from hund_tf.body import keypoints as table
from hund_tf.body import skeleton
from hund_tf.body.gaze import eye_rotations
from hund_tf.compat import tf
from hund_tf.geometry import rotation
from hund_tf.models.hund.model import HundModel
from hund_tf.reconstruction.attention import FACE, HANDS, PARTS
from hund_tf.reconstruction.fusion import FusionConfig, global_rotations
from hund_tf.reconstruction.methods import HundMethod
from hund_tf.reconstruction.part_config import PartsConfig
from hund_tf.reconstruction.part_gates import GateConfig
from hund_tf.reconstruction.parts import PartFusion
from hund_tf.reconstruction.reconstructor import Reconstructor
from hund_tf.types import AlignmentTerms, HumanState, RefinementState
from tests.reconstruction import part_truth
from tests.reconstruction.part_truth import PHOTO, PHOTO_SIZE

# Each test traces anew what it calls once; what is traced is one test's.
_eager = pytest.mark.usefixtures("eager")

_IMAGE = np.zeros([*PHOTO_SIZE, 3], np.uint8)
_GAZE = (1.0, -0.5)
_ALL = PartsConfig(parts=PARTS)


class _Body:
  """Finds the truth but for fingers, faces and slightly wrong wrists."""

  feature_channels = 0
  uncertainty = None

  def __init__(self, objective, truths):
    self.objective = objective
    states = HumanState(*(np.concatenate(x) for x in zip(*truths, strict=True)))
    self.state = states._replace(
      body_pose=states.body_pose + 0.02,
      left_hand=0.0 * states.left_hand,
      right_hand=0.0 * states.right_hand,
      expression=0.0 * states.expression,
    )
    self.resumed = []

  def __call__(self, features, intrinsics):
    return self._trace([self.state, self.state])

  def resume(self, features, intrinsics, trace, num_stages, change):
    self.resumed.append((features, trace, num_stages))
    state = change(tf.nest.map_structure(lambda x: x[:, -1], trace.state))
    moved = state._replace(
      shape=state.shape + 0.1, left_hand=state.left_hand + 1.0
    )
    return self._trace([state] * (num_stages + 1) + [moved])  # polished

  def _trace(self, states) -> RefinementState:
    stack = lambda *x: tf.constant(np.stack(x, axis=1), tf.float32)
    rows = tf.zeros([len(states[0].rotation), len(states)])
    return RefinementState(
      tf.nest.map_structure(stack, *states),
      AlignmentTerms(*[rows] * 5),
      rows[..., None],
      rows + tf.range(len(states), dtype=tf.float32),
    )


@pytest.fixture(scope="module")
def case(body_model, keypoint_objective):
  truths = [part_truth.person(body_model, seed) for seed in range(2)]
  readers = {
    FACE: part_truth.face_reader(body_model, *truths, gaze=_GAZE),
    **dict.fromkeys(HANDS, part_truth.hand_reader(body_model, *truths)),
  }
  return truths, readers, keypoint_objective


def _reconstruct(case, config, method=None, detections=None):
  truths, readers, objective = case
  method = method or _Body(objective, [truth.state for truth in truths])
  parts = config and PartFusion(method, readers, config)
  reconstruct = Reconstructor(method, parts=parts)
  detections = detections or [truth.detection for truth in truths]
  return reconstruct(detections, PHOTO, _IMAGE)


def _equal(one, other):
  for a, b in zip(tf.nest.flatten(one), tf.nest.flatten(other), strict=True):
    np.testing.assert_array_equal(a, b)


def test_the_configuration_names_parts_or_none():
  assert PartsConfig().names == PARTS
  assert PartsConfig(("none",)).names == ()
  assert PartsConfig(parts=("right_hand", "face")).names == (
    "face",
    "right_hand",
  )
  with pytest.raises(ValueError, match="expected parts, or none alone"):
    PartsConfig(parts=("face", "none"))
  with pytest.raises(ValueError, match="parts"):
    PartsConfig(parts=("foot",))


@_eager
def test_hands_and_faces_that_pass_are_put_onto_the_body(case):
  truths, readers, _ = case
  calls = {name: reader.calls for name, reader in readers.items()}
  plain, people = _reconstruct(case, None), _reconstruct(case, _ALL)
  assert readers[FACE].calls == calls[FACE] + 1
  assert readers["left_hand"].calls == calls["left_hand"] + 1
  for truth, before, person in zip(truths, plain, people, strict=True):
    assert [(p.name, p.used, p.reason) for p in person.parts] == [
      (name, True, "") for name in PARTS
    ]
    for name in (*HANDS, "expression"):
      np.testing.assert_allclose(
        getattr(person.state, name), getattr(truth.state, name)[0], atol=1e-5
      )
    turned = part_truth.global_rotations(
      tf.constant(person.body.rotations[None])
    )
    for part in person.parts[1:]:
      wrist = skeleton.INDEX[f"{part.name[0]}_wrist"]
      want = part_truth.global_rotations(truth.body.rotations)[0, wrist]
      np.testing.assert_allclose(part.rotation, want, atol=1e-4)
      np.testing.assert_allclose(turned[0, wrist], want, atol=2e-3)
    # What is resumed moves the shape, and the head with it from its face,
    # unless it is left as it was.
    moved = person.state.shape - before.state.shape
    np.testing.assert_allclose(moved, moved[0], atol=1e-5)
    assert min(abs(moved[0]), abs(moved[0] - 0.1)) < 1e-5
    assert len(person.trace.seconds) == len(before.trace.seconds) + 1
    assert (np.diff(person.trace.seconds) > 0).all()
    _equal(
      tf.nest.map_structure(lambda x: x[-1], person.trace.state), person.state
    )
    assert person.trace.terms.total[-1] > 0.0


@_eager
def test_results_of_parts_are_in_the_photo(case):
  truths, _, _ = case
  for truth, person in zip(truths, _reconstruct(case, _ALL), strict=True):
    for part, rows in zip(
      person.parts,
      (table.FACE, table.LEFT_HAND, table.RIGHT_HAND),
      strict=True,
    ):
      seen = truth.detection.keypoints[rows, :2]
      rows_3d = truth.body.keypoints.numpy()[0, rows]
      if part.name == FACE:  # the gaze moves the pupils
        np.testing.assert_allclose(part.keypoints_2d[:68], seen[:68], atol=0.5)
        continue
      np.testing.assert_allclose(part.keypoints_2d, seen, atol=0.1)
      np.testing.assert_allclose(part.keypoints, rows_3d, atol=1e-3)
      assert part.trace.state.pose.shape == (2, 45)
      assert part.score == pytest.approx(1.0)


@_eager
def test_eyes_look_where_the_face_says(case):
  eyes = [skeleton.INDEX["l_eye"], skeleton.INDEX["r_eye"]]
  want = eye_rotations(tf.constant([_GAZE]))[0]
  pupils = [table.FACE.start + 68, table.FACE.start + 69]
  only = PartsConfig(parts=(FACE,))
  plain, people = _reconstruct(case, None), _reconstruct(case, only)
  for before, person in zip(plain, people, strict=True):
    np.testing.assert_allclose(person.gaze, _GAZE)
    np.testing.assert_allclose(person.body.rotations[eyes], want, atol=1e-6)
    assert before.gaze is None
    # Hands stay as they are, and the head is turned as the face is.
    for hand in ("left_hand", "right_hand"):
      _equal(getattr(person.state, hand), getattr(before.state, hand))
    turned = global_rotations(tf.constant(person.body.rotations[None]))
    (face,) = person.parts
    apart = rotation.geodesic_angle(
      turned[0, skeleton.INDEX["head"]], tf.constant(face.rotation)
    )
    assert float(apart) < 0.05
    moved = person.body.keypoints - before.body.keypoints
    assert np.linalg.norm(moved[pupils], axis=1).min() > 1e-4
    assert len(person.trace.seconds) > len(before.trace.seconds)


@_eager
def test_parts_that_fail_leave_the_body_bit_for_bit(case):
  gates = GateConfig(gate_score=1.0, gate_pixels=1e4)
  config = PartsConfig(parts=PARTS, fusion=FusionConfig(gates=gates))
  plain, people = _reconstruct(case, None), _reconstruct(case, config)
  for before, person in zip(plain, people, strict=True):
    assert [p.used for p in person.parts] == [False] * 3
    assert all("pixels large" in p.reason for p in person.parts)
    assert all(p.state is not None for p in person.parts)
    for field in ("state", "body", "keypoints_2d", "trace"):
      _equal(getattr(before, field), getattr(person, field))
    assert person.gaze is None


def test_one_that_fails_leaves_its_own_and_other_people(case):
  """The left hand of the first person is held by somebody else."""
  truths, _, _ = case
  points = truths[0].detection.keypoints.copy()
  points[table.LEFT_HAND, 0] += 60.0
  none = truths[1].detection.keypoints.copy()
  none[table.FACE.start :, 2] = 0.0
  detections = [
    truths[0].detection._replace(keypoints=points),
    truths[1].detection._replace(keypoints=none),
  ]
  plain = _reconstruct(case, None, detections=detections)
  people = _reconstruct(case, _ALL, detections=detections)
  face, left, right = people[0].parts
  assert face.used and right.used and not left.used and left.reason
  fingers = [skeleton.INDEX[n] for n in skeleton.LEFT_HAND_JOINTS]
  _equal(people[0].state.left_hand, plain[0].state.left_hand)
  np.testing.assert_allclose(
    people[0].state.right_hand, truths[0].state.right_hand[0], atol=1e-5
  )
  assert [p.reason for p in people[1].parts] == ["not seen"] * 3
  for field in ("state", "body", "keypoints_2d", "trace"):
    _equal(getattr(plain[1], field), getattr(people[1], field))
  np.testing.assert_array_equal(
    people[0].body.rotations[fingers], plain[0].body.rotations[fingers]
  )


@_eager
def test_the_descent_goes_on_steered_by_the_hands(case):
  truths, _, objective = case
  method = _Body(objective, [truth.state for truth in truths])
  config = PartsConfig(parts=HANDS, fusion=FusionConfig(resume_stages=4))
  _reconstruct(case, config, method)
  ((features, trace, stages),) = method.resumed
  assert stages == 4
  assert trace.seconds.shape == [2, 2]
  assert features.heatmap_weights.shape == [2, 137]


@_eager
def test_a_learned_descent_goes_on(case):
  """With its own polish left out; its trace holds the stages after it."""
  _, _, objective = case
  method = HundMethod(HundModel(objective), num_stages=1)
  gates = GateConfig(
    gate_shift=1e3,
    gate_depth=1e3,
    gate_wrist_angle=np.pi,
    gate_limits=10.0,
  )
  config = PartsConfig(
    parts=HANDS, fusion=FusionConfig(gates=gates, resume_stages=2)
  )
  for person in _reconstruct(case, config, method):
    assert all(part.used for part in person.parts)
    assert person.trace.memory.shape[0] == 2 + 1 + 1
    assert np.isfinite(person.body.vertices).all()
    np.testing.assert_allclose(
      person.state.left_hand, person.parts[0].state.pose, atol=1e-6
    )
