"""The pose priors: inverses, limits, layout, symmetry, shipped weights."""

import json

import numpy as np
import pytest

from hund_tf.body import flows, joint_limits, pose_prior, skeleton
from hund_tf.body.pose_prior import PosePrior
from hund_tf.compat import tf

_SIZES = (69, 45, 45)


@pytest.fixture(scope="module")
def prior() -> PosePrior:
  return PosePrior.load()


def _latents(count: int = 16, scale: float = 1.0, seed: int = 0):
  return [
    scale * tf.random.stateless_normal([count, size], [seed, i])
    for i, size in enumerate(_SIZES)
  ]


def _angle(first, second):
  """Geodesic angles in radians, computed in float64."""
  first, second = np.float64(first), np.float64(second)
  chord = np.linalg.norm(first - second, axis=(-2, -1)) / np.sqrt(8.0)
  return 2.0 * np.arcsin(np.clip(chord, 0.0, 1.0))


def _columns(names):
  return [skeleton.INDEX[name] for name in names]


def test_pose_round_trip(prior):
  rotations = prior.decode(*_latents())
  again = prior.decode(*prior.encode(rotations))
  assert _angle(rotations, again).max() < 1e-4


def test_latent_round_trip(prior):
  # Smaller latents: near a limit many latents give one float32 rotation.
  latents = _latents(scale=0.7)
  for given, back in zip(
    latents, prior.encode(prior.decode(*latents)), strict=True
  ):
    np.testing.assert_allclose(back, given, atol=1e-3)


def test_decoded_rotations_are_proper_and_layout_is_the_skeletons(prior):
  rotations = prior.decode(*_latents()).numpy()
  assert rotations.shape == (16, 63, 3, 3)
  eye = np.einsum("bjik,bjil->bjkl", rotations, rotations)
  np.testing.assert_allclose(eye, np.tile(np.eye(3), (16, 63, 1, 1)), atol=1e-5)
  np.testing.assert_allclose(np.linalg.det(rotations), 1.0, atol=1e-5)
  fixed = ("pelvis", *skeleton.TWIST_JOINTS, *skeleton.FIXED_JOINTS)
  moved = [name for name in skeleton.NAMES if name not in fixed]
  np.testing.assert_array_equal(
    rotations[:, _columns(fixed)], np.tile(np.eye(3), (16, len(fixed), 1, 1))
  )
  turn = _angle(rotations[:, _columns(moved)], np.eye(3))
  assert (turn.max(axis=0) > 1e-3).all()


def test_every_group_moves_only_its_own_joints(prior):
  base = prior.decode(*_latents()).numpy()
  for i, names in enumerate(
    (
      skeleton.BODY_JOINTS,
      skeleton.LEFT_HAND_JOINTS,
      skeleton.RIGHT_HAND_JOINTS,
    )
  ):
    latents = _latents()
    latents[i] = latents[i] + 0.5
    moved = np.abs(prior.decode(*latents) - base).max(axis=(0, 2, 3)) > 1e-4
    assert set(np.flatnonzero(moved)) <= set(_columns(names))
    assert moved.any()


@pytest.mark.parametrize("scale", [3.0, 20.0, 1e4])
def test_any_latent_is_inside_the_limits(prior, scale):
  rotations = prior.decode(*_latents(scale=scale))
  assert np.isfinite(rotations).all()
  for joints, names in zip(
    pose_prior.GROUPS,
    (
      skeleton.BODY_JOINTS,
      skeleton.LEFT_HAND_JOINTS,
      skeleton.RIGHT_HAND_JOINTS,
    ),
    strict=True,
  ):
    matrices = tf.gather(rotations, _columns(names), axis=1)
    angles = joint_limits.from_rotations(matrices, joints).numpy()
    assert (angles > joints.lower - 2e-3).all()
    assert (angles < joints.upper + 2e-3).all()


def test_rotations_outside_the_limits_have_finite_latents(prior):
  random = np.random.default_rng(0)
  wild, _ = np.linalg.qr(random.normal(size=(8, 63, 3, 3)))
  wild *= np.sign(np.linalg.det(wild))[..., None, None]
  wild = tf.constant(wild, tf.float32)
  for latent in prior.encode(wild):
    assert np.isfinite(latent).all()
  for value in prior.log_prob(wild):
    assert np.isfinite(value).all()


def test_hands_are_mirror_images(prior):
  body, hand, _ = _latents()
  rotations = prior.decode(body, hand, hand).numpy()
  left = rotations[:, _columns(skeleton.LEFT_HAND_JOINTS)]
  right = rotations[:, _columns(skeleton.RIGHT_HAND_JOINTS)]
  reflection = np.diag([-1.0, 1.0, 1.0])
  np.testing.assert_allclose(right, reflection @ left @ reflection, atol=1e-5)


