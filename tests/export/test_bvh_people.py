"""Motion files of people, read again by bvhio and by our own reader."""

import warnings

import numpy as np
import pytest

from hund_tf import types
from hund_tf.body import skeleton
from hund_tf.export import bvh_people
from hund_tf.export.rig import Keys, RiggedPerson
from hund_tf.motion import bvh

with warnings.catch_warnings():
  warnings.simplefilter("ignore")  # of an import of its own
  import bvhio

_FLIP = np.diag([1.0, -1.0, -1.0])  # from the camera frame to the file's


@pytest.fixture(scope="module", name="walk")
def _walk(body_model):
  """Five random poses of one body, 0.04 s apart, and the bodies."""
  random = np.random.default_rng(5)
  draw = lambda size: random.normal(size=(5, size)).astype(np.float32)
  state = types.HumanState(*(draw(size) for size in types.STATE_DIMS))
  state = state._replace(shape=np.tile(state.shape[:1], (5, 1)))
  body = types.BodyOutput(*(np.array(x) for x in body_model.decode(state)))
  keys = Keys(np.arange(5) * 0.04, body.rotations, state.translation)
  person = RiggedPerson(
    state.shape[0],
    state.expression[0],
    body.rotations[0],
    state.translation[0],
    keys,
  )
  return person, body


def _degrees(found, expected):
  """The angle between rotations [..., 3, 3]."""
  difference = np.swapaxes(found, -1, -2) @ expected
  skew = difference - np.swapaxes(difference, -1, -2)
  return np.degrees(np.linalg.norm(skew, axis=(-1, -2)) / np.sqrt(8.0))


def test_another_library_finds_joints_and_rotations(body_model, walk, tmp_path):
  person, body = walk
  path = tmp_path / "a.bvh"
  bvh_people.write_person(path, person, body_model)
  root = bvhio.readAsHierarchy(str(path))
  for frame in range(5):
    root.loadPose(frame)
    joints = {joint.Name: joint for joint, _, _ in root.layout()}
    assert set(skeleton.NAMES) <= set(joints)
    for j, name in enumerate(skeleton.NAMES):
      place = (
        np.array(joints[name].PositionWorld) - body.joints[frame, j] @ _FLIP
      )
      assert np.linalg.norm(place) < 1e-4, name


def test_our_reader_finds_joints_and_rotations(body_model, walk, tmp_path):
  person, body = walk
  path = tmp_path / "a.bvh"
  bvh_people.write_person(path, person, body_model)
  motion = bvh.read_bvh(path)
  assert motion.names == skeleton.NAMES and motion.parents == skeleton.PARENTS
  assert motion.seconds_per_frame == pytest.approx(0.04)
  expected = body.rotations.copy()
  expected[:, 0] = _FLIP @ expected[:, 0]
  assert _degrees(motion.rotations, expected).max() < 0.01
  off = bvh.joint_positions(motion) - body.joints @ _FLIP
  assert np.linalg.norm(off, axis=-1).max() < 1e-4


def test_common_names_keep_orientations(body_model, walk, tmp_path):
  person, body = walk
  path = tmp_path / "a.bvh"
  bvh_people.write_person(path, person, body_model, "mixamo")
  motion = bvh.read_bvh(path)
  assert len(motion.names) == 52
  parent = dict(
    zip(motion.names, (motion.names[p] for p in motion.parents), strict=True)
  )
  assert parent["LeftLeg"] == "LeftUpLeg" and parent["Neck"] == "Spine2"
  assert parent["RightHandIndex1"] == "RightHand"
  assert parent["LeftShoulder"] == "Spine2" and motion.names[0] == "Hips"
  ours = body.rotations.copy()
  ours[:, 0] = _FLIP @ ours[:, 0]
  for j, above in enumerate(skeleton.PARENTS[1:], start=1):
    ours[:, j] = ours[:, above] @ ours[:, j]
  turns = bvh.global_rotations(motion)
  places = bvh.joint_positions(motion)
  for theirs, name in (
    ("Head", "head"),
    ("LeftUpLeg", "l_upper_leg_twist"),
    ("RightHand", "r_wrist"),
    ("LeftHandThumb3", "l_thumb3"),
  ):
    k, j = motion.names.index(theirs), skeleton.INDEX[name]
    assert _degrees(turns[:, k], ours[:, j]).max() < 0.01
  for theirs, name, least in (
    ("LeftFoot", "l_ankle", 5e-3),
    ("RightHand", "r_wrist", 0.05),
  ):
    k, j = motion.names.index(theirs), skeleton.INDEX[name]
    off = places[:, k] - body.joints[:, j] @ _FLIP
    assert np.linalg.norm(off, axis=-1).max() < least, theirs


def test_frames_are_made_even(body_model, walk):
  person, body = walk
  keys = person.keys._replace(times=np.array([0.0, 0.04, 0.08, 0.2, 0.24]))
  motion = bvh_people.to_motion(person._replace(keys=keys), body_model)
  assert motion.seconds_per_frame == pytest.approx(0.04)
  assert len(motion.rotations) == 7
  frames = [0, 1, 2, 5, 6]
  assert (
    _degrees(motion.rotations[frames, 1:], body.rotations[:, 1:]).max() < 1e-3
  )
  between = motion.translations[3]
  before, after = motion.translations[[2, 5]]
  np.testing.assert_allclose(between, before + (after - before) / 3, atol=1e-6)


def test_without_keys_there_is_one_frame(body_model, walk, tmp_path):
  person, body = walk
  path = tmp_path / "a.bvh"
  bvh_people.write_person(path, person._replace(keys=None), body_model)
  motion = bvh.read_bvh(path)
  assert motion.rotations.shape == (1, 63, 3, 3)
  off = bvh.joint_positions(motion)[0] - body.joints[0] @ _FLIP
  assert np.abs(off).max() < 1e-4


def test_angles_at_the_pole_are_kept(walk, body_model, tmp_path):
  person, _ = walk
  turn = np.tile(np.eye(3), (63, 1, 1))
  turn[5] = [[1, 0, 0], [0, 0, -1], [0, 1, 0]]  # 90 degrees about x
  path = tmp_path / "a.bvh"
  still = person._replace(keys=None, rotations=turn)
  bvh_people.write_person(path, still, body_model)
  assert _degrees(bvh.read_bvh(path).rotations[0, 5], turn[5]) < 0.01


def test_a_motion_that_is_no_motion_is_refused(walk, body_model, tmp_path):
  person, _ = walk
  motion = bvh_people.to_motion(person, body_model)
  path = tmp_path / "a.bvh"
  with pytest.raises(ValueError, match="a.bvh: no frames"):
    bvh.write_bvh(path, motion._replace(translations=np.full([5, 3], np.nan)))
  with pytest.raises(ValueError, match=r"rotations has shape \(63, 3\)"):
    bvh_people.write_person(
      path, person._replace(rotations=np.zeros([63, 3])), body_model
    )
  assert not path.exists()
