"""Measured errors of keypoints: what is drawn is what is fitted."""

import numpy as np
import pytest

from hund_tf.body import keypoints as table
from hund_tf.compat import tf
from hund_tf.draws import Draws
from hund_tf.files import FileError
from hund_tf.synthetic import detector_noise, keypoint_noise, keypoint_noise_fit
from hund_tf.synthetic.detector_noise import DetectorNoiseConfig
from hund_tf.synthetic.keypoint_noise import COUNT, KeypointErrors, MeasuredBody

_PEOPLE = 3000
_PHOTO = np.float32([-2.0, -2.0, 2.0, 0.2])  # some feet are beyond


def _draws(seed=0):
  return Draws(tf.constant(seed), tf.constant(0))


def _errors() -> KeypointErrors:
  """Errors that are the same on both sides."""
  side = np.minimum(np.arange(COUNT), np.array(table.MIRROR)[:COUNT])
  size = np.stack([-4.2 + 0.02 * side, -3.4 + 0.02 * side], axis=1)
  offset = np.zeros([COUNT, 2])
  offset[[table.INDEX["l_hip"], table.INDEX["r_hip"]], 0] = 0.06
  offset[table.INDEX["l_hip"], 1] = 0.1
  offset[table.INDEX["r_hip"], 1] = -0.1
  reported = np.tile([0.98, 0.9, 0.5], [COUNT, 1])
  return KeypointErrors(
    offset=offset,
    size=size,
    beyond=np.array([0.4, 0.8]),
    deviation=np.array([0.3, 0.3, 0.5]),
    alike=np.array(0.5),
    doubt=np.stack([-3.0 + 0.03 * side, -3.5 + 0.03 * side], axis=1),
    slope=np.array(-1.2),
    doubt_beyond=np.array([-0.8, -1.0]),
    vague=np.array([0.3, 0.2]),
    reported=reported,
  )


@pytest.fixture(scope="module")
def people():
  """Keypoints of people and which are hidden."""
  rng = np.random.default_rng(0)
  truth = rng.uniform(-0.4, 0.5, [_PEOPLE, 137, 2]).astype(np.float32)
  hidden = (rng.random([_PEOPLE, 137]) < 0.3).astype(np.float32)
  return truth, hidden


def _drawn(people, errors=None):
  truth, hidden = map(tf.constant, people)
  photo = tf.tile(_PHOTO[None], [_PEOPLE, 1])
  return keypoint_noise.corrupt_body(
    _draws(), truth, hidden, photo, errors or _errors()
  )


def test_fitted_errors_are_those_that_were_drawn(people):
  errors = _errors()
  body, confidence = (x.numpy() for x in _drawn(people, errors))
  points = np.pad(body, [[0, 0], [0, 112], [0, 0]])
  sure = np.pad(confidence, [[0, 0], [0, 112]])
  photo = np.tile(_PHOTO, [_PEOPLE, 1])
  found = keypoint_noise_fit.fit(points, sure, *people, photo)
  for name, tolerance in {
    "offset": 0.02,
    "size": 0.12,
    "beyond": 0.15,
    "deviation": 0.06,
    "alike": 0.08,
    "doubt": 0.3,
    "slope": 0.1,
    "doubt_beyond": 0.2,
    "vague": 0.1,
    "reported": 0.04,
  }.items():
    np.testing.assert_allclose(
      getattr(found, name), getattr(errors, name), atol=tolerance, err_msg=name
    )


def test_places_beyond_the_photo_are_reported_at_its_border(people):
  exact = _errors()._replace(
    offset=np.zeros([COUNT, 2]),
    size=np.full([COUNT, 2], -20.0),
    beyond=np.zeros(2),
  )
  points, confidence = (x.numpy() for x in _drawn(people, exact))
  truth = people[0][:, :COUNT]
  np.testing.assert_allclose(
    points, np.clip(truth, _PHOTO[:2], _PHOTO[2:]), atol=1e-6
  )
  beyond = truth[..., 1] > _PHOTO[3]
  assert 0.47 < (confidence[beyond] > 0).mean() < 0.53
  both = confidence > 0
  assert confidence[both & beyond].mean() < confidence[both & ~beyond].mean()


def test_the_file_is_what_was_saved(tmp_path):
  keypoint_noise_fit.save(_errors(), tmp_path / "errors.npz")
  found = keypoint_noise.load(tmp_path / "errors.npz")
  for name, value in _errors()._asdict().items():
    np.testing.assert_allclose(getattr(found, name), value, atol=1e-3)
  np.savez(tmp_path / "errors.npz", offset=found.offset)
  with pytest.raises(FileError, match=r"errors\.npz: cannot be read"):
    keypoint_noise.load(tmp_path / "errors.npz")


def test_exchanged_people_are_found(people):
  truth = people[0][:2].copy()
  legs = [table.INDEX[f"{s}_{n}"] for s in "lr" for n in ("hip", "knee")]
  legs += [table.INDEX[f"{s}_ankle"] for s in "lr"]
  seen = truth.copy()
  seen[0, legs] = truth[0, np.array(table.MIRROR)[legs]]
  assert keypoint_noise_fit.exchanged(seen, truth).tolist() == [True, False]


def test_measured_bodies_take_the_place_of_others(people):
  truth, hidden = (tf.constant(x[:4]) for x in people)
  clean = DetectorNoiseConfig(scale=0.0)
  chosen = tf.constant([[True], [False], [True], [False]])
  measured = MeasuredBody(
    chosen, tf.fill([4, COUNT, 2], 7.0), tf.fill([4, COUNT], 0.25)
  )
  points, confidence, _ = detector_noise.corrupt_keypoints(
    _draws(), truth, hidden, clean, measured=measured
  )
  own = np.zeros([4, 137], bool)
  own[[0, 2], :COUNT] = True
  np.testing.assert_array_equal(measured.rows(), own)
  np.testing.assert_allclose(points.numpy()[own], 7.0)
  np.testing.assert_allclose(confidence.numpy()[own], 0.25)
  np.testing.assert_allclose(points.numpy()[~own], truth.numpy()[~own])


def test_the_share_of_measured_people(people):
  truth, hidden = map(tf.constant, people)
  photo = tf.tile(_PHOTO[None], [_PEOPLE, 1])
  found = keypoint_noise.draw(_draws(), truth, hidden, photo, 0.3)
  assert 0.26 < found.chosen.numpy().mean() < 0.34
  assert np.isfinite(found.points).all() and np.isfinite(found.confidence).all()
