"""COCO and COCO-WholeBody: annotations and records."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from hund_tf.body import keypoints
from hund_tf.body.keypoints import COCO_NAMES
from hund_tf.datasets import coco
from hund_tf.datasets.coco import (
  CocoPeople,
  read_coco_keypoints,
)
from hund_tf.datasets.source import Skipped
from hund_tf.records import regions
from tests.datasets import coco_files


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


def _whole_body(**extra):
  """Numbers 0 to 132 as x, and three times that as y."""
  values = np.stack([np.arange(133), 3 * np.arange(133), 133 * [2]], 1)
  parts = np.split(values.astype(float), [17, 23, 91, 112])
  names = ("keypoints", "foot_kpts", "face_kpts")
  names += ("lefthand_kpts", "righthand_kpts")
  fields = {n: p.ravel().tolist() for n, p in zip(names, parts, strict=True)}
  flags = ("foot_valid", "face_valid", "lefthand_valid", "righthand_valid")
  return _annotation() | fields | dict.fromkeys(flags, True) | extra


def _convert(source):
  results = [r for item in source.items() for r in source.convert(item)]
  records = [r for r in results if not isinstance(r, Skipped)]
  return records, [r for r in results if isinstance(r, Skipped)]


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
  assert person.weights[keypoints.INDEX["l_shoulder"]] == coco.HIDDEN_WEIGHT
  assert person.weights[neck] == coco.HIDDEN_WEIGHT
  assert person.weights[keypoints.INDEX["l_hip"]] == 0


def test_refuses_other_files(tmp_path):
  path = tmp_path / "other.json"
  path.write_text('{"images": []}')
  with pytest.raises(ValueError, match="not a COCO annotation file"):
    read_coco_keypoints(path)
  with pytest.raises(ValueError, match="has 4 numbers, expected 18"):
    read_coco_keypoints(_write(tmp_path, _annotation(foot_kpts=[1] * 4)))
  with pytest.raises(ValueError, match="annotation 4: its image_id is not"):
    read_coco_keypoints(_write(tmp_path, _annotation(image_id=7)))
  path = _write(tmp_path, _annotation())
  path.write_text(path.read_text().replace('"a.jpg"', "[1]"))
  with pytest.raises(ValueError, match="a file_name is no text"):
    read_coco_keypoints(path)


def test_133_become_137(tmp_path):
  (person,) = read_coco_keypoints(_write(tmp_path, _whole_body()))
  # BODY_25 in OpenPose's order, neck and mid hip apart.
  body = [0, None, 6, 8, 10, 5, 7, 9, None, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3]
  body += [17, 18, 19, 20, 21, 22]
  expected = body + list(range(23, 91)) + [None, None] + list(range(91, 133))
  for i, source in enumerate(expected):
    if source is None:
      continue
    np.testing.assert_array_equal(person.keypoints[i], [source, 3 * source])
    assert person.weights[i] == 1
  np.testing.assert_array_equal(person.keypoints[1], [5.5, 16.5])
  np.testing.assert_array_equal(person.keypoints[8], [11.5, 34.5])
  assert (person.weights[93:95] == 0).all()  # pupils


def test_boxes_of_parts(tmp_path):
  boxes = {"lefthand_box": [1, 2, 3, 4], "face_box": [5, 6, 7, float("nan")]}
  (person,) = read_coco_keypoints(_write(tmp_path, _annotation(**boxes)))
  expected = [[5, 6, 7, 0], [1, 2, 3, 4], [0, 0, 0, 0]]
  np.testing.assert_array_equal(person.part_boxes, expected)
  row = _annotation(righthand_box=[1, 2, 3])
  with pytest.raises(
    ValueError, match="righthand_box has 3 numbers, expected 4"
  ):
    read_coco_keypoints(_write(tmp_path, row))


def test_groups_that_are_not_valid_are_unknown(tmp_path):
  hand = np.reshape(_whole_body()["lefthand_kpts"], (21, 3))
  hand[:, 2] = np.linspace(0, 1, 21)
  row = _whole_body(
    face_valid=False, foot_valid=False, lefthand_kpts=hand.ravel().tolist()
  )
  (person,) = read_coco_keypoints(_write(tmp_path, row))
  assert (person.weights[keypoints.FACE] == 0).all()
  assert (person.weights[list(coco.FOOT_INDICES)] == 0).all()
  np.testing.assert_allclose(person.weights[95:116], hand[:, 2], atol=1e-6)
  assert (person.visibility[96:116] == 1).all()


def test_records_keep_joints_on_their_pixels(tmp_path):
  people = [coco_files.person(i, i // 2 + 1) for i in range(4)]
  people[3]["keypoints"][3 * 5 + 2] = 1  # left shoulder hidden
  path = coco_files.write(tmp_path, people)
  source = CocoPeople(str(path), str(tmp_path / "val2017"), max_side=160)
  records, skipped = _convert(source)
  assert not skipped and len(records) == 4
  for record, row in zip(records, people, strict=True):
    assert record.key == f"{row['image_id']:012d}/{row['id']}"
    assert tuple(record.image_size) == (160, 160)
    image = np.asarray(Image.open(io.BytesIO(record.image)))
    given = np.reshape(row["keypoints"], (17, 3))
    region = regions.Region(
      b"", record.image_size, record.photo_box, record.photo_size
    )
    ours = record.keypoints[list(coco.COCO_INDICES)]
    back = regions.photo_points(ours[:, :2], region)
    assert np.abs(back - given[:, :2]).max() < 0.01
    for name, (x, y, _) in zip(COCO_NAMES, ours, strict=True):
      color = image[int(y), int(x)].astype(int)
      assert np.abs(color - coco_files.COLORS[name[0]]).max() < 60, name
    # f = max(H, W) of the photo, its centre; scaled with the region.
    scale = 160 / record.photo_box[2]
    np.testing.assert_allclose(record.intrinsics[:2], 330 * scale, rtol=1e-5)
    center = regions.photo_points(record.intrinsics[2:], region)
    np.testing.assert_allclose(center, [165, 125], atol=0.01)
    assert record.intrinsics_weight == 0
  shoulder = keypoints.INDEX["l_shoulder"]
  assert records[3].keypoints[shoulder, 2] == coco.HIDDEN_WEIGHT
  assert records[3].visibility[shoulder] == 0
  assert records[2].visibility[shoulder] == 1


def test_damaged_inputs_are_named_and_the_rest_goes_on(tmp_path):
  people = [coco_files.person(i, i) for i in range(1, 8)]
  people += [
    coco_files.person(11, 7, iscrowd=1),
    coco_files.person(12, 7, keypoints=[0] * 51),
    coco_files.person(13, 7, bbox=[1, 2, 0, 4]),
    coco_files.person(14, 7, bbox=[1, 2, float("nan"), 4]),
  ]
  path = coco_files.write(tmp_path, people)
  photos = sorted((tmp_path / "val2017").iterdir())
  photos[0].unlink()
  photos[1].write_bytes(photos[1].read_bytes()[:700])
  Image.new("RGB", (100, 90)).save(photos[2])
  content = json.loads(path.read_text())
  content["annotations"][3]["keypoints"] = [1, 2, 3]
  del content["annotations"][4]["bbox"]
  content["annotations"][5]["image_id"] = 99
  path.write_text(json.dumps(content))
  records, skipped = _convert(CocoPeople(str(path), str(photos[0].parent)))
  assert [record.key for record in records] == ["000000000007/7"]
  damaged = {s.key: s.reason for s in skipped if s.damaged}
  assert damaged == {
    "000000000001.jpg": "missing photo",
    "000000000002.jpg": "damaged photo",
    "000000000003.jpg": "photo of another size",
    "000000000004/4": "damaged annotation",
    "000000000005/5": "damaged annotation",
    "annotation 6": "annotation without a photo",
    "000000000007/13": "damaged annotation",
    "000000000007/14": "damaged annotation",
  }
  rules = {s.key: s.reason for s in skipped if not s.damaged}
  assert rules == {
    "000000000007/11": "crowd",
    "000000000007/12": "no annotated keypoint",
  }
  assert all("\n" not in s.problem and s.problem for s in skipped)


def test_photos_of_a_partial_download(tmp_path):
  path = coco_files.write(tmp_path, [coco_files.person(i, i) for i in (1, 2)])
  (tmp_path / "val2017" / "000000000001.jpg").unlink()
  source = CocoPeople(str(path), str(tmp_path / "val2017"), only_present=True)
  assert [item.key for item in source.items()] == ["000000000002.jpg"]


def test_real_whole_body_sample(shared):
  folder = shared / "data/real/mmpose/coco"
  path = folder / "test_coco_wholebody.json"
  source = CocoPeople(str(path), str(folder), name="coco_wholebody")
  records, skipped = _convert(source)
  assert len(records) == 12
  assert [s.reason for s in skipped] == ["no annotated keypoint"] * 2
  rows = {row["id"]: row for row in json.loads(path.read_text())["annotations"]}
  for record in records:
    row = rows[int(record.key.split("/")[1])]
    region = regions.Region(
      b"", record.image_size, record.photo_box, record.photo_size
    )
    for name, place in (("righthand_kpts", 116), ("lefthand_kpts", 95)):
      given = np.reshape(row[name], (21, 3))
      ours = record.keypoints[place : place + 21]
      np.testing.assert_allclose(ours[:, 2], np.clip(given[:, 2], 0, 1))
      known = ours[:, 2] > 0
      back = regions.photo_points(ours[known, :2], region)
      np.testing.assert_allclose(back, given[known, :2], atol=0.01)
    # The hand's wrist lies at the body's wrist of the same side.
    for side, wrist in (("l", 95), ("r", 116)):
      body = record.keypoints[keypoints.INDEX[f"{side}_wrist"]]
      if body[2] and record.keypoints[wrist, 2] > 0.2:
        gap = np.linalg.norm(body[:2] - record.keypoints[wrist, :2])
        assert gap < 0.12 * record.box[3], record.key
