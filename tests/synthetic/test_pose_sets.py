"""Each set is what its name says, and test people are not trained on."""

import numpy as np
import pytest

from hund_tf.body import joint_limits, measures, skeleton
from hund_tf.body import keypoints as table
from hund_tf.compat import tf
from hund_tf.draws import Draws
from hund_tf.motion import pose_library
from hund_tf.synthetic import pose_sets, pose_tables, solids, supports
from hund_tf.synthetic.example_config import SyntheticConfig
from hund_tf.synthetic.examples import SyntheticExamples
from hund_tf.synthetic.pose_sets import NAMES, PoseSets
from hund_tf.types import HumanState

pytestmark = pytest.mark.usefixtures("eager")

_PEOPLE = 24
_MESH = "proxy_1500"


@pytest.fixture(scope="module")
def both_sets(body_model):
  """Those of training, and those held out."""
  return PoseSets(body_model, False), PoseSets(body_model, True)


@pytest.fixture(scope="module", params=[False, True], ids=["trained", "tested"])
def sets(request, both_sets):
  return both_sets[request.param]


class _Seen:
  """People of a set three metres before the camera, and what hides them."""

  def __init__(self, sets, body_model, name, seed=0):
    draws = Draws(seed, NAMES.index(name))
    which = tf.fill([_PEOPLE], NAMES.index(name))
    self.people = sets.sample(draws, which)
    hands = tf.zeros([_PEOPLE, 45])
    self.body = body_model.pose(
      body_model.pose_prior.decode(self.people.body_pose, hands, hands),
      self.people.shape if name in ("broad", "slight") else hands[:, :16],
      hands[:, :20],
      self.people.rotation,
      tf.tile([[0.0, 0.0, 3.0]], [_PEOPLE, 1]),
      _MESH,
    )
    self.things = supports.place(
      draws, self.people, self.body.vertices, body_model.part_labels(_MESH)
    )
    self.hidden = supports.hidden(
      self.people, self.things, self.body.keypoints
    ).numpy()

  def point(self, name):
    return self.body.keypoints.numpy()[:, table.INDEX[name]]

  def bone(self, start, end):
    """Unit vectors `[N, 3]`."""
    bone = self.point(end) - self.point(start)
    return bone / np.linalg.norm(bone, axis=-1, keepdims=True)

  def above(self, start, end):
    """Degrees between the bone and the vertical."""
    return self.between(self.bone(start, end), self.people.up.numpy())

  @staticmethod
  def between(a, b):
    return np.degrees(np.arccos(np.clip((a * b).sum(-1), -1, 1)))


@pytest.fixture(scope="module")
def seen(sets, body_model):
  return {name: _Seen(sets, body_model, name) for name in NAMES}


def test_upright_trunks_are_vertical(seen):
  for name in ("upright", "folded_arms", "broad", "slight"):
    assert seen[name].above("mid_hip", "neck").max() < 15.0, name
    knees = seen[name].above("l_knee", "l_hip")
    assert knees.max() < 40.0, name


def test_supine_people_lie_with_one_leg_up(seen):
  found = seen["supine"]
  assert np.abs(found.above("mid_hip", "neck") - 90.0).max() < 15.0
  # The face looks up, and one ankle is far above the other.
  looks = found.people.rotation.numpy()[:, :, 2]
  assert found.between(looks, found.people.up.numpy()).max() < 15.0
  ankles = np.stack([found.above(f"{s}_hip", f"{s}_ankle") for s in "lr"])
  assert ankles.min(axis=0).max() < 40.0 and ankles.max(axis=0).min() > 60.0


def test_handstands_are_on_one_hand(seen):
  found = seen["handstand"]
  up = found.people.up.numpy()[:, None]
  height = (found.body.keypoints.numpy() * up).sum(-1)
  hips, shoulder = (
    height[:, [table.INDEX[f"{s}_{joint}"] for s in "lr"]]
    for joint in ("hip", "shoulder")
  )
  assert (hips.min(axis=1) > shoulder.max(axis=1) + 0.2).all()
  wrists = height[:, [table.INDEX[f"{s}_wrist"] for s in "lr"]]
  assert (np.abs(wrists[:, 0] - wrists[:, 1]) > 0.2).all()
  assert (wrists.min(axis=1) < shoulder.min(axis=1) - 0.3).all()


