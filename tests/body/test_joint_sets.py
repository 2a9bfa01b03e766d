"""The joint sets of datasets and the maps between them."""

import numpy as np

from hund_tf.body import joint_sets, keypoints, skeleton
from hund_tf.records.schema import JOINT_SETS


def test_every_joint_set_of_records_has_its_names():
  assert {n: len(v) for n, v in joint_sets.NAMES.items()} == JOINT_SETS
  for names in (*joint_sets.NAMES.values(), joint_sets.LSP_14):
    assert len(set(names)) == len(names)


def test_maps_are_those_of_the_published_code():
  # SPIN's H36M_TO_J14, and the 17 of the 32 joints.
  expected = (6, 5, 4, 1, 2, 3, 16, 15, 14, 11, 12, 13, 8, 10)
  assert joint_sets.H36M_17_TO_LSP_14 == expected
  # The 32 joints by the names of the motion capture skeleton.
  capture = {6: "l_hip", 8: "l_ankle", 1: "r_hip", 3: "r_ankle"}
  capture |= {17: "l_shoulder", 19: "l_wrist", 25: "r_shoulder", 27: "r_wrist"}
  rows = joint_sets.H36M_32_TO_H36M_17
  for index, name in capture.items():
    assert joint_sets.H36M_17[rows.index(index)] == name


def test_coco_18_fills_body_25():
  rows = joint_sets.COCO_18_TO_KEYPOINTS
  assert rows == (*range(8), *range(9, 19))  # all but mid hip and feet


def test_mirror_tables():
  assert joint_sets.mirror_table(skeleton.NAMES) == skeleton.MIRROR
  body = keypoints.BODY_25
  assert joint_sets.mirror_table(body) == keypoints.MIRROR[: len(body)]
  table = np.array(joint_sets.mirror_table(joint_sets.SMPL_24))
  np.testing.assert_array_equal(table[table], np.arange(24))
  assert table[1] == 2 and table[22] == 23 and table[0] == 0
