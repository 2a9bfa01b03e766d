"""Supervised losses: closed forms, weights per example, treatment of roots."""

import numpy as np
import pytest

from hund_tf.body import skeleton
from hund_tf.compat import tf
from hund_tf.evaluation import compared_joints, metrics
from hund_tf.geometry import camera, placement
from hund_tf.losses import supervised
from hund_tf.losses.alignment import AlignmentObjective, ObjectiveConfig
from hund_tf.losses.supervised import SupervisedConfig
from hund_tf.types import (
  MAP_SIZE,
  NUM_KEYPOINTS,
  NUM_PARTS,
  STATE_SIZE,
  AlignmentTerms,
  BodyOutput,
  ImageFeatures,
  Intrinsics,
  SupervisionWeights,
  TrainingExample,
  no_landmarks_3d,
  state_from_vector,
)

_BATCH = 3


@pytest.fixture(scope="module")
def objective(body_model):
  return AlignmentObjective(body_model, ObjectiveConfig(part_weight=0.0))


@pytest.fixture(scope="module")
def example(objective) -> TrainingExample:
  """The truth of three people, with all supervision on."""
  vector = np.random.default_rng(0).normal(0, 0.3, [_BATCH, STATE_SIZE])
  state = state_from_vector(tf.constant(vector, tf.float32))
  state = state._replace(
    rotation=tf.constant([[1.0, 0, 0, -1, 0, 0]] * _BATCH),
    translation=tf.constant([[0.1, 0.0, 3.0]] * _BATCH),
  )
  intrinsics = Intrinsics(
    tf.fill([_BATCH, 2], 700.0), tf.fill([_BATCH, 2], 240.0)
  )
  body = objective.body_model.decode(state, mesh=objective.config.mesh)
  return TrainingExample(
    features=ImageFeatures(
      heatmaps=tf.zeros([_BATCH, MAP_SIZE, MAP_SIZE, NUM_KEYPOINTS]),
      heatmap_weights=tf.zeros([_BATCH, NUM_KEYPOINTS]),
      part_probs=tf.zeros([_BATCH, MAP_SIZE, MAP_SIZE, NUM_PARTS]),
      part_weights=tf.zeros([_BATCH, NUM_PARTS + 1]),
      features=tf.zeros([_BATCH, MAP_SIZE, MAP_SIZE, 0]),
      **no_landmarks_3d(_BATCH)._asdict(),
    ),
    image=tf.zeros([_BATCH, 0, 0, 4]),
    intrinsics=intrinsics,
    state=state,
    vertices=body.vertices,
    joints=body.joints,
    keypoints=camera.project(body.keypoints, intrinsics),
    keypoint_weights=tf.ones([_BATCH, NUM_KEYPOINTS]),
    weights=SupervisionWeights(*[tf.ones([_BATCH])] * 5),
  )


def _moved(objective, example, offset):
  """State and body of the truth moved by `offset` metres."""
  state = example.state
  state = state._replace(translation=state.translation + tf.constant([offset]))
  mesh = objective.config.mesh
  return state, objective.body_model.decode(state, mesh=mesh)


def _terms(total: float = 0.0) -> AlignmentTerms:
  return AlignmentTerms(*[tf.fill([_BATCH], total)] * 5)


_EQUAL = np.full(63, 1.0 / 63.0, np.float32)


def _only(**weights) -> SupervisionWeights:
  """Supervision of one kind: a weight for each of the three examples."""
  zeros = SupervisionWeights(*[tf.zeros([_BATCH])] * 5)
  return zeros._replace(**{k: tf.constant(v) for k, v in weights.items()})


def test_a_moved_body_is_as_far_off_as_it_was_moved(objective, example):
  _, body = _moved(objective, example, [0.03, 0.0, 0.04])
  for loss in (
    supervised.vertex_loss(body, example),
    supervised.joint_loss(body, example, _EQUAL),
  ):
    np.testing.assert_allclose(loss, [0.05] * 3, atol=1e-4)


