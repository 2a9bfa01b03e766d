"""Predictions for photos with a detector and a method that are known."""

import io

import numpy as np
import pytest
from PIL import Image

from hund_tf.body import joint_regressors, joint_sets
from hund_tf.compat import tf
from hund_tf.detection.interface import Detection
from hund_tf.evaluation import compared_joints, photo_predictions
from hund_tf.losses.alignment import AlignmentObjective, ObjectiveConfig
from hund_tf.reconstruction.reconstructor import Reconstructor
from hund_tf.records.schema import PersonRecord
from hund_tf.types import (
  AlignmentTerms,
  Intrinsics,
  RefinementState,
  state_from_vector,
)

_SIZE = 64


def _png(grey, mode="RGB"):
  stream = io.BytesIO()
  Image.new(mode, (_SIZE, _SIZE), grey).save(stream, "PNG")
  return stream.getvalue()


def _record(number, **changes):
  """A photo of one grey, whose box and camera tell its number."""
  record = PersonRecord(
    key=f"person{number}",
    dataset="test",
    image=_png((number, number, number)),
    image_size=np.array([_SIZE, _SIZE], np.float32),
    intrinsics=np.array([100.0 + number, 100.0 + number, 32, 32], np.float32),
    box=np.array([8, 8, 40 + number, 48], np.float32),
  )
  return record._replace(**changes)


class _Detector:
  """Finds the person of a given box; nobody in a photo of grey 3."""

  def __init__(self):
    self.seen = []

  def detect(self, image, boxes=None, max_people=None):
    assert max_people == 1
    self.seen.append((int(image[0, 0, 0]), boxes))
    if image[0, 0, 0] == 3:
      return []
    if image[0, 0, 0] == 4:
      raise ValueError("box 0: lies outside the photo")
    keypoints = np.full([137, 3], 20.0, np.float32)
    box = np.array([0, 0, 64, 64]) if boxes is None else boxes[0]
    return [Detection(np.asarray(box, np.float32), 1.0, keypoints)]


class _Method:
  """Puts a person as far away as the crop's focal length says."""

  def __init__(self, body_model):
    self.objective = AlignmentObjective(
      body_model, ObjectiveConfig(part_weight=0.0)
    )
    self.batches = []

  def __call__(self, features, intrinsics):
    count = len(intrinsics.focal)
    self.batches.append(count)
    vector = np.zeros([count, 204], np.float32)
    vector[:, 195:201] = [1, 0, 0, 1, 0, 0]
    vector[:, 203] = intrinsics.focal.numpy()[:, 0]
    state = tf.nest.map_structure(
      lambda x: x[:, None], state_from_vector(tf.constant(vector))
    )
    blank = tf.zeros([count, 1])
    return RefinementState(state, AlignmentTerms(*[blank] * 5), blank, blank)


@pytest.fixture(scope="module")
def made(body_model):
  """Predictions of six people in batches of two, and who was asked for."""
  people = [_record(i) for i in range(5)] + [_record(5, image=b"broken")]
  detector, method = _Detector(), _Method(body_model)
  found, problems = photo_predictions.predict(
    map(photo_predictions.sighting_of, people),
    detector,
    Reconstructor(method),
    body_model,
    batch_size=2,
  )
  return found, problems, detector, method


def test_each_person_has_the_camera_of_its_photo(made, body_model):
  found, _, _, method = made
  assert found.keys == tuple(f"person{i}" for i in range(6))
  assert method.batches == [2, 1]  # people who were found, of 2, 2 and 2
  joints = found.arrays["joints_17"]
  for i in range(3):
    # The crop is 1.2 of the larger side of the box, scaled to 480 pixels.
    side = 1.2 * max(40 + i, 48)
    focal = (100.0 + i) * 480 / side
    assert joints[i, 0, 2] == pytest.approx(focal, abs=0.05)
    assert found.arrays["joints_24"][i, 0, 2] == pytest.approx(focal, abs=0.05)
  vector = tf.constant(np.zeros([1, 204], np.float32))
  state = state_from_vector(vector)._replace(
    rotation=tf.constant([[1.0, 0, 0, 1, 0, 0]])
  )
  body = body_model.decode(state)
  top = compared_joints.head_top_vertex(body_model)
  expected = joint_regressors.regress(
    "h36m",
    joint_sets.H36M_17,
    body.joints.numpy(),
    body.vertices.numpy()[:, top],
  )
  np.testing.assert_allclose(
    joints[0] - joints[0, :1], expected[0] - expected[0, :1], atol=1e-4
  )


def test_a_sighting_may_ask_for_another_definition(made, body_model):
  people = [
    photo_predictions.sighting_of(_record(1))._replace(joint_regressor=name)
    for name in ("", "own")
  ]
  people[1] = people[1]._replace(key="again")
  found, _ = photo_predictions.predict(
    people, _Detector(), Reconstructor(_Method(body_model)), body_model
  )
  first, second = found.arrays["joints_17"]
  hips = [joint_sets.H36M_17.index(name) for name in ("l_hip", "r_hip")]
  wide, own = (
    np.linalg.norm(np.diff(x[hips], axis=0)) for x in (first, second)
  )
  assert wide > 1.15 * own


def test_people_that_are_not_found_are_named_and_the_rest_goes_on(made):
  found, problems, _, _ = made
  missing = np.isnan(found.arrays["joints_17"]).all((-1, -2))
  assert missing.tolist() == [False, False, False, True, True, True]
  assert problems["person3"] == "nobody was found"
  assert problems["person4"] == "box 0: lies outside the photo"
  assert problems["person5"].startswith("an image of it cannot be decod")
  assert set(problems) == {"person3", "person4", "person5"}


def test_the_detector_is_asked_for_the_persons_box(made):
  _, _, detector, _ = made
  assert [grey for grey, _ in detector.seen] == [0, 1, 2, 3, 4]
  np.testing.assert_array_equal(detector.seen[2][1], [[8, 8, 42, 48]])


def test_stored_detections_are_taken_if_asked_for():
  detected = np.full([137, 3], 0.5, np.float32)
  record = _record(1, detected=detected, mask=_png(255, "L"))
  assert photo_predictions.sighting_of(record).detection is None
  detection = photo_predictions.sighting_of(record, True).detection
  np.testing.assert_array_equal(detection.keypoints, detected)
  assert detection.mask.shape == (_SIZE, _SIZE) and detection.mask.all()
  np.testing.assert_array_equal(detection.box, record.box)
  broken = record._replace(mask=b"no picture")
  assert photo_predictions.sighting_of(broken, True).image is None
  blank = photo_predictions.sighting_of(_record(1), True)
  assert blank.detection is None


def test_records_without_box_camera_or_image():
  record = _record(1, box=np.zeros(4), intrinsics=np.zeros(4))
  sighting = photo_predictions.sighting_of(record)
  assert sighting.box is None
  assert isinstance(sighting.intrinsics, Intrinsics)
  np.testing.assert_array_equal(sighting.intrinsics.focal, [_SIZE, _SIZE])
  none = photo_predictions.sighting_of(_record(1, image=b""))
  assert none.image is None and none.problem == "the record has no image"