def test_standing_poses_are_near_the_origin(prior):
  """The T-pose and an A-pose are ordinary poses: |z| below the usual."""
  rotations = np.tile(np.eye(3, dtype=np.float32), (2, 63, 1, 1))
  for side, sign in (("l", 1.0), ("r", -1.0)):
    tilt = np.radians(-55.0 * sign)
    rotations[1, skeleton.INDEX[f"{side}_shoulder"]] = (
      (np.cos(tilt), -np.sin(tilt), 0),
      (np.sin(tilt), np.cos(tilt), 0),
      (0, 0, 1),
    )
  latents = prior.encode(tf.constant(rotations))
  usual = np.sqrt(69.0)
  assert np.linalg.norm(latents.body, axis=-1).max() < 1.2 * usual


def test_the_mean_hand_is_relaxed(prior):
  zeros = [tf.zeros([1, size]) for size in _SIZES]
  angles = np.degrees(prior.angles(pose_prior.PoseGroups(*zeros)).left_hand[0])
  fingers = angles[3:, 2]
  assert (fingers < 0.0).all() and (fingers > -75.0).all()


def test_log_prob_matches_the_flow(prior):
  latents = _latents(scale=0.7)
  rotations = prior.decode(*latents)
  for group, latent, flow in zip(
    prior.log_prob(rotations), latents, prior.flows, strict=True
  ):
    _, log_det = flow.forward(latent)
    expected = flows.unit_gaussian_log_prob(latent) - log_det
    np.testing.assert_allclose(group, expected, atol=0.05)


def test_gradients_are_finite_and_reach_every_latent(prior):
  latents = [tf.Variable(z) for z in _latents()] + []
  with tf.GradientTape() as tape:
    rotations = prior.decode(*latents)
    loss = tf.reduce_sum(rotations * tf.cos(tf.range(63.0))[:, None, None])
  for gradient in tape.gradient(loss, latents):
    assert np.isfinite(gradient).all()
    assert (np.abs(gradient).max(axis=0) > 1e-4).all()


def test_jit_gives_the_same(prior):
  latents = _latents()
  rotations = prior.decode(*latents)
  decode = tf.function(prior.decode, jit_compile=True)
  encode = tf.function(prior.encode, jit_compile=True)
  np.testing.assert_allclose(decode(*latents), rotations, atol=1e-4)
  again = prior.decode(*encode(rotations))
  assert _angle(rotations, again).max() < 2e-4


def test_wrong_shapes_are_named(prior):
  body, left, right = _latents(2)
  with pytest.raises(ValueError, match="left_hand"):
    prior.decode(body, left[:, :40], right)
  with pytest.raises(ValueError, match="63, 3, 3"):
    prior.encode(tf.zeros([2, 55, 3, 3]))


def test_save_and_load(prior, tmp_path):
  prior.save(tmp_path / "prior.npz")
  again = PosePrior.load(tmp_path / "prior.npz")
  np.testing.assert_array_equal(
    again.decode(*_latents()), prior.decode(*_latents())
  )
  assert [path.name for path in tmp_path.iterdir()] == ["prior.npz"]


def test_missing_file_is_named(tmp_path):
  with pytest.raises(ValueError, match="nothing.npz"):
    PosePrior.load(tmp_path / "nothing.npz")
  (tmp_path / "text.npz").write_text("no npz")
  with pytest.raises(ValueError, match="text.npz"):
    PosePrior.load(tmp_path / "text.npz")


def test_shipped_weights_are_small_and_beat_a_gaussian():
  path = pose_prior.DEFAULT_PATH
  assert path.stat().st_size < 2_000_000
  metrics = json.loads(path.with_suffix(".metrics.json").read_text())
  for group in ("body", "left_hand", "right_hand"):
    row = metrics[group]
    assert row["held_out_nll_flow"] < row["held_out_nll_gaussian"]
    assert row["sampled_joints_at_a_limit"] < 0.05


def test_flows_of_other_joints_are_refused(tmp_path):
  with np.load(pose_prior.DEFAULT_PATH) as file:
    arrays = dict(file)
  hands = {k: arrays[k.replace("body", "hand")] for k in arrays if "body" in k}
  np.savez(tmp_path / "hands.npz", **(arrays | hands))
  with pytest.raises(ValueError, match="hands.npz: .*45 numbers, expected 69"):
    PosePrior.load(tmp_path / "hands.npz")
