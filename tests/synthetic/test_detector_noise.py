"""Errors of detectors: rates, swaps, hidden keypoints and part maps."""

import dataclasses

import numpy as np

from hund_tf.body import keypoints as table
from hund_tf.body import parts
from hund_tf.compat import tf
from hund_tf.draws import Draws
from hund_tf.geometry import rotation
from hund_tf.synthetic import detector_noise, mask_noise
from hund_tf.synthetic.detector_noise import DetectorNoiseConfig
from hund_tf.types import STATE_DIMS, HumanState


def _only(**errors) -> DetectorNoiseConfig:
  """A detector without any other errors."""
  config = DetectorNoiseConfig()
  silent = {
    f.name: 0.0
    for f in dataclasses.fields(config)
    if f.name not in ("scale", "occluded_factor")
  }
  return dataclasses.replace(config, **(silent | errors))


def test_swaps_follow_the_mirror_table():
  points = tf.reshape(tf.range(137.0 * 2), [1, 137, 2])
  hidden = tf.zeros([1, 137])
  for field, rows in (
    ("swap_all", np.ones(137, bool)),
    ("swap_legs", detector_noise.LEG_SIDES),
    ("swap_arms", detector_noise.ARM_SIDES),
  ):
    assert (rows == rows[list(table.MIRROR)]).all()
    swapped, confidence, everything = detector_noise.corrupt_keypoints(
      Draws(0, 0), points, hidden, _only(**{field: 1.0})
    )
    expected = points.numpy()[0].copy()
    expected[rows] = points.numpy()[0][list(table.MIRROR)][rows]
    ends = [table.INDEX["neck"], table.INDEX["mid_hip"]]  # now midpoints
    difference = np.delete(swapped[0].numpy() - expected, ends, axis=0)
    np.testing.assert_allclose(difference, 0.0)
    assert (confidence.numpy() > 0).all()
    assert bool(everything[0]) == (field == "swap_all")


def test_rates_of_errors_are_as_configured():
  config = DetectorNoiseConfig()
  points = tf.zeros([400, 137, 2])
  found, confidence, _ = detector_noise.corrupt_keypoints(
    Draws(3, 0), points, tf.zeros([400, 137]), config
  )
  missing = confidence.numpy() == 0
  legs = missing[:, detector_noise.LEGS & ~detector_noise.SMALL_TOES]
  assert 0.02 < legs.all(-1).mean() < 0.12
  assert 0.15 < missing[:, table.FACE].all(-1).mean() < 0.4
  assert 0.3 < missing[:, table.LEFT_HAND].all(-1).mean() < 0.55
  torso = missing[:, table.INDEX["l_shoulder"]]
  assert torso.mean() < 0.1
  spread = found.numpy()[:, table.INDEX["l_hip"]].std()
  assert config.body_jitter < spread < 3 * config.body_jitter
  hidden, unsure, _ = detector_noise.corrupt_keypoints(
    Draws(3, 0), points, tf.ones([400, 137]), config
  )
  hip = table.INDEX["l_hip"]
  assert np.median(np.abs(hidden[:, hip])) > 2 * np.median(
    np.abs(found[:, hip])
  )
  seen = confidence.numpy()[~missing].mean()
  assert unsure.numpy()[unsure.numpy() > 0].mean() < seen - 0.2


def test_faces_and_hands_that_are_hardly_found():
  """Each moves as one and is doubted; the body is as it was."""
  found, confidence, _ = detector_noise.corrupt_keypoints(
    Draws(1, 0),
    tf.zeros([400, 137, 2]),
    tf.zeros([400, 137]),
    _only(vague_groups=1.0, vague_jitter=0.03),
  )
  found, confidence = found.numpy(), confidence.numpy()
  for rows in (table.FACE, table.LEFT_HAND, table.RIGHT_HAND):
    np.testing.assert_allclose(found[:, rows].std(axis=1), 0.0, atol=1e-6)
    assert abs(found[:, rows].mean(axis=1).std() - 0.03) < 0.003
    assert confidence[:, rows].max() < 0.5
  np.testing.assert_array_equal(found[:, table.BODY], 0.0)
  assert confidence[:, table.BODY].min() >= 0.8


def test_an_unsure_detector_doubts_the_whole_person():
  everybody = tf.zeros([400, 137])
  _, confidence, _ = detector_noise.corrupt_keypoints(
    Draws(1, 0), tf.zeros([400, 137, 2]), everybody, _only(unsure=0.5)
  )
  highest = confidence.numpy().max(axis=1)
  assert 0.3 < (highest < 0.9).mean() < 0.6
  assert 0.2 < highest.min() < 0.3