def test_one_leg_points_at_the_camera(seen):
  found = seen["leg_to_camera"]
  level = found.people.up.numpy()
  to_camera = np.array([0.0, 0.0, -1.0]) - level * -level[:, 2:]
  to_camera /= np.linalg.norm(to_camera, axis=-1, keepdims=True)
  angles = np.stack(
    [
      found.between(found.bone(f"{s}_hip", f"{s}_ankle"), to_camera)
      for s in "lr"
    ]
  )
  assert angles.min(axis=0).max() < 40.0
  assert found.above("mid_hip", "neck").max() < 30.0


def test_bent_people_lean_away_by_60_degrees(seen):
  found = seen["bent_away"]
  lean = found.above("mid_hip", "neck")
  assert lean.mean() == pytest.approx(60.0, abs=5.0)
  assert np.abs(lean - 60.0).max() < 15.0
  assert (found.bone("mid_hip", "neck")[:, 2] > 0.3).all()


def test_folded_arms_cross(seen):
  found = seen["folded_arms"]
  left = found.people.rotation.numpy()[:, :, 0]
  ahead = found.people.rotation.numpy()[:, :, 2]
  for start, end, sign in (("l", "r", 1.0), ("r", "l", -1.0)):
    across = found.point(f"{start}_wrist") - found.point("neck")
    assert (sign * (across * left).sum(-1) < 0.02).all()
    assert ((across * ahead).sum(-1) > 0.05).all()
    far = found.point(f"{start}_wrist") - found.point(f"{end}_elbow")
    assert np.median(np.linalg.norm(far, axis=-1)) < 0.17


def test_balancing_people_hide_their_faces(seen):
  found = seen["balance"]
  assert found.hidden[:, table.FACE].all()
  assert found.hidden[:, table.INDEX["nose"]].all()
  up = found.people.up.numpy()
  ankles = [(found.point(f"{s}_ankle") * up).sum(-1) for s in "lr"]
  assert (np.abs(ankles[0] - ankles[1]) > 0.2).all()
  assert found.above("neck", "nose").min() > 60.0  # the head hangs


def test_a_saddle_hides_a_leg(seen):
  found = seen["astride"]
  knees = [table.INDEX["l_ankle"], table.INDEX["r_ankle"]]
  assert (found.hidden[:, knees].sum(axis=1) >= 1).mean() > 0.9
  assert (found.hidden[:, knees].sum(axis=1) <= 1).mean() > 0.9
  assert not found.hidden[:, table.INDEX["neck"]].any()


def test_a_desk_hides_both_legs(seen):
  found = seen["seated"]
  legs = [table.INDEX[f"{s}_{j}"] for s in "lr" for j in ("knee", "ankle")]
  assert found.hidden[:, legs].all()
  assert not found.hidden[:, table.INDEX["neck"]].any()


def test_statures_of_the_builds(seen, body_model):
  heavy = {}
  for name, stature in (("broad", 1.85), ("slight", 1.50)):
    found = measures.measure(body_model, seen[name].people.shape.numpy())
    assert np.abs(found["stature"] - stature).max() < 0.03
    heavy[name] = found["waist"] / found["stature"]
  assert heavy["broad"].min() > heavy["slight"].max()


def test_training_and_tests_share_no_pose_and_no_body(both_sets):
  for pose_set in pose_tables.POSE_SETS.values():
    kinds = [variant.held_out for variant in pose_set.variants]
    assert set(kinds) == {True, False}
    poses = [str(sorted(v.angles.items())) for v in pose_set.variants]
    assert len(set(poses)) == len(poses)
  trained, tested = both_sets
  gap = trained._shapes[:, :, None] - tested._shapes[:, None]
  assert np.abs(gap).max(-1).min() > 0.05
  rows = trained._rows.angles[:, None] - tested._rows.angles
  assert np.abs(rows).max((-1, -2)).min() > np.radians(10.0)


def test_loose_people_have_other_limbs_but_sit_as_before(body_model, both_sets):
  which = tf.constant(np.repeat(np.arange(len(NAMES)), 30), tf.int32)
  kept, loose = (
    sets.sample(Draws(4, 0), which).body_pose
    for sets in (both_sets[0], PoseSets(body_model, False, loose=True))
  )
  flow = body_model.pose_prior.flows.body
  angles = []
  for latents in (kept, loose):
    values = tf.reshape(flow.forward(latents)[0], [-1, 23, 3])
    angles.append(joint_limits.squash(values, joint_limits.BODY).numpy())
  moved = np.abs(angles[1] - angles[0]).max(-1) > 1e-3
  joint = skeleton.BODY_JOINTS.index
  assert not moved[:, joint("spine1")].any()
  for limb in ("l_elbow", "r_shoulder"):
    assert 0.45 < moved[:, joint(limb)].mean() < 0.65
  sits = np.isin(which, [NAMES.index(name) for name in ("astride", "seated")])
  assert not moved[sits, joint("l_knee")].any()
  assert 0.45 < moved[~sits, joint("l_knee")].mean() < 0.65


