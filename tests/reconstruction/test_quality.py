"""The quality: its fit, its direction, its scores and its file."""

import dataclasses
import json

import numpy as np
import pytest
from scipy import special

from hund_tf.body import keypoints as table
from hund_tf.body import skeleton
from hund_tf.compat import tf
from hund_tf.evaluation import quality_fitting
from hund_tf.geometry import rotation
from hund_tf.losses.alignment import AlignmentObjective, ObjectiveConfig
from hund_tf.models import weight_files
from hund_tf.models.hund import weights
from hund_tf.reconstruction import quality
from hund_tf.reconstruction.quality import PREDICTORS, QualityError
from hund_tf.synthetic.orientations import about
from hund_tf.types import (
  NUM_JOINTS,
  STATE_DIMS,
  AlignmentTerms,
  HumanState,
  ImageFeatures,
  Intrinsics,
  RefinementState,
  SupervisionWeights,
  TrainingExample,
  no_landmarks_3d,
)

_INTERCEPT = 3.0
_SLOPES = np.array([-1.5, -0.8, 0.7, -0.4, 0.0, 2.0, 0.5, -0.9, -0.3])


def _calibration(**changes) -> quality.QualityCalibration:
  calibration = quality.QualityCalibration(
    intercept=_INTERCEPT,
    coefficients=dict(zip(PREDICTORS, _SLOPES.tolist(), strict=True)),
    num_stages=5,
    objective=quality.term_settings(ObjectiveConfig()),
    weights_sha256="0" * 64,
    provenance={"seed": 3},
  )
  return dataclasses.replace(calibration, **changes)


def _draw(count: int):
  """Predictors and outcomes of the logistic above."""
  random = np.random.default_rng(0)
  middle = [2.0, -1.5, 0.5, 3.0, 2.0, 0.6, 0.5, 0.2, 0.4]
  values = random.normal(middle, 1.0, [count, 9])
  odds = _INTERCEPT + values @ _SLOPES
  return values, random.random(count) < special.expit(odds)


def _features(confidence=0.8, channels=2.0, batch=1) -> ImageFeatures:
  weights = np.zeros([batch, 16], np.float32)
  weights[:, : int(channels)] = 1.0
  maps = np.zeros([batch, 60, 60, 1], np.float32)
  return ImageFeatures(
    heatmaps=np.tile(maps, 137),
    heatmap_weights=np.full([batch, 137], confidence, np.float32),
    part_probs=np.tile(maps, 15),
    part_weights=weights,
    features=maps[..., :0],
    **no_landmarks_3d(batch)._asdict(),
  )


def _terms(**changes) -> AlignmentTerms:
  terms = {
    "total": 20.0,
    "keypoint": 9.0,
    "part": 0.1,
    "pose_prior": 40.0,
    "shape_prior": 10.0,
  }
  return AlignmentTerms(**{k: [v] for k, v in {**terms, **changes}.items()})


def _root(turn=0.0, yaw=0.0) -> np.ndarray:
  """Of somebody who faces the camera upright, then turned (radians)."""
  facing = np.diag([1.0, -1.0, -1.0]).astype(np.float32)
  turned, looking = (
    about(axis, tf.constant([angle], tf.float32))
    for axis, angle in ((2, turn), (1, yaw))
  )
  return rotation.to_6d(turned @ facing @ looking).numpy()


def test_fit_recovers_a_known_logistic():
  intercept, slopes = quality_fitting.fit(*_draw(40_000))
  np.testing.assert_allclose(slopes, _SLOPES, atol=0.1)
  assert abs(intercept - _INTERCEPT) < 0.25


def test_fit_keeps_the_signs_even_against_the_data():
  values, good = _draw(4000)
  _, slopes = quality_fitting.fit(values, ~good)
  signs = np.array(list(PREDICTORS.values()))
  assert (slopes * signs >= 0.0).all()
  assert slopes[2] < -0.3  # the free one follows the data


def test_fit_survives_predictors_that_never_change():
  values, good = _draw(2000)
  values[:, 2] = 1.0
  intercept, slopes = quality_fitting.fit(values, good)
  assert np.isfinite([intercept, *slopes]).all()
  assert slopes[0] < -1.0


