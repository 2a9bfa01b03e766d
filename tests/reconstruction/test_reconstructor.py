"""Detections in, people in one camera frame out."""

import numpy as np
import pytest

from hund_tf.body import poses
from hund_tf.compat import tf
from hund_tf.detection.interface import Detection
from hund_tf.geometry import camera
from hund_tf.losses.alignment import AlignmentObjective, ObjectiveConfig
from hund_tf.optimization.config import OptimizerConfig
from hund_tf.reconstruction.methods import OptimizerMethod
from hund_tf.reconstruction.reconstructor import Reconstructor
from hund_tf.types import Intrinsics

_HEIGHT, _WIDTH = 600, 900
# One person near and at the left, one far and at the right.
_PLACES = np.array([[-0.9, 0.0, 3.0], [1.6, -0.2, 5.0]], np.float32)


def _detections(model, intrinsics) -> list[Detection]:
  """A-poses at `_PLACES`, as a perfect detector would see them."""
  found = []
  for place in _PLACES:
    state = poses.a_pose(model)._replace(translation=tf.constant(place[None]))
    body = model.decode(state, mesh="proxy_1500")
    points = camera.project(body.keypoints, intrinsics).numpy()[0]
    low, high = points.min(0), points.max(0)
    found.append(
      Detection(
        box=np.array([*low, *(high - low)], np.float32),
        score=0.9,
        keypoints=np.concatenate([points, np.ones([137, 1])], 1).astype("f4"),
      )
    )
  return found


@pytest.fixture(scope="module")
def people(body_model):
  intrinsics = camera.default_intrinsics(_HEIGHT, _WIDTH)
  detections = _detections(body_model, intrinsics)
  reconstruct = Reconstructor(
    OptimizerMethod(
      AlignmentObjective(body_model, ObjectiveConfig(part_weight=0.0)),
      OptimizerConfig(max_iterations=30, start_iterations=2, num_yaw_starts=1),
    )
  )
  return detections, reconstruct(detections, intrinsics), intrinsics


def test_a_person_solved_in_its_crop_reprojects_into_the_photo(people):
  detections, result, intrinsics = people
  for detection, person in zip(detections, result, strict=True):
    assert person.quality is None
    error = person.keypoints_2d - detection.keypoints[:, :2]
    assert np.linalg.norm(error, axis=1).mean() < 3.0  # of 200 to 400 pixels
    again = camera.project(tf.constant(person.body.keypoints), intrinsics)
    np.testing.assert_allclose(person.keypoints_2d, again, atol=1e-3)


def test_all_people_share_one_camera_frame(people):
  _, result, _ = people
  for place, person in zip(_PLACES, result, strict=True):
    np.testing.assert_allclose(person.state.translation, place, atol=0.4)
  assert result[0].state.translation[2] < result[1].state.translation[2] - 1


def test_twice_the_focal_length_puts_people_twice_as_far(people, body_model):
  detections, result, intrinsics = people
  long = Intrinsics(intrinsics.focal * 2, intrinsics.center)
  reconstruct = Reconstructor(
    OptimizerMethod(
      AlignmentObjective(body_model, ObjectiveConfig(part_weight=0.0)),
      OptimizerConfig(max_iterations=30, start_iterations=2, num_yaw_starts=1),
    )
  )
  (person,) = reconstruct(detections[:1], long)
  ratio = person.state.translation[2] / result[0].state.translation[2]
  assert 1.8 < ratio < 2.2


def test_the_result_has_the_full_mesh_and_the_whole_trace(people):
  _, result, _ = people
  person = result[0]
  assert person.body.vertices.shape == (12308, 3)
  assert person.body.rotations.shape == (63, 3, 3)
  steps = len(person.trace.terms.total)
  assert steps > 5 and person.trace.state.body_pose.shape == (steps, 69)
  assert person.trace.terms.total[-1] < person.trace.terms.total[0]
  for last, state in zip(person.trace.state, person.state, strict=True):
    np.testing.assert_array_equal(last[-1], state)


def test_nobody_gives_an_empty_list(body_model):
  reconstruct = Reconstructor(OptimizerMethod(AlignmentObjective(body_model)))
  assert reconstruct([], camera.default_intrinsics(480, 640)) == []


def test_each_person_gets_the_quality_of_its_own_last_state(body_model):
  intrinsics = camera.default_intrinsics(_HEIGHT, _WIDTH)
  detections = _detections(body_model, intrinsics)
  method = OptimizerMethod(
    AlignmentObjective(body_model, ObjectiveConfig(part_weight=0.0)),
    OptimizerConfig(max_iterations=2, start_iterations=1, num_yaw_starts=1),
  )

  def quality(features, terms, root):
    assert root.shape == (2, 6)
    assert features.heatmap_weights.shape == (2, 137)
    return 1.0 / (1.0 + np.asarray(terms.total))

  people = Reconstructor(method, quality)(detections, intrinsics)
  for person in people:
    expected = 1.0 / (1.0 + person.trace.terms.total[-1])
    assert person.quality == pytest.approx(expected, rel=1e-6)
  assert people[0].quality != people[1].quality


class _Known:
  """Finds what has been found before."""

  feature_channels = 0

  def __init__(self, body_model, people):
    self.objective = AlignmentObjective(body_model)
    self._people = people

  def __call__(self, features, intrinsics):
    last = [
      tf.nest.map_structure(lambda x: x[-1:], person.trace)
      for person in self._people
    ]
    return tf.nest.map_structure(lambda *x: tf.stack(x), *last)


def test_heights_are_given_to_those_who_have_one(people, body_model):
  detections, result, intrinsics = people
  reconstruct = Reconstructor(_Known(body_model, result))
  tall, other = reconstruct(detections, intrinsics, heights=(1.85, None))
  before = result[0]
  assert tall.height_given and not other.height_given
  assert tall.height_m == pytest.approx(1.85, abs=1e-5)
  assert other.height_m == pytest.approx(result[1].height_m)
  ratio = tall.body.joints[0, 2] / before.body.joints[0, 2]
  assert ratio == pytest.approx(1.85 / before.height_m, rel=1e-4)
  moved = np.linalg.norm(tall.keypoints_2d - before.keypoints_2d, axis=-1)
  assert moved[:25].mean() < 1.0
  np.testing.assert_array_equal(other.keypoints_2d, result[1].keypoints_2d)


def test_people_who_are_not_polished_cannot_be_related(people, body_model):
  reconstruct = Reconstructor(OptimizerMethod(AlignmentObjective(body_model)))
  _, found, intrinsics = people
  with pytest.raises(ValueError, match="does not polish; people are steered"):
    reconstruct.relate(found, intrinsics, np.zeros([8, 8, 3], np.uint8), [])
