"""The reader of COCO keypoint files."""

import json

import numpy as np
import pytest

from hund_tf.body import keypoints
from hund_tf.data.datasets.coco import COCO_NAMES, read_coco_keypoints


def _annotation(**extra):
  points = np.zeros((17, 3))
  points[:, 0] = np.arange(17) + 1
  points[:, 2] = 2
  points[COCO_NAMES.index("l_hip"), 2] = 0
  points[COCO_NAMES.index("l_shoulder"), 2] = 1
  return {
    "id": 4,
    "image_id": 1,
    "iscrowd": 0,
    "num_keypoints": 16,
    "bbox": [1, 2, 3, 4],
    "keypoints": points.ravel().tolist(),
  } | extra


def _write(tmp_path, *annotations):
  path = tmp_path / "people.json"
  images = [{"id": 1, "file_name": "a.jpg"}]
  content = {"images": images, "annotations": list(annotations)}
  path.write_text(json.dumps(content))
  return path


def test_maps_to_our_order(tmp_path):
  feet = [50, 60, 2] + [0] * 15
  (person,) = read_coco_keypoints(
    _write(tmp_path, _annotation(foot_kpts=feet), _annotation(iscrowd=1))
  )
  assert person.image == tmp_path / "a.jpg"
  for i, name in enumerate(COCO_NAMES):
    if name != "l_hip":
      assert person.keypoints[keypoints.INDEX[name], 0] == i + 1
  assert person.visibility[keypoints.INDEX["l_hip"]] == 0
  assert person.visibility[keypoints.INDEX["mid_hip"]] == 0
  neck = keypoints.INDEX["neck"]
  assert person.visibility[neck] == 1 and person.keypoints[neck, 0] == 6.5
  toe = keypoints.INDEX["l_big_toe"]
  np.testing.assert_allclose(person.keypoints[toe], [50, 60])


def test_refuses_other_files(tmp_path):
  path = tmp_path / "other.json"
  path.write_text('{"images": []}')
  with pytest.raises(ValueError, match="not a COCO annotation file"):
    read_coco_keypoints(path)
  with pytest.raises(ValueError, match="has 4 numbers, expected 18"):
    read_coco_keypoints(_write(tmp_path, _annotation(foot_kpts=[1] * 4)))