def test_fit_names_what_is_wrong():
  values, good = _draw(50)
  with pytest.raises(QualityError, match="some on either side"):
    quality_fitting.fit(values, np.ones(50, bool))
  with pytest.raises(QualityError, match=r"\(50, 5\), expected \[50, 9\]"):
    quality_fitting.fit(values[:, :5], good)
  values[3, 1] = np.nan
  with pytest.raises(QualityError, match="finite"):
    quality_fitting.fit(values, good)


def test_predictors_are_as_their_names_say():
  (row,) = quality.predictors(_features(), _terms(), _root())
  expected = [
    np.log(10.0),
    np.log(0.05 + 0.001),
    1.0,
    np.log(41.0),
    np.log(11.0),
    0.8,
    0.8,
    0.0,
    0.0,
  ]
  np.testing.assert_allclose(row, expected, rtol=1e-6, atol=1e-6)
  (row,) = quality.predictors(
    _features(channels=0), _terms(part=0.0), _root(np.pi / 2, 0.3)
  )
  np.testing.assert_allclose(row[1:3], [0.0, 0.0])
  np.testing.assert_allclose(row[-2:], [0.5, 0.0], atol=1e-6)
  (row,) = quality.predictors(_features(), _terms(), _root(np.pi, np.pi / 2))
  np.testing.assert_allclose(row[-2:], [1.0, 1.0], atol=1e-6)


@pytest.mark.parametrize("name", ["keypoint", "part", "pose_prior"])
def test_quality_falls_as_a_term_of_the_loss_rises(name):
  values = [
    _calibration()(_features(), _terms(**{name: value}), _root())[0]
    for value in (0.0, 0.01, 0.1, 1.0, 10.0, 1e3, 1e9)
  ]
  assert all(0.0 <= value <= 1.0 for value in values)
  assert (np.diff(values) < 0.0).all()


def test_quality_rises_with_what_is_seen():
  low, high = (
    _calibration()(_features(confidence), _terms(), _root())[0]
    for confidence in (0.2, 0.9)
  )
  assert low < high


def test_shipped_quality_falls_for_people_on_their_side_and_for_unseen_legs():
  shipped = quality.load_beside(weights.DEFAULT_PATH)
  features = _features(0.9)
  (upright,) = shipped(features, _terms(), _root())
  (lying,) = shipped(features, _terms(), _root(np.pi / 2))
  legs = [table.INDEX[f"{s}_{j}"] for s in "lr" for j in ("knee", "ankle")]
  seen = features.heatmap_weights.copy()
  seen[:, legs] = 0.0
  hidden = features._replace(heatmap_weights=seen)
  (legless,) = shipped(hidden, _terms(), _root())
  assert upright - lying > 0.01 and upright - legless > 0.01


def test_reliability_of_probabilities_that_are_right_and_wrong():
  random = np.random.default_rng(0)
  truth = random.random(50_000)
  good = random.random(50_000) < truth
  scores = quality_fitting.reliability(truth, good)
  assert scores.count.sum() == 50_000
  assert scores.calibration_error < 0.01
  np.testing.assert_allclose(scores.brier, 1 / 6, atol=0.005)  # E p (1 - p)
  np.testing.assert_allclose(scores.predicted, np.arange(10) / 10 + 0.05, 0.02)
  # Sure, and right in one of four.
  scores = quality_fitting.reliability(np.ones(4), [1, 0, 0, 0])
  assert scores.calibration_error == scores.brier == 0.75
  assert np.isnan(scores.observed[:9]).all() and scores.observed[9] == 0.25
  with pytest.raises(QualityError, match="at least 1"):
    quality_fitting.reliability(np.ones(0), np.ones(0))