def test_joints_count_by_their_weights_in_the_mean(example):
  fingers = [i for i, n in enumerate(skeleton.NAMES) if n[-1] in "123"]
  fingers = [i for i in fingers if skeleton.NAMES[i][:2] in ("l_", "r_")]
  assert len(fingers) == 30
  compared = compared_joints.lsp_joints(np.arange(63)[:, None])[:, 0]
  assert len(set(compared)) == 14

  def share(rows, **weights):
    """Of some joints in the loss: it is all if no others are off."""
    moved = np.zeros([63, 3], np.float32)
    moved[rows, 0] = 1.0
    body = BodyOutput(
      example.vertices, example.joints + moved, example.keypoints, None
    )
    shares = supervised.joint_shares(SupervisedConfig(**weights))
    return supervised.joint_loss(body, example, shares)

  for rows, weights, expected in (
    (fingers, {"finger_weight": 0.1}, 3.0 / (33.0 + 3.0)),
    (fingers, {"finger_weight": 1.0}, 30.0 / 63.0),
    (compared, {"compared_weight": 1.0}, 14.0 / 36.0),
    (compared, {"compared_weight": 4.0}, 56.0 / (56.0 + 19.0 + 3.0)),
  ):
    np.testing.assert_allclose(
      share(rows, **weights), [expected] * 3, atol=1e-3
    )


def test_rotations_are_off_by_their_angle(objective, example):
  truth = objective.body_model.rotations(example.state)
  angle = 0.3
  turn = np.eye(3, dtype=np.float32)
  turn[:2, :2] = [
    [np.cos(angle), -np.sin(angle)],
    [np.sin(angle), np.cos(angle)],
  ]
  turned = truth.numpy()
  turned[:, [0, 5]] = turned[:, [0, 5]] @ turn  # the root's does not count
  loss = supervised.rotation_loss(tf.constant(turned), truth)
  expected = 2.0 * np.sqrt(2.0) * np.sin(angle / 2.0) / 62.0
  # Every joint is at least the 1e-4 off that keeps the root's slope finite.
  np.testing.assert_allclose(loss, [expected] * 3, atol=1.1e-4)
  state, body = _moved(objective, example, [0.0, 0.0, 0.0])
  np.testing.assert_allclose(body.rotations, truth, atol=1e-6)
  body = body._replace(rotations=tf.constant(turned))
  with_rotations, without = (
    supervised.full_loss(
      body, state, example, SupervisedConfig(rotation_weight=weight), truth
    )
    for weight in (50.0, 0.0)
  )
  np.testing.assert_allclose(with_rotations - without, 50.0 * loss, rtol=1e-3)


def test_absolute_root_is_the_paper_s_sum(objective, example):
  state, body = _moved(objective, example, [0.03, 0.0, 0.04])
  config = SupervisedConfig(
    vertex_weight=2.0, joint_weight=3.0, latent_weight=0.0, root="absolute"
  )
  loss = supervised.full_loss(body, state, example, config)
  np.testing.assert_allclose(loss, [5.0 * 0.05] * 3, atol=1e-3)


def test_split_root_sees_a_translation_in_the_placement_only(
  objective, example
):
  state, body = _moved(objective, example, [0.0, 0.0, 1.5])
  config = SupervisedConfig(latent_weight=0.0, placement_weight=2.0)
  loss = supervised.full_loss(body, state, example, config)
  # 0.1 m to the right of the axis at 3 m, then at 4.5 m; log 1.5 farther.
  shift = 2 / 480 * 700 * (0.1 / 3 - 0.1 / 4.5)
  expected = 2.0 * (shift + np.log(1.5))
  np.testing.assert_allclose(loss, [expected] * 3, atol=0.02)


def test_the_truth_costs_next_to_nothing(objective, example):
  state, body = _moved(objective, example, [0.0, 0.0, 0.0])
  loss = supervised.stage_loss(objective, body, state, _terms(), example)
  np.testing.assert_allclose(loss, [0.0] * 3, atol=0.03)


def test_weights_choose_what_each_example_learns_from(objective, example):
  state, body = _moved(objective, example, [0.2, 0.0, 0.0])

  def loss(**weights):
    chosen = example._replace(weights=_only(**weights))
    return supervised.stage_loss(
      objective, body, state, _terms(7.0), chosen
    ).numpy()

  np.testing.assert_allclose(loss(alignment=[1.0, 0, 0.5]), [7.0, 0, 3.5])
  pixels = 0.2 / 3.0 * 700
  weak = loss(keypoints=[0.0, 1.0, 0.0])
  np.testing.assert_allclose(weak, [0, pixels, 0], rtol=0.1)
  full = loss(vertices=[0.0, 0, 1], joints=[0.0, 1, 1], latents=[0.0, 0, 0])
  assert full[0] == 0.0 and full[1] > 0.5 and full[2] >= full[1]
  np.testing.assert_allclose(loss(latents=[1.0, 1, 1]), [0.0] * 3, atol=1e-5)


