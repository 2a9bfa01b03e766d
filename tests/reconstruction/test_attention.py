"""Close-ups of faces and hands: their crops, cameras and mirror images."""

import numpy as np
import pytest

from hund_tf.body import keypoints as table
from hund_tf.geometry import camera
from hund_tf.reconstruction import attention
from hund_tf.reconstruction.attention import AttentionConfig, attend
from hund_tf.reconstruction.part_results import mirrored_hand
from hund_tf.types import CROP_SIZE, Intrinsics
from tests.reconstruction import part_truth
from tests.reconstruction.part_truth import PHOTO, PHOTO_SIZE


@pytest.fixture(scope="module")
def truth(body_model):
  return part_truth.person(body_model)


def test_crops_are_squares_around_the_landmarks(truth):
  regions = attend(truth.detection, PHOTO_SIZE)
  assert tuple(r.name for r in regions) == attention.PARTS
  for region in regions:
    assert region.reason == ""
    points = truth.detection.keypoints[attention.ROWS[region.name], :2]
    low, high = points.min(0), points.max(0)
    left, top, side, same = region.box
    assert side == same == pytest.approx(1.6 * (high - low).max(), rel=1e-5)
    np.testing.assert_allclose(
      [left + side / 2, top + side / 2], (low + high) / 2, rtol=1e-4
    )
    assert region.size == pytest.approx(side / 1.6, rel=1e-5)
    assert region.score == pytest.approx(1.0)


@pytest.mark.parametrize(
  ("change", "reason"),
  [
    (lambda p: p[:, 2].fill(0.0), "not seen"),
    (lambda p: p[11:, 2].fill(0.0), "11 landmarks are seen, fewer than 12"),
    (lambda p: p[:, 2].fill(0.25), "score 0.25 is below 0.3"),
    (
      lambda p: p[:, :2].__imul__(0.05),
      "pixels large, smaller than 16",
    ),
    (
      lambda p: p[:, 0].__isub__(2000.0),
      "0% of its landmarks are in the photo, less than 60%",
    ),
  ],
)
def test_what_is_not_looked_at_says_why(truth, change, reason):
  points = truth.detection.keypoints.copy()
  change(points[table.RIGHT_HAND])
  changed = truth.detection._replace(keypoints=points)
  face, left, right = attend(changed, PHOTO_SIZE)
  assert reason in right.reason
  assert face.reason == left.reason == ""


def test_without_the_photo_s_size_parts_may_lie_anywhere(truth):
  points = truth.detection.keypoints.copy()
  points[:, 0] -= 2000.0
  moved = truth.detection._replace(keypoints=points)
  assert all(r.reason == "" for r in attend(moved))
  assert all(r.reason for r in attend(moved, PHOTO_SIZE))


def test_the_configuration_is_checked():
  with pytest.raises(ValueError, match="part_scale"):
    AttentionConfig(part_scale=0.5)


def test_true_hands_project_to_their_landmarks_through_the_crop_s_camera(
  truth, body_model
):
  """Right ones as they are, left ones as their mirror images."""
  reader = part_truth.hand_reader(body_model, truth)
  _, *hands = attend(truth.detection, PHOTO_SIZE)
  both = Intrinsics(*(np.stack([x, x]) for x in PHOTO))
  features, cameras = attention.close_ups([truth.detection] * 2, hands, both)
  assert (features.weights.numpy() == 1.0).all()
  left, right = (part_truth.hand_of(truth, r.name) for r in hands)
  for i, state in enumerate((mirrored_hand(left), right)):
    points = reader.keypoints(state)
    own = Intrinsics(*(x[i : i + 1] for x in cameras))
    seen = camera.project(points, own)[0]
    np.testing.assert_allclose(seen, features.keypoints[i], atol=0.05)
    spatial = (points - points[:, :1])[0]
    np.testing.assert_allclose(spatial, features.landmarks_3d[i], atol=1e-4)


def test_the_viewing_frame_of_a_mirrored_crop_is_mirrored(truth):
  box = attend(truth.detection, PHOTO_SIZE)[1].box[None]
  photo = Intrinsics(*(x[None] for x in PHOTO))
  plain = camera.crop_intrinsics(photo, box)
  mirrored = attention.mirrored_intrinsics(plain, np.array([True]))
  flip = np.diag([-1.0, 1.0, 1.0]).astype(np.float32)
  np.testing.assert_allclose(
    camera.viewing_rotation(mirrored)[0],
    flip @ camera.viewing_rotation(plain)[0].numpy() @ flip,
    atol=1e-6,
  )
  again = attention.mirrored_intrinsics(mirrored, np.array([True]))
  np.testing.assert_allclose(again.center, plain.center, rtol=1e-6)


def test_unknown_points_and_those_beyond_the_crop_do_not_count(truth):
  points = truth.detection.keypoints.copy()
  points[table.LEFT_HAND][3, 2] = 0.0
  changed = truth.detection._replace(keypoints=points, landmarks_3d=None)
  _, left, _ = attend(changed, PHOTO_SIZE)
  photo = Intrinsics(*(x[None] for x in PHOTO))
  features, _ = attention.close_ups([changed], [left], photo)
  assert features.weights[0, 3] == 0.0
  np.testing.assert_array_equal(features.keypoints[0, 3], [0.0, 0.0])
  assert np.sum(features.weights) == 20.0
  assert not np.any(features.landmark_3d_weights)
  half = left._replace(box=left.box * [1, 1, 0.5, 0.5])
  features, _ = attention.close_ups([changed], [half], photo)
  known = features.weights[0].numpy() > 0.0
  assert 0 < known.sum() < 20
  inside = features.keypoints.numpy()[0, known]
  assert (inside > 0.0).all() and (inside <= CROP_SIZE).all()