def test_the_file_gives_the_same_calibration_back(tmp_path):
  path = tmp_path / "a.quality.json"
  quality.save(_calibration(), path)
  assert quality.load(path) == _calibration()
  assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
  "change",
  [
    lambda c: "no json",
    lambda c: "[1]",
    lambda c: json.dumps({**c, "schema": "other/1"}),
    lambda c: json.dumps({**c, "threshold_mm": 50}),
    lambda c: json.dumps({**c, "intercept": None}),
    lambda c: json.dumps({**c, "coefficients": {"log_keypoint": -1.0}}),
    lambda c: json.dumps({k: v for k, v in c.items() if k != "objective"}),
    lambda c: json.dumps({**c, "more": 1}),
  ],
)
def test_bad_files_are_named(tmp_path, change):
  path = tmp_path / "bad.json"
  quality.save(_calibration(), path)
  path.write_text(change(json.loads(path.read_text())))
  with pytest.raises(QualityError, match=r"bad\.json: cannot be used"):
    quality.load(path)


def test_a_calibration_is_found_beside_its_weights_only(tmp_path):
  weights = tmp_path / "w.npz"
  weights.write_bytes(b"one")
  assert quality.load_beside(weights) is None
  mine = _calibration(weights_sha256=weight_files.digest(weights))
  quality.save(mine, tmp_path / "w.quality.json")
  assert quality.load_beside(weights) == mine
  weights.write_bytes(b"two")
  with pytest.raises(QualityError, match="not of the weights"):
    quality.load_beside(weights)


def test_it_applies_to_the_objective_that_it_was_made_with(body_model):
  def applies(**changes):
    config = ObjectiveConfig(**{"part_weight": 0.0, **changes})
    calibration = _calibration(
      objective=quality.term_settings(ObjectiveConfig(part_weight=0.0))
    )
    return calibration.applies_to(AlignmentObjective(body_model, config))

  assert applies()
  assert applies(pose_prior_weight=7.0)  # terms are read unweighted
  assert not applies(part_weight=1.0)
  assert not applies(body_keypoint_weight=2.0)


def test_measure_takes_the_last_state_and_its_error(body_model):
  objective = AlignmentObjective(body_model, ObjectiveConfig(part_weight=0.0))
  batch, stages = 2, 3
  states = HumanState(
    *(np.zeros([batch, stages, dim], np.float32) for dim in STATE_DIMS)
  )
  states.rotation[..., [0, 3]] = 1.0  # the identity, as a 3x2 matrix
  states.translation[..., 2] = 3.0
  states.body_pose[:, 0] = 2.0  # only the last state counts
  last = HumanState(*(tf.constant(x[:, -1]) for x in states))
  joints = body_model.decode(last, mesh="proxy_1500").joints.numpy()
  truth = 1.7 * joints + 0.3
  # One joint of the second is 1.4 m off: at most 100 mm in the mean of 14.
  truth[1, skeleton.INDEX["r_ankle"], 0] += 1.4
  ones = tf.ones([batch])
  example = TrainingExample(
    features=_features(channels=0, batch=batch),
    image=tf.zeros([batch, 0, 0, 4]),
    intrinsics=Intrinsics(
      tf.fill([batch, 2], 900.0), tf.fill([batch, 2], 240.0)
    ),
    state=last,
    vertices=tf.zeros([batch, 1, 3]),
    joints=tf.constant(truth),
    keypoints=tf.zeros([batch, 137, 2]),
    keypoint_weights=tf.ones([batch, 137]),
    weights=SupervisionWeights(*[ones] * 5),
  )
  assert truth.shape == (batch, NUM_JOINTS, 3)

  def method(features, intrinsics):
    del features, intrinsics
    blank = tf.zeros([batch, stages])
    trace = HumanState(*map(tf.constant, states))
    return RefinementState(trace, AlignmentTerms(*[blank] * 5), blank, blank)

  measured = quality_fitting.measure([example, example], method, objective)
  assert measured.predictors.shape == (4, 9)
  np.testing.assert_allclose(measured.predictors[:, 3], 0.0, atol=1e-6)
  np.testing.assert_allclose(measured.pa_mpjpe[[0, 2]], 0.0, atol=1e-2)
  assert (measured.pa_mpjpe[[1, 3]] > quality.THRESHOLD_MM).all()
  assert measured.good.tolist() == [True, False, True, False]
