"""MPII's people: names of joints, boxes, and what is no such file."""

import json

import numpy as np
import pytest

from hund_tf.body import keypoints
from hund_tf.datasets import mpii
from hund_tf.evaluation import annotated_people, detection_truth


def _write(folder, **changes):
  joints = [[10.0 * k, 5.0 * k] for k in range(16)]
  seen = [0] + [1] * 15
  row = {"image": "a.jpg", "joints": joints, "joints_vis": seen, "scale": 1.0}
  nobody = row | {"joints_vis": [0] * 16}
  path = folder / "mpii.json"
  path.write_text(json.dumps([row | changes, nobody]))
  return path


def test_limbs_are_named_and_the_box_is_that_of_the_joints(tmp_path):
  path = _write(tmp_path)
  (person,) = annotated_people.read_people(path)
  assert person.image == tmp_path / "a.jpg"
  # Joints 1 to 15: from 10, 5 to 150, 75, and 14 around them.
  np.testing.assert_allclose(person.box, [-4, -9, 168, 98])
  known = {keypoints.NAMES[i] for i in np.flatnonzero(person.visibility)}
  limbs = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
  expected = {f"{side}_{limb}" for side in "lr" for limb in limbs}
  assert known == expected - {"r_ankle"}
  wrist = person.keypoints[keypoints.INDEX["l_wrist"]]
  np.testing.assert_allclose(wrist, [150, 75])
  assert person.visibility.max() == 2


def test_nobody_in_its_photos_is_a_ghost(tmp_path):
  (photo,) = detection_truth.read_keypoints(_write(tmp_path), tmp_path / "b")
  assert photo.photo == tmp_path / "b" / "a.jpg"
  assert len(photo.boxes) == 1 and photo.keypoints[0, :, 2].sum() == 11
  left, top, width, height = photo.ignored[0]
  assert left == top == 0 and min(width, height) > 1e5


@pytest.mark.parametrize(
  "changes",
  [{"joints": [[1, 2]]}, {"joints_vis": [1]}, {"joints": "x"}, {"image": 3}],
)
def test_what_is_no_such_file_is_named(tmp_path, changes):
  path = _write(tmp_path, **changes)
  with pytest.raises(ValueError, match="mpii.json: not a file of MPII"):
    mpii.read_mpii(path)


def test_only_lists_are_taken_for_mpii(tmp_path):
  path = tmp_path / "coco.json"
  assert not mpii.is_mpii(path)
  path.write_text("{}")
  assert not mpii.is_mpii(path)
  assert mpii.is_mpii(_write(tmp_path))
