"""Moments of part maps: closed forms, unknown parts, and those of a body."""

import numpy as np
import pytest

from hund_tf.body import keypoints as keypoint_table
from hund_tf.body import parts as part_table
from hund_tf.compat import tf
from hund_tf.geometry import camera
from hund_tf.models.hund import part_moments as moments
from hund_tf.models.hund import state_space
from hund_tf.models.hund.cell import part_inputs
from hund_tf.rendering.part_maps import PartMapDrawer
from hund_tf.types import AlignmentTarget, Intrinsics

_HEAD = part_table.INDEX["head"] - 1  # among the 14 parts


def _target(maps: np.ndarray, known: np.ndarray | None = None):
  batch = len(maps)
  weights = np.ones([batch, 16], np.float32) if known is None else known
  return AlignmentTarget(
    keypoints=tf.zeros([batch, 137, 2]),
    keypoint_weights=tf.zeros([batch, 137]),
    part_probs=tf.constant(maps, tf.float32),
    part_weights=tf.constant(weights, tf.float32),
  )


def _maps_of_one_part(part: str, cells: np.ndarray) -> np.ndarray:
  """[1, 60, 60, 15] with one part in cells [60, 60], background elsewhere."""
  maps = np.zeros([1, 60, 60, 15], np.float32)
  maps[0, ..., part_table.INDEX[part]] = cells
  maps[0, ..., 0] = 1.0 - cells
  return maps


def test_a_rectangle_has_its_middle_and_its_extent():
  cells = np.zeros([60, 60])
  cells[12:18, 30:60] = 1.0  # rows (y), columns (x)
  found = moments.part_moments(_target(_maps_of_one_part("head", cells)))
  np.testing.assert_allclose(found.centres[0, _HEAD], [360.0, 120.0], atol=1e-3)
  # Uniform over n cells of width 1/30: their discrete standard deviation.
  expected = [np.sqrt((n * n - 1) / 12.0) / 30.0 for n in (30, 6)]
  np.testing.assert_allclose(
    found.extents[0, _HEAD], [*expected, 0.0], atol=1e-4
  )
  np.testing.assert_allclose(
    found.weights[0, _HEAD], 180.0 / (180.0 + 4.0), rtol=1e-5
  )


def test_slants_have_a_sign():
  falling = np.eye(60)  # x and y grow together
  for cells, sign in ((falling, 1.0), (falling[::-1], -1.0)):
    found = moments.part_moments(_target(_maps_of_one_part("torso", cells)))
    np.testing.assert_allclose(found.extents[0, 0, 2], sign, atol=1e-3)


def test_blurred_maps_keep_their_middle():
  cells = np.zeros([60, 60])
  cells[20:23, 40:47] = 1.0
  sharp = moments.part_moments(_target(_maps_of_one_part("l_foot", cells)))
  padded = np.pad(cells, 2)
  blurred = (
    sum(padded[i : i + 60, j : j + 60] for i in range(5) for j in range(5)) / 25
  )
  soft = moments.part_moments(_target(_maps_of_one_part("l_foot", blurred)))
  foot = part_table.INDEX["l_foot"] - 1
  np.testing.assert_allclose(
    soft.centres[0, foot], sharp.centres[0, foot], atol=1e-3
  )


def test_doubt_does_not_move_a_part():
  """What is spread over the map, and less likely than not, does not count."""
  cells = np.zeros([60, 60])
  cells[10:20, 10:20] = 1.0
  sure = moments.part_moments(_target(_maps_of_one_part("head", cells)))
  cells[40:, 30:] = 0.39
  doubtful = moments.part_moments(_target(_maps_of_one_part("head", cells)))
  for one, other in zip(sure, doubtful, strict=True):
    np.testing.assert_array_equal(one, other)


def test_parts_that_are_unknown_or_unseen_say_nothing():
  cells = np.ones([60, 60])
  maps = np.concatenate([_maps_of_one_part("head", cells)] * 2)
  known = np.ones([2, 16], np.float32)
  known[1, 1:15] = 0.0  # the foreground alone
  found = moments.part_moments(_target(maps, known))
  code = moments.moment_code(found).numpy()
  assert code.shape == (2, 84) and np.isfinite(code).all()
  assert found.weights[0, _HEAD] > 0.9
  assert np.count_nonzero(found.weights[0]) == 1
  assert code[0].any() and not code[1].any()
  np.testing.assert_array_equal(found.centres[1], np.full([14, 2], 240.0))


def test_middles_of_limbs_are_between_their_joints():
  points = np.random.default_rng(0).uniform(0, 480, [1, 137, 2])
  middles = moments.body_centres(tf.constant(points, tf.float32))[0].numpy()
  at = lambda name: points[0, keypoint_table.INDEX[name]]
  for part, ends in (
    ("r_lower_arm", ("r_elbow", "r_wrist")),
    ("l_upper_leg", ("l_hip", "l_knee")),
    ("torso", ("l_shoulder", "r_shoulder", "l_hip", "r_hip")),
  ):
    np.testing.assert_allclose(
      middles[part_table.INDEX[part] - 1],
      np.mean([at(end) for end in ends], axis=0),
      rtol=1e-5,
    )
  # Mirrored keypoints are those of the mirrored parts.
  mirrored = tf.constant(points[:, list(keypoint_table.MIRROR)], tf.float32)
  mirror = np.array(part_table.MIRROR[1:]) - 1
  np.testing.assert_allclose(
    moments.body_centres(mirrored)[0], middles[mirror], rtol=1e-5
  )


