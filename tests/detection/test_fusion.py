"""Fused joints: where the looks agree, sides, and what hangs on a limb."""

import numpy as np

from hund_tf.body.keypoints import COCO_NAMES
from hund_tf.detection import fusion, thunder
from hund_tf.detection.fusion import LookSet
from tests.detection.test_mapping import POSE_33

_WRISTS = [COCO_NAMES.index(f"{side}_wrist") for side in "lr"]
_ANKLES = [COCO_NAMES.index(f"{side}_ankle") for side in "lr"]


def _looks(*offsets, score=1.0):
  """Looks [L, 17, 3] at the same joints, each moved right by an offset."""
  places = np.arange(17) * 50.0
  return np.stack(
    [np.stack([places + o, places, np.full(17, score)], 1) for o in offsets]
  )


def test_tables_name_the_same_joints():
  for name, index in zip(COCO_NAMES, fusion.COCO_TO_33, strict=True):
    assert POSE_33[index] == name
  for ends, hanging in fusion._LIMB_ENDS:
    for side, end, rows in zip("lr", ends, hanging, strict=True):
      assert COCO_NAMES[end].startswith(side)
      assert all(POSE_33[row].startswith(side) for row in rows)


def test_joints_are_where_most_of_the_weight_agrees():
  found = fusion.fuse([LookSet(_looks(0.0, 0.2, 40.0), 1.0)], 100.0)
  np.testing.assert_allclose(found[:, 0], np.arange(17) * 50 + 0.1, atol=0.01)
  np.testing.assert_allclose(found[:, 2], 2 / 3, atol=0.01)
  # A network of five times the weight wins against one with more looks.
  sets = [LookSet(_looks(0.0), 1.0), LookSet(_looks(*[40.0] * 6), 0.2)]
  found = fusion.fuse(sets, 100.0)
  np.testing.assert_allclose(found[:, 0], np.arange(17) * 50.0, atol=0.01)
  np.testing.assert_allclose(found[:, 2], 1 / 1.2, atol=0.01)
  # Where it sees nothing, the other decides.
  sets = [LookSet(_looks(0.0, score=0.0), 1.0), LookSet(_looks(40.0), 0.2)]
  found = fusion.fuse(sets, 100.0)
  np.testing.assert_allclose(found[:, 0], np.arange(17) * 50 + 40, atol=0.1)


def test_probability_rises_with_the_share_that_agrees():
  values = fusion.probability(np.linspace(0, 1, 5))
  assert np.all(np.diff(values) > 0) and values[0] == 0.0 and values[-1] > 0.99


def _pose(crossed):
  """MediaPipe's pose [33, 3] and the fused joints [17, 3] of a person."""
  joints = np.ones((17, 3))
  joints[:, 0], joints[:, 1] = np.arange(17) * 10.0, np.arange(17) * 5.0
  pose = np.ones((33, 3)) * 0.5
  order = list(thunder.MIRROR_17) if crossed else list(range(17))
  pose[list(fusion.COCO_TO_33)] = joints[order] * [1, 1, 0.5]
  for ends, hanging in fusion._LIMB_ENDS:
    for end, rows in zip(ends, hanging, strict=True):
      start = pose[fusion.COCO_TO_33[end], :2]
      pose[list(rows), :2] = start + [3.0, 4.0]
  return pose, joints


def test_hands_and_feet_stay_with_their_limb():
  pose, joints = _pose(crossed=False)
  joints[_WRISTS[0], :2] += [6.0, 0.0]
  fused = fusion.fused_pose(pose, joints, 100.0)
  np.testing.assert_allclose(fused[list(fusion.COCO_TO_33)], joints)
  left_index = fused[POSE_33.index("l_index")]
  np.testing.assert_allclose(left_index[:2], joints[_WRISTS[0], :2] + [3, 4])
  np.testing.assert_allclose(left_index[2], 0.5)


def test_exchanged_hands_and_feet_change_their_side():
  pose, joints = _pose(crossed=True)
  fused = fusion.fused_pose(pose, joints, 100.0)
  for side, wrist, ankle in zip("lr", _WRISTS, _ANKLES, strict=True):
    for name, end in (("index", wrist), ("heel", ankle)):
      found = fused[POSE_33.index(f"{side}_{name}"), :2]
      np.testing.assert_allclose(found, joints[end, :2] + [3, 4])


def test_detached_hands_are_unknown():
  pose, joints = _pose(crossed=False)
  joints[_WRISTS[1], :2] += [13.0, 0.0]  # more than 0.12 of the box
  fused = fusion.fused_pose(pose, joints, 100.0)
  assert fused[POSE_33.index("r_index"), 2] == 0.0
  assert fused[POSE_33.index("l_index"), 2] > 0.0
