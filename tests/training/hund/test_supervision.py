"""Regimes are weights of the examples."""

import pytest

from hund_tf.compat import tf
from hund_tf.training.hund.supervision import REGIMES, supervise
from hund_tf.types import SupervisionWeights, TrainingExample


def _weights(regime, step, known=1.0):
  weights = SupervisionWeights(*[tf.constant([known, 1.0])] * 5)
  example = TrainingExample(*[None] * 8, weights=weights)
  result = supervise(example, regime, tf.constant(step, tf.int64)).weights
  return SupervisionWeights(*(w.numpy().tolist() for w in result))


@pytest.mark.parametrize("step", [4, 7])
def test_self_supervision_sees_no_truth(step):
  weights = _weights("SS", step)
  assert weights.alignment == [1.0, 1.0]
  assert not any(map(any, weights[1:]))


def test_weak_supervision_adds_the_keypoints_only():
  weights = _weights("WS", 0)
  assert weights.keypoints == weights.alignment == [1.0, 1.0]
  assert not any(map(any, weights[2:]))


def test_full_and_self_supervision_take_turns():
  assert _weights("FS+SS", 6) == _weights("FS", 0)
  assert _weights("FS+SS", 7) == _weights("SS", 0)


def test_annotated_keypoints_beside_the_truth_in_3d():
  assert [w[0] for w in _weights("FS+2D", 1)] == [0.0, 1.0, 1.0, 1.0, 1.0]


def test_joint_is_both():
  assert [w[0] for w in _weights("joint", 1)] == [1.0, 0.0, 1.0, 1.0, 1.0]


@pytest.mark.parametrize("regime", REGIMES)
def test_what_is_not_known_stays_out(regime):
  assert not any(w[0] for w in _weights(regime, 0, known=0.0))
