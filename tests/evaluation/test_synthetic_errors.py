"""Errors of synthetic examples whose states are moved in known ways."""

import numpy as np
import pytest

from hund_tf.compat import tf
from hund_tf.evaluation import reports, synthetic_errors
from hund_tf.losses.alignment import AlignmentObjective, ObjectiveConfig
from hund_tf.types import (
  AlignmentTerms,
  Intrinsics,
  RefinementState,
  SupervisionWeights,
  TrainingExample,
  state_from_vector,
)

_BATCH = 3


@pytest.fixture(scope="module")
def example(body_model):
  random = np.random.default_rng(0)
  vector = random.normal(scale=0.5, size=[_BATCH, 204]).astype(np.float32)
  vector[:, 195:201] = [1, 0, 0, -1, 0, 0]
  vector[:, 201:] = [0.0, 0.0, 4.0]
  state = state_from_vector(tf.constant(vector))
  body = body_model.decode(state, mesh="proxy_1500")
  return TrainingExample(
    features=None,
    image=None,
    intrinsics=Intrinsics(None, None),
    state=state,
    vertices=body.vertices,
    joints=body.joints,
    keypoints=None,
    keypoint_weights=None,
    weights=SupervisionWeights(*[None] * 5),
  )


class _Method:
  """The true state, changed."""

  def __init__(self, body_model, example, **changes):
    self.objective = AlignmentObjective(
      body_model, ObjectiveConfig(part_weight=0.0)
    )
    self._state = example.state._replace(**changes)

  def __call__(self, features, intrinsics):
    del features, intrinsics
    first = tf.nest.map_structure(tf.zeros_like, self._state)
    trace = tf.nest.map_structure(
      lambda a, b: tf.stack([a, b], axis=1), first, self._state
    )
    blank = tf.zeros([_BATCH, 2])
    return RefinementState(trace, AlignmentTerms(*[blank] * 5), blank, blank)


def _means(body_model, example, **changes):
  method = _Method(body_model, example, **changes)
  errors = synthetic_errors.measure([example, example], method)
  assert all(len(values) == 2 * _BATCH for values in errors.values())
  return {name: values.mean() for name, values in errors.items()}


def test_the_true_state_has_no_error(body_model, example):
  means = _means(body_model, example)
  for name in ("mpjpe", "pa_mpjpe", "mpjpe_trans", "mpjpe_camera", "pve"):
    assert means[name] == pytest.approx(0.0, abs=1e-3), name
  assert means["joint_angle"] == pytest.approx(0.0, abs=0.05)
  assert means["pck_50"] == 1.0


def test_a_moved_person_costs_the_translation_only(body_model, example):
  offset = tf.constant([0.3, 0.0, 0.4])
  means = _means(
    body_model, example, translation=example.state.translation + offset
  )
  assert means["mpjpe_trans"] == pytest.approx(500.0, rel=1e-4)
  assert means["mpjpe_camera"] == pytest.approx(500.0, rel=1e-4)
  assert means["mpjpe"] == pytest.approx(0.0, abs=1e-2)
  assert means["pve"] == pytest.approx(0.0, abs=1e-2)


def test_a_turned_person_costs_no_joint_angle(body_model, example):
  about_z = tf.constant([[0.0, 1, 1, 0, 0, 0]] * _BATCH)
  means = _means(body_model, example, rotation=about_z)
  assert means["joint_angle"] == pytest.approx(0.0, abs=0.05)
  assert means["pa_mpjpe"] == pytest.approx(0.0, abs=1e-2)
  assert means["mpjpe"] > 100.0 and means["pve"] > 100.0
  assert means["mpjpe_trans"] == pytest.approx(0.0, abs=1e-3)


def test_hands_and_faces_cost_their_own_errors_alone(body_model, example):
  names = ("hand_pa_mpjpe", "hand_mpjpe", "hand_pa_pve", "face_pa_pve")
  posed = {"body_pose": tf.zeros_like(example.state.body_pose)}
  means = _means(body_model, example, **posed)
  # The arms move, and the hands with them, turned but not bent.
  assert means["hand_mpjpe"] > 5.0
  for name in ("hand_pa_mpjpe", "hand_pa_pve"):
    assert means[name] < 1.0, name
  open_hand = {"left_hand": tf.zeros_like(example.state.left_hand)}
  means = _means(body_model, example, **open_hand)
  assert min(means[name] for name in names[:3]) > 0.5
  assert means["face_pa_pve"] == pytest.approx(0.0, abs=1e-3)
  plain = {"expression": tf.zeros_like(example.state.expression)}
  means = _means(body_model, example, **plain)
  assert means["face_pa_pve"] > 0.1
  for name in names[:3]:
    assert means[name] == pytest.approx(0.0, abs=1e-3), name


def test_another_pose_costs_angles(body_model, example, tmp_path):
  method = _Method(
    body_model, example, body_pose=tf.zeros_like(example.state.body_pose)
  )
  errors = synthetic_errors.measure([example], method, root="mid_hip")
  assert errors["joint_angle"].min() > 1.0 and errors["pa_mpjpe"].min() > 1.0
  text = reports.of_synthetic(errors, "mid_hip", "hund", 0, tmp_path)
  assert "3 synthetic examples, poses of the pose flow" in text
  assert "| PVE |" in text and (tmp_path / "synthetic.json").exists()