def test_unknown_truth_leaves_value_and_gradient_finite(objective, example):
  """Zeros stand for what is not known, with weight zero."""
  unknown = tf.nest.map_structure(tf.zeros_like, example)._replace(
    intrinsics=example.intrinsics, weights=_only(alignment=[1.0] * 3)
  )
  vector = tf.zeros([_BATCH, STATE_SIZE])
  for root in supervised.ROOTS:
    with tf.GradientTape() as tape:
      tape.watch(vector)
      state = state_from_vector(vector)
      body = objective.body_model.decode(state, mesh=objective.config.mesh)
      loss = supervised.stage_loss(
        objective,
        body,
        state,
        _terms(1.0),
        unknown,
        SupervisedConfig(root=root),
      )
    np.testing.assert_allclose(loss, [1.0] * 3)
    assert np.isfinite(tape.gradient(loss, vector).numpy()).all()


def test_latent_loss_counts_groups_alike(example):
  state = example.state
  moved = state._replace(
    body_pose=state.body_pose + 2.0, shape=state.shape - 1.0
  )
  loss = supervised.latent_loss(moved, state)
  np.testing.assert_allclose(loss, [5.0] * 3, rtol=1e-5)


def test_placement_does_not_depend_on_the_focal_length():
  """Twice the focal length and twice the depth look alike."""
  for factor in (1.0, 2.0):
    intrinsics = Intrinsics(
      tf.fill([1, 2], 500.0 * factor), tf.fill([1, 2], 240.0)
    )
    placed = placement.encode(tf.constant([[0.3, 0.1, 2 * factor]]), intrinsics)
    if factor == 1.0:
      first = placed
  np.testing.assert_allclose(first, placed, rtol=1e-5)


def test_unknown_root():
  with pytest.raises(ValueError, match="root: got 'relative'"):
    SupervisedConfig(root="relative")


def test_the_aligned_loss_is_pa_mpjpe(objective, example):
  """Blind to where a body is, how it is turned and how large it is."""
  body = objective.body_model.decode(example.state, mesh=objective.config.mesh)
  moved = body._replace(joints=1.3 * body.joints[..., ::-1] * [1, 1, -1] + 0.7)
  assert supervised.aligned_loss(moved, example, _EQUAL).numpy().max() < 1e-3
  noise = np.random.default_rng(3).normal(0, 0.05, body.joints.shape)
  noisy = body._replace(joints=body.joints + tf.constant(noise, tf.float32))
  expected = metrics.pa_mpjpe(noisy.joints.numpy(), example.joints.numpy())
  found = supervised.aligned_loss(noisy, example, _EQUAL).numpy()
  np.testing.assert_allclose(found, expected, rtol=5e-3)
  # Its share of the training loss.
  losses = [
    supervised.full_loss(
      noisy, example.state, example, SupervisedConfig(aligned_weight=weight)
    )
    for weight in (0.0, 2.0)
  ]
  shares = supervised.joint_shares(SupervisedConfig())
  share = supervised.aligned_loss(noisy, example, shares)
  np.testing.assert_allclose(losses[1] - losses[0], 2.0 * share, rtol=1e-4)


def _aligned(body, joints, example):
  """PA-MPJPE of other joints, those that are compared before others."""
  shares = supervised.joint_shares(SupervisedConfig(compared_weight=4.0))
  return supervised.aligned_loss(body._replace(joints=joints), example, shares)


def test_the_aligned_loss_falls_along_its_gradient(objective, example):
  body = objective.body_model.decode(example.state, mesh=objective.config.mesh)
  noise = np.random.default_rng(3).normal(0, 0.05, body.joints.shape)
  joints = body.joints + tf.constant(noise, tf.float32)
  with tf.GradientTape() as tape:
    tape.watch(joints)
    before = _aligned(body, joints, example)
  step = 0.02 * tape.gradient(before, joints)
  after = _aligned(body, joints - step, example)
  assert (after < before).numpy().all()
