"""Borders of masks at the sections of bodies."""

import numpy as np
import pytest

from hund_tf.body import poses
from hund_tf.body.points import BODY_STEP, STEP_SIZE, PointModel
from hund_tf.compat import tf
from hund_tf.geometry import camera
from hund_tf.models.hund import outline
from hund_tf.models.hund.evidence_3d import Evidence
from hund_tf.models.hund.polish import Polish
from hund_tf.models.hund.polish_anchor import Anchor
from hund_tf.models.hund.polish_rows import Seen
from hund_tf.rendering.part_maps import PartMapDrawer
from hund_tf.types import CROP_SIZE, MAP_SIZE, Intrinsics

pytestmark = pytest.mark.usefixtures("eager")

_INTRINSICS = Intrinsics(
  tf.constant([[700.0, 700.0]]), tf.constant([[240.0, 240.0]])
)


def _anchor(outline_sigma: float) -> Anchor:
  """Holds all but the shape."""
  deviations = np.full(STEP_SIZE, 0.01)
  deviations[BODY_STEP[69:85]] = 2.0
  return Anchor(
    np.diag(deviations**2)[None].astype(np.float32),
    np.zeros([0], np.float32),
    (30.0, 3.0),
    (0.0, 1.0),
    outline=(outline_sigma, 3.0),
  )


@pytest.fixture(scope="module")
def state(body_model):
  place = tf.constant([[0.0, -0.1, 3.2]])
  return poses.a_pose(body_model)._replace(translation=place)


def _mask(body_model, state, weight: float = 1.0) -> outline.Mask:
  """What is seen of a body."""
  draw = PartMapDrawer(body_model.faces(), body_model.part_labels(), 4)
  body = body_model.decode(state)
  pixels = camera.project(body.vertices, _INTRINSICS) * (MAP_SIZE / CROP_SIZE)
  maps = draw(np.concatenate([pixels, body.vertices[..., 2:]], axis=-1))
  return outline.Mask(tf.constant(maps[..., -1]), tf.constant([weight]))


def _found(body_model, state, mask, confidence: float = 1.0):
  """Borders, and how far the body stands out beyond them, `[S]` pixels."""
  points = outline.section_points(body_model)
  pixels = camera.project(
    PointModel(body_model, points, True).points(state), _INTRINSICS
  )
  keypoints = body_model.decode(state).keypoints[:, :25]
  scale = tf.constant([[700.0 / 3.2]])
  flat = camera.project(keypoints, _INTRINSICS)
  deep = keypoints[..., 2:] * scale
  borders = outline.find(
    pixels,
    tf.concat([flat, deep], axis=-1),
    scale,
    tf.fill([1, 25], confidence),
    mask,
  )
  outermost = tf.gather(pixels, borders.rows, axis=1, batch_dims=1)
  along = tf.reduce_sum(outermost * borders.normals, axis=-1)
  return borders, (along - borders.targets).numpy()[0]


def test_foreground_is_interpolated_linearly():
  rows, columns = np.mgrid[:60, :60] / 120.0
  mask = outline.Mask(
    tf.constant((0.7 * columns + 0.3 * rows)[None], tf.float32), tf.ones([1])
  )
  places = np.random.default_rng(0).uniform(8.0, 470.0, [1, 5, 3, 2])
  found = outline.foreground_at(mask, tf.constant(places, tf.float32))
  cells = places / 8.0 - 0.5
  expected = (0.7 * cells[..., 0] + 0.3 * cells[..., 1]) / 120.0
  np.testing.assert_allclose(found, expected, atol=1e-5)


def test_places_that_are_not_finite_spoil_nothing_else():
  mask = outline.Mask(tf.fill([2, 60, 60], 0.25), tf.ones([2]))
  places = np.full([2, 3, 2], 100.0, np.float32)
  places[1, 0, 0], places[1, 1] = np.nan, np.inf
  found = outline.foreground_at(mask, tf.constant(places)).numpy()
  np.testing.assert_allclose(found[0], 0.25)
  assert np.isnan(found[1, 0]) and found[1, 2] == 0.25


def test_the_border_of_a_body_is_where_its_skin_is(body_model, state):
  borders, gap = _found(body_model, state, _mask(body_model, state))
  known = borders.weights.numpy()[0] > 0.5
  assert known.sum() > 0.6 * len(known)
  assert np.abs(gap[known]).mean() < 2.0 and np.abs(gap[known]).max() < 6.0


def test_a_larger_mask_lies_outside(body_model, state):
  near = state._replace(translation=tf.constant([[0.0, -0.09, 2.9]]))
  borders, gap = _found(body_model, state, _mask(body_model, near))
  known = borders.weights.numpy()[0] > 0.5
  assert gap[known].mean() < -1.0


@pytest.mark.parametrize("reason", ["unknown", "unsure", "everywhere", "away"])
def test_what_cannot_be_seen_has_no_weight(body_model, state, reason):
  mask = _mask(body_model, state, weight=float(reason != "unknown"))
  if reason == "everywhere":
    mask = mask._replace(foreground=tf.ones_like(mask.foreground))
  if reason == "away":
    mask = mask._replace(foreground=tf.zeros_like(mask.foreground))
  confidence = float(reason != "unsure")
  borders, _ = _found(body_model, state, mask, confidence)
  np.testing.assert_array_equal(borders.weights, 0.0)


def test_a_bone_along_the_line_of_sight_is_not_looked_at(body_model, state):
  """Lying with the feet to the camera, nothing of torso and legs counts."""
  lying = tf.constant([[1.0, 0.0, 0.0, -0.2, 0.0, 0.98]])
  away = state._replace(rotation=lying)
  borders, _ = _found(body_model, away, _mask(body_model, away))
  of_bone = np.repeat(outline.OF_BONE, 2)
  assert not np.any(borders.weights.numpy()[0][of_bone == 0])


def test_the_polish_makes_bodies_as_wide_as_masks(body_model, state):
  random = np.random.default_rng(1)
  shape = tf.constant(random.normal(0.0, 2.5, [1, 16]), tf.float32)
  mask = _mask(body_model, state._replace(shape=shape))
  keypoints = body_model.decode(state).keypoints
  nothing = Evidence(tf.zeros([1, 137, 3]), tf.zeros([1, 137]))
  pixels = camera.project(keypoints, _INTRINSICS)
  seen = Seen(pixels, tf.ones([1, 137]), nothing, mask)
  gaps = []
  for sigma in (0.0, 3.0):
    polish = Polish(body_model, _anchor(sigma))
    fitted = polish(state, seen, _INTRINSICS)
    borders, gap = _found(body_model, fitted, mask)
    gaps.append(np.abs(gap[borders.weights.numpy()[0] > 0.5]).mean())
  assert gaps[1] < 0.7 * gaps[0]
