"""Errors of 3D landmarks: their statistics, and that a fit finds them again."""

import numpy as np
import pytest

from hund_tf.body import keypoints as table
from hund_tf.compat import tf
from hund_tf.draws import Draws
from hund_tf.files import FileError
from hund_tf.synthetic import landmark_noise, landmark_noise_fit
from hund_tf.synthetic.detector_noise import DetectorNoiseConfig

_PEOPLE = 3000
_ALWAYS = DetectorNoiseConfig(landmark_3d_absent=0.0)
_NEVER_KNOWN = ("neck", "mid_hip", "l_small_toe", "r_small_toe")


@pytest.fixture(scope="module")
def truth() -> np.ndarray:
  """Points of the sizes of bodies, faces and hands, the same for all."""
  size = np.full([137, 1], 0.06, np.float32)
  size[table.BODY] = 0.4
  points = np.random.default_rng(0).normal(size=[1, 137, 3]) * size
  return np.tile(points, [_PEOPLE, 1, 1]).astype(np.float32)


@pytest.fixture(scope="module")
def hidden() -> np.ndarray:
  shares = np.random.default_rng(1).uniform(size=[_PEOPLE, 137])
  return (shares < 0.3).astype(np.float32)


def _corrupt(truth, hidden, config):
  points, weights = landmark_noise.corrupt_landmarks(
    Draws(tf.constant(5), tf.constant(0)),
    tf.constant(truth),
    tf.constant(hidden),
    config,
  )
  return points.numpy(), weights.numpy()


@pytest.fixture(scope="module")
def seen(truth, hidden):
  points, weights = _corrupt(truth, hidden, _ALWAYS)
  return np.concatenate([points, weights[..., None]], axis=-1)


def test_without_noise_landmarks_are_the_truth(truth, hidden):
  points, weights = _corrupt(truth, hidden, DetectorNoiseConfig(scale=0.0))
  known = np.ones(137, bool)
  known[[table.INDEX[name] for name in _NEVER_KNOWN]] = False
  known[[93, 94]] = False  # pupils
  np.testing.assert_allclose(points[:, known], truth[:, known], atol=1e-6)
  np.testing.assert_array_equal(weights[:, known], 1.0)
  assert not points[:, ~known].any() and not weights[:, ~known].any()


def test_a_share_of_people_has_none(truth, hidden):
  _, weights = _corrupt(
    truth, hidden, DetectorNoiseConfig(landmark_3d_absent=0.3)
  )
  absent = (weights == 0.0).all(axis=1)
  # Four standard errors of a share of 0.3.
  assert abs(absent.mean() - 0.3) < 4 * np.sqrt(0.21 / _PEOPLE)
  rows = [table.INDEX["l_knee"], table.INDEX["r_wrist"]]
  assert (weights[~absent][:, rows] > 0.0).all()


def test_errors_shrink_with_their_factor(truth, hidden, seen):
  def middle(config):
    points, _ = _corrupt(truth, hidden, config)
    far = np.linalg.norm(points - truth, axis=-1)
    return np.median(far[:, table.INDEX["l_knee"]])

  small = middle(
    DetectorNoiseConfig(landmark_3d_error=0.01, landmark_3d_absent=0.0)
  )
  assert small < 0.1 * middle(_ALWAYS)


def test_a_fit_finds_the_errors_again(truth, hidden, seen):
  found = landmark_noise_fit.fit(seen, truth, hidden)
  for name, asked in landmark_noise.shipped().items():
    fitted = found[name]
    np.testing.assert_array_equal(fitted.rows, asked.rows)
    np.testing.assert_allclose(fitted.spread, asked.spread, atol=0.2)
    np.testing.assert_allclose(fitted.scale[0], asked.scale[0], atol=0.1)
    np.testing.assert_allclose(fitted.turn[:2, 0], asked.turn[:2, 0], atol=0.4)
    chance = 1.0 / (1.0 + np.exp(-np.stack([fitted.flip[0], asked.flip[0]])))
    assert abs(chance[0] - chance[1]) < 0.05
    np.testing.assert_allclose(fitted.weight[1], asked.weight[1], atol=0.3)
    np.testing.assert_allclose(fitted.weight[3:], asked.weight[3:], rtol=0.2)


def test_sure_landmarks_are_better(truth, seen):
  far = np.linalg.norm(seen[..., :3] - truth, axis=-1)
  rows = [table.INDEX[f"{s}_{n}"] for s in "lr" for n in ("ankle", "wrist")]
  weights, far = seen[:, rows, 3], far[:, rows]
  assert np.median(far[weights > 0.8]) < 0.6 * np.median(far[weights < 0.3])


def test_the_left_hand_errs_as_the_mirrored_right_one(seen, truth):
  """The mean error of a hand comes from its factor, lean and scale."""
  mirror = np.float32([-1.0, 1.0, 1.0])
  same = truth.copy()
  same[:, table.LEFT_HAND] = truth[:, table.RIGHT_HAND] * mirror
  points, _ = _corrupt(same, np.zeros([_PEOPLE, 137], np.float32), _ALWAYS)
  left = points[:, table.LEFT_HAND] * mirror
  right = points[:, table.RIGHT_HAND]
  deviation = right.std(axis=0) + left.std(axis=0)
  apart = np.abs(left.mean(axis=0) - right.mean(axis=0))
  assert (apart <= 5 * deviation / np.sqrt(_PEOPLE) + 1e-7).all()


def test_too_few_people_are_refused(truth, hidden, seen):
  with pytest.raises(ValueError, match="expected at least 20"):
    landmark_noise_fit.fit(seen[:5], truth[:5], hidden[:5])


def test_what_is_written_is_read(tmp_path):
  groups = landmark_noise.shipped()
  path = tmp_path / "errors.npz"
  landmark_noise_fit.save(groups, path)
  again = landmark_noise.load(path)
  for name, group in groups.items():
    for a, b in zip(group, again[name], strict=True):
      np.testing.assert_array_equal(a, b)
  for data in (path.read_bytes()[:-9], b""):
    path.write_bytes(data)
    with pytest.raises(FileError, match=r"errors\.npz: cannot be read"):
      landmark_noise.load(path)