def test_the_far_side_of_a_body_is_hidden(body_model):
  """A person seen from behind hides his face, from the front he does not."""
  for yaw, share in ((0.0, 0.2), (np.pi, 0.8)):
    turn = rotation.from_rotation_vector(tf.constant([[0.0, yaw, 0.0]]))
    state = tf.nest.map_structure(lambda x: x[:1], _rest_state())
    facing = tf.linalg.diag([[1.0, -1.0, -1.0]])
    state = state._replace(
      rotation=rotation.to_6d(facing @ turn),
      translation=tf.constant([[0.0, 0.0, 3.0]]),
    )
    body = body_model.decode(state, mesh="proxy_1500")
    hidden = detector_noise.hidden_keypoints(
      body.keypoints[..., :2] / 1.8,
      body.keypoints[..., 2],
      body.vertices[..., :2] / 1.8,
      body.vertices[..., 2],
    ).numpy()[0]
    face = hidden[table.FACE][27:48].mean()  # nose and eyes
    assert face < share if yaw == 0.0 else face > share


def _rest_state():
  return HumanState(*(tf.zeros([1, size]) for size in STATE_DIMS))


def test_part_knowledge_has_its_shares():
  weights = mask_noise.part_knowledge(Draws(0, 0), 2000, 0.25, 0.15).numpy()
  full, none = weights.all(-1), ~weights.any(-1)
  mask = ~full & ~none
  assert abs(full.mean() - 0.25) < 0.05 and abs(none.mean() - 0.15) < 0.05
  assert (weights[mask][:, [0, 15]] == 1).all()
  assert (weights[mask][:, 1:15] == 0).all()


def test_part_maps_sum_to_one_and_follow_a_swap():
  truth = np.zeros([2, 60, 60, 15], np.float32)
  truth[..., 0] = 1.0
  truth[:, 20:40, 10:20, 0] = 0.0
  truth[:, 20:40, 10:20, 9] = 1.0  # left lower leg
  foreground = 1.0 - truth[..., :1]
  maps = mask_noise.corrupt_parts(
    Draws(0, 0),
    tf.constant(truth),
    tf.constant(foreground),
    tf.constant([False, True]),
    DetectorNoiseConfig(),
  ).numpy()
  np.testing.assert_allclose(maps.sum(-1), 1.0, atol=1e-5)
  assert maps[0, 30, 15, 9] > 0.99 and maps[1, 30, 15, 8] > 0.99


def test_mistaken_parts_are_strangers_swaps_or_background(monkeypatch):
  random = np.random.default_rng(0)
  maps = random.dirichlet(np.ones(15), [4, 60, 60]).astype(np.float32)

  def mistake(stranger=0.0, exchanged=0.0, lost=0.0):
    monkeypatch.setattr(mask_noise, "_STRANGER", stranger)
    monkeypatch.setattr(mask_noise, "_EXCHANGED", exchanged)
    monkeypatch.setattr(mask_noise, "_LOST", lost)
    return mask_noise.mistake_parts(Draws(0, 0), tf.constant(maps), 1.0).numpy()

  np.testing.assert_allclose(mistake(), maps, atol=1e-6)
  np.testing.assert_allclose(
    mistake(stranger=1.0), np.roll(maps, -1, axis=0), atol=1e-6
  )
  # Arms and legs exchanged are the mirror image, for head and torso have none.
  np.testing.assert_allclose(
    mistake(exchanged=1.0), maps[..., list(parts.MIRROR)], atol=1e-6
  )
  np.testing.assert_allclose(mistake(lost=1.0)[..., 0], 1.0, atol=1e-6)
  all_kinds = mistake(stranger=0.5, exchanged=0.5, lost=0.5)
  np.testing.assert_allclose(all_kinds.sum(-1), 1.0, atol=1e-5)


def test_mistaken_parts_go_by_example():
  people, lost = 400, parts.INDEX["l_foot"]
  maps = np.zeros([people, 60, 60, 15], np.float32)
  maps[:, 30, 30, lost] = 1.0
  maps[..., 0] = 1.0 - maps[..., lost]
  factor = np.repeat([0.0, 10.0], people // 2).astype(np.float32)[:, None]
  found = mask_noise.mistake_parts(
    Draws(1, 0), tf.constant(maps), tf.constant(factor)
  ).numpy()[:, 30, 30]
  assert (found[: people // 2, lost] == 1.0).all()
  # A part in three is lost, and of the others one in five is exchanged.
  worse = found[people // 2 :]
  assert abs(worse[:, 0].mean() - 0.3) < 0.1
  assert abs(worse[:, parts.INDEX["r_foot"]].mean() - 0.14) < 0.08