@pytest.fixture(scope="module")
def seen(body_model):
  """A body, its camera and the moments of its own part maps."""
  intrinsics = Intrinsics(
    tf.constant([[700.0, 700.0]]), tf.constant([[240.0, 240.0]])
  )
  mean = state_space.mean_coordinates(body_model)
  state = state_space.decode(tf.constant(mean[None], tf.float32), intrinsics)
  body = body_model.decode(state, mesh="proxy_1500")
  draw = PartMapDrawer(
    body_model.faces("proxy_1500"), body_model.part_labels("proxy_1500")
  )
  on_map = camera.scale_intrinsics(intrinsics, 60 / 480)
  pixels = camera.project(body.vertices, on_map)
  maps = draw(tf.concat([pixels, body.vertices[..., 2:]], axis=-1).numpy())
  return body, intrinsics, moments.part_moments(_target(maps[..., :15]))


def test_parts_of_a_body_are_seen_where_its_keypoints_say(seen):
  """Left is left: each part's own middle is the nearest one."""
  body, intrinsics, found = seen
  middles = moments.body_centres(camera.project(body.keypoints, intrinsics))
  apart = middles[0, :, None] - found.centres[0, None]
  distance = np.linalg.norm(apart, axis=-1)
  assert (found.weights.numpy() > 0.3).all()
  np.testing.assert_array_equal(distance.argmin(axis=1), np.arange(14))
  assert np.diag(distance).max() < 25.0


def test_a_stage_sees_which_way_a_part_lies(seen):
  body, intrinsics, found = seen
  middles = lambda found: (
    part_inputs(body, found, intrinsics).numpy()[0, :28].reshape(14, 2)
  )
  values = middles(found)
  moved = found._replace(centres=found.centres + tf.constant([4.0, -4000.0]))
  further = middles(moved)
  weights = found.weights[0].numpy()
  # Eight crop pixels are one, small errors stay as they are.
  step = np.sinh(values[:, 0] / weights) - np.sinh(further[:, 0] / weights)
  np.testing.assert_allclose(step, 0.5, atol=1e-2)
  assert (further[:, 1] > 5.0 * weights).all()
  unknown = found._replace(weights=tf.zeros_like(found.weights))
  assert not part_inputs(body, unknown, intrinsics).numpy().any()


def test_limbs_spread_along_their_line():
  """A straight limb of length l along (c, s): l^2 / 12 of c^2, s^2, c s."""
  points = np.zeros([1, 137, 2])
  points[0, keypoint_table.INDEX["l_knee"]] = [240.0 * 0.6, -240.0 * 0.8]
  spreads = moments.body_spreads(tf.constant(points, tf.float32))[0].numpy()
  limbs = [part_table.NAMES[1:][i] for i in moments.LIMBS]
  expected = np.array([0.36, 0.64, -0.48]) / 12.0
  for limb, found in zip(limbs, spreads, strict=True):
    meets = limb in ("l_upper_leg", "l_lower_leg")
    np.testing.assert_allclose(found, expected * meets, atol=1e-6)
  # The same of a map: a line of cells, each a thirtieth of a half side.
  cells = np.zeros([60, 60])
  for step in range(21):  # dx = 3/4 dy, as the cells allow
    cells[10 + step, 40 - (3 * step) // 4] = 1.0
  target = _target(_maps_of_one_part("r_lower_arm", cells))
  seen = moments.limb_spreads(moments.part_moments(target))[0].numpy()
  row = seen[limbs.index("r_lower_arm")]
  np.testing.assert_allclose(
    row, (25 / 30) ** 2 * expected, atol=0.1 * expected[1]
  )
  assert np.count_nonzero(seen.any(axis=1)) == 1


def test_limbs_of_a_body_are_seen_as_they_lie(seen):
  body, intrinsics, found = seen
  own = moments.body_spreads(camera.project(body.keypoints, intrinsics))[0]
  own, other = own.numpy(), moments.limb_spreads(found)[0].numpy()
  # Twice the angle of a limb's line: limbs are thick but lie the same way.
  angles = [np.arctan2(2 * s[:, 2], s[:, 0] - s[:, 1]) for s in (own, other)]
  apart = np.abs(np.angle(np.exp(1j * (angles[0] - angles[1]))))
  assert apart.max() < np.radians(30.0)
  values = part_inputs(body, found, intrinsics).numpy()[0, 28:].reshape(8, 3)
  weights = found.weights.numpy()[0, list(moments.LIMBS), None]
  np.testing.assert_allclose(
    values, np.arcsinh((own - other) / 0.005) * weights, rtol=1e-3, atol=1e-4
  )


def test_moments_have_a_gradient():
  """Networks are trained through B: it is that of finite differences."""
  # Nearly sure, so that no cell crosses the doubt that does not count.
  label = np.random.default_rng(0).integers(0, 15, [1, 60, 60])
  maps = tf.constant(0.85 * np.eye(15)[label] + 0.01, tf.float32)
  mixing = np.random.default_rng(1).normal(size=84).astype(np.float32)

  def value(maps):
    target = _target(np.zeros([1, 60, 60, 15]))._replace(part_probs=maps)
    code = moments.moment_code(moments.part_moments(target))
    return tf.reduce_sum(code * mixing)

  with tf.GradientTape() as tape:
    tape.watch(maps)
    total = value(maps)
  slope = tape.gradient(total, maps).numpy()
  way = np.random.default_rng(2).normal(size=maps.shape).astype(np.float32)
  step = 1e-2
  difference = (value(maps + step * way) - value(maps - step * way)) / (
    2 * step
  )
  np.testing.assert_allclose((slope * way).sum(), difference, rtol=2e-2)