def test_choices_of_sets():
  draws = Draws(1, 0)
  some = pose_sets.choose(draws, 2000, 0.3, tf.constant(-1)).numpy()
  assert 0.25 < (some >= 0).mean() < 0.35
  assert set(some) == set(range(-1, len(NAMES)))
  assert (pose_sets.choose(draws, 8, 0.0, tf.constant(4)).numpy() == 4).all()


def test_boxes_hide_what_is_behind_them():
  turn = np.array([[0.8, 0, 0.6], [0, 1, 0], [-0.6, 0, 0.8]], np.float32)
  boxes = solids.Boxes(
    tf.constant([[[0.0, 0.0, 2.0], [0.0, 0.0, 3.0]]]),
    tf.constant(turn)[None, None] * tf.ones([1, 2, 1, 1]),
    tf.constant([[[0.5, 0.2, 0.1], [0.0, 0.0, 0.0]]]),
  )
  random = np.random.default_rng(0)
  points = random.uniform([-1, -0.5, 0.5], [1, 0.5, 5], [500, 3])
  # Independently: many places on the way, in the box's own frame.
  way = points[:, None] * np.linspace(0, 1, 2001)[:, None]
  own = (way - [0, 0, 2.0]) @ turn
  inside = (np.abs(own) < [0.5, 0.2, 0.1]).all(-1).any(-1)
  found = solids.hides(boxes, tf.constant(points[None], tf.float32))[0].numpy()
  assert 0.05 < inside.mean() < 0.6
  assert (found == inside).mean() > 0.99
  corners = solids.corners(boxes)[0, 0].numpy()
  np.testing.assert_allclose(
    np.abs((corners - [0, 0, 2.0]) @ turn), [[0.5, 0.2, 0.1]] * 8, atol=1e-6
  )


@pytest.fixture(scope="module")
def examples(body_model, both_sets):
  config = SyntheticConfig(full_parts=1.0, no_parts=0.0).whole_people()
  empty = pose_library.empty()
  return SyntheticExamples(body_model, empty, config, both_sets[1])


def test_examples_of_a_set(examples, body_model):
  number = NAMES.index("seated")
  first, again, other = (
    examples.example_batch(3, step, 8, number) for step in (0, 0, 1)
  )
  for a, b in zip(tf.nest.flatten(first), tf.nest.flatten(again), strict=True):
    np.testing.assert_array_equal(a, b)
  assert not np.allclose(first.state.body_pose, other.state.body_pose)
  parts = first.features.part_probs.numpy()
  legs = parts[..., 6:10].max(axis=(1, 2)).max(-1)
  assert np.median(parts[..., 1].max(axis=(1, 2))) > 0.9
  assert np.median(legs) < 0.5
  body = body_model.decode(HumanState(*first.state), _MESH)
  np.testing.assert_allclose(body.joints, first.joints, atol=1e-4)


def test_a_share_of_zero_changes_nobody(examples, body_model):
  """The random numbers of the others are the same with and without sets."""
  plain = SyntheticExamples(body_model, pose_library.empty(), examples.config)
  a, b = (x.example_batch(3, 0, 8) for x in (plain, examples))
  for x, y in zip(tf.nest.flatten(a), tf.nest.flatten(b), strict=True):
    np.testing.assert_allclose(x, y, rtol=1e-3, atol=1e-3)


def test_training_with_a_share(body_model):
  config = SyntheticConfig(pose_set_share=0.5, render_parts=False)
  made = SyntheticExamples(body_model, pose_library.empty(), config)
  batch = made.example_batch(1, 0, 32)
  plain = SyntheticExamples(
    body_model, pose_library.empty(), config.captured_only()
  ).example_batch(1, 0, 32)
  same = np.isclose(
    batch.state.body_pose.numpy(), plain.state.body_pose.numpy(), atol=1e-4
  ).all(axis=1)
  assert 6 <= same.sum() <= 26
  rare = np.abs(batch.state.body_pose.numpy()).max(axis=1) > 4.0
  likely = batch.weights.latents.numpy()
  np.testing.assert_array_equal(likely[~same], ~rare[~same])
  assert likely[same].all() and (batch.weights.joints.numpy() == 1.0).all()
