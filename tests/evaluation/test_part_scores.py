"""B at joints: right, on the other side, or of another limb."""

from pathlib import Path

import numpy as np
import pytest

from hund_tf.body import keypoints, parts
from hund_tf.compat import tf
from hund_tf.datasets.coco import CocoPerson
from hund_tf.evaluation import part_scores
from hund_tf.evaluation.landmark_scores import JOINTS
from hund_tf.types import ImageFeatures

_COLUMN = {keypoints.NAMES[i]: k for k, i in enumerate(JOINTS)}


def _names(joint):
  return {parts.NAMES[part] for part in part_scores.parts_at(joint)}


def test_parts_that_meet_at_joints():
  assert _names("l_elbow") == {"l_upper_arm", "l_lower_arm"}
  assert _names("r_wrist") == {"r_lower_arm", "r_hand"}
  assert _names("r_hip") == {"torso", "r_upper_leg"}
  assert _names("l_big_toe") == {"l_foot"}
  assert _names("nose") == _names("l_ear") == {"head"}


def _maps(part):
  """B of one crop that is one part everywhere."""
  maps = np.zeros([1, 60, 60, 15], np.float32)
  maps[..., parts.INDEX[part]] = 1.0
  return maps


@pytest.mark.parametrize(
  ("part", "right", "exchanged"),
  [
    ("l_lower_arm", ["l_elbow", "l_wrist"], ["r_elbow", "r_wrist"]),
    ("torso", ["l_shoulder", "r_shoulder", "l_hip", "r_hip"], []),
    ("background", [], []),
  ],
)
def test_right_limb_and_side(part, right, exchanged):
  box = np.array([[100.0, 100.0, 120.0, 120.0]])
  points = np.full([1, len(JOINTS), 2], 150.0)
  visible = np.ones([1, len(JOINTS)], bool)
  found = part_scores.judge(_maps(part), box, points, visible)
  for own, names in ((found.right, right), (found.exchanged, exchanged)):
    expected = np.zeros(len(JOINTS), bool)
    expected[[_COLUMN[name] for name in names]] = True
    np.testing.assert_array_equal(own[0], expected)


def test_cells_are_those_of_the_joints():
  """One cell is the left hand; the wrist in it is right, one beside not."""
  maps = _maps("background")
  maps[0, 20, 30] = 0.0
  maps[0, 20, 30, parts.INDEX["l_hand"]] = 1.0
  box = np.array([[100.0, 200.0, 120.0, 120.0]])  # cells of 2 pixels
  wrist = _COLUMN["l_wrist"]
  visible = np.zeros([1, len(JOINTS)], bool)
  visible[0, wrist] = True
  points = np.zeros([1, len(JOINTS), 2])
  for place, right, counts in (
    ([160.1, 240.1], True, True),
    ([161.9, 241.9], True, True),
    ([162.1, 240.1], False, True),
    ([99.0, 240.1], False, False),  # outside the crop
  ):
    points[0, wrist] = place
    found = part_scores.judge(maps, box, points, visible)
    assert found.right.sum() == right
    assert found.visible.sum() == counts


def test_photo_with_somebody_who_is_not_found():
  """Their crop is that of the annotated box."""
  points, visibility = np.zeros([137, 2]), np.zeros(137, int)
  points[keypoints.INDEX["l_knee"]] = 130.0
  visibility[keypoints.INDEX["l_knee"]] = 2
  box = np.array([100, 100, 50, 100], np.float32)
  person = CocoPerson(Path("a"), box, points, visibility, visibility / 2)

  def features(image, detections, boxes):
    np.testing.assert_allclose(boxes[0], [65, 90, 120, 120])
    assert detections[0].keypoints.max() == 0
    nothing = tf.zeros([1, 60, 60, 0])
    maps = tf.constant(_maps("l_upper_leg"))
    return ImageFeatures(*[nothing] * 2, maps, *[nothing] * 4)

  image = np.zeros([9, 9, 3], np.uint8)
  found = part_scores.of_photo(image, [person], [None], features)
  rows = part_scores.summarize(part_scores.joined([found, found]))
  assert [row.group for row in rows] == ["knees and ankles", "all"]
  assert rows[-1].counts["joints"] == 2
  assert rows[-1].figures["right"].value == 1.0
  assert rows[-1].figures["other side"].value == 0.0
