"""Protocols `hands` and `faces` on small photos, of a system that is known."""

import csv
import io
import json
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from hund_tf.body import keypoints
from hund_tf.detection.interface import Detection
from hund_tf.evaluation import close_up_looks, close_up_scores, close_ups
from hund_tf.evaluation.config import EvaluationConfig
from hund_tf.records.schema import PersonRecord
from tests.evaluation import small_records

_HAND = np.random.default_rng(0).uniform([60, 60], [80, 70], (21, 2))
_FACE = np.random.default_rng(1).uniform([20, 20], [60, 60], (68, 2))
_FACE[36], _FACE[45] = [30, 30], [50, 30]
_BOX = [10.0, 10.0, 80.0, 100.0]
_BODY_OFF = np.array([3.0, 4.0])  # of a system's hands and faces
_SEEN_OFF = np.array([0.0, 1.0])  # of its landmarks


def _flat(points):
  return np.column_stack([points, np.ones(len(points))]).ravel().tolist()


def _person(number, **extra):
  """A whole person of photo `number`, whose left hand is annotated."""
  return {
    "id": number,
    "image_id": number,
    "num_keypoints": 17,
    "bbox": _BOX,
    "keypoints": [50, 50, 2] * 17,
    "lefthand_kpts": _flat(_HAND),
    "lefthand_box": [58.0, 58.0, 20.0, 10.0],
    "lefthand_valid": True,
    "righthand_kpts": _flat(_HAND),
    "righthand_box": [58.0, 58.0, 20.0, 10.0],
    "righthand_valid": False,
    "face_kpts": _flat(_FACE),
    "face_box": [20.0, 20.0, 40.0, 40.0],
    "face_valid": True,
  } | extra


def _write(folder, *rows):
  """Photos whose grey is their number, and annotations of them."""
  images = []
  for row in rows:
    number = row["id"]
    name = f"{number}.png"
    Image.new("RGB", (120, 120), (number,) * 3).save(folder / name)
    images.append({"id": number, "file_name": name})
  path = folder / f"{rows[0]['id']}.json"
  path.write_text(json.dumps({"images": images, "annotations": list(rows)}))
  return str(path)


class _Detector:
  """Sees nobody in photo 1; in a search also a stranger, who comes first."""

  def detect(self, image, boxes=None, max_people=None):
    if image[0, 0, 0] == 1:
      return []
    places = [0.0] if boxes is not None else [40.0, 0.0]
    return [self._at(place) for place in places]

  def _at(self, place):
    points = np.zeros([137, 3], np.float32)
    points[keypoints.LEFT_HAND, :2] = _HAND + _SEEN_OFF
    points[keypoints.RIGHT_HAND, :2] = _HAND + _SEEN_OFF
    points[25:93, :2] = _FACE + _SEEN_OFF
    points[:, :2] += place
    points[95:, 2] = 0.9
    points[116, 2] = 0.0  # the right wrist is not seen
    box = np.array(_BOX, np.float32) + [place, place, 0, 0]
    return Detection(box, place, points)


def _reconstruct(detections, intrinsics, image):
  people = []
  for found in detections:
    points = np.zeros([137, 2])
    for rows, truth in (
      (keypoints.LEFT_HAND, _HAND),
      (keypoints.RIGHT_HAND, _HAND),
      (slice(25, 93), _FACE),
    ):
      points[rows] = truth + _BODY_OFF + found.score
    joints = np.zeros([137, 3])
    joints[116:] = 2.0 * _joints()
    people.append(
      SimpleNamespace(
        detection=found,
        keypoints_2d=points,
        body=SimpleNamespace(keypoints=joints),
        parts=_parts(found),
      )
    )
  return people


def _parts(found):
  """What a network of hands says of the hand of photo 2."""
  if found.score != 0.5:
    return ()
  own = SimpleNamespace(
    name="right_hand", keypoints=_joints(), keypoints_2d=_HAND + [0, 1.5]
  )
  return SimpleNamespace(name="left_hand", keypoints=None), own


def _read_hands(images, boxes, sides):
  """Right hands two pixels off, but for photo 1."""
  assert sides == ["right"] and len(boxes[0]) == 4
  number = images[0][0, 0, 0]
  if number == 1:
    return [None]
  found = _Detector()._at(0.0)
  found.keypoints[116:, :2] = _HAND + [0.0, 2.0]
  found.keypoints[116:, 2] = 0.5
  spatial = np.ones([137, 4])
  spatial[116:, :3] = 3.0 * _joints()
  return [found._replace(score=number / 4, landmarks_3d=spatial)]


def _joints():
  return np.random.default_rng(2).uniform(-0.1, 0.1, (21, 3)) + [0, 0, 1]


def _run(folder, protocol, search=False, **given):
  config = EvaluationConfig(protocol=protocol, search_people=search, **given)
  look = close_up_looks.looker(_Detector(), _reconstruct, search, _read_hands)
  text = close_up_scores.run(config, look, folder)
  content = json.loads((folder / f"{protocol}.json").read_text())
  return text, content, {row["group"]: row for row in content["rows"]}


def test_hands_of_whole_people_in_sides_of_their_boxes(tmp_path):
  path = _write(tmp_path, _person(0), _person(1))
  text, _, rows = _run(tmp_path, "hands", annotations=(path,))
  body = rows["whole people: body"]
  # Two left hands, of which one is of a person whom nobody sees.
  assert (body["hands"], body["seen"], body["points"]) == (2, 1, 42)
  assert body["distance"] == pytest.approx(5 / 20)
  assert body["from the wrist"] == pytest.approx(0, abs=1e-6)
  assert body["within 0.05"] == 0
  seen = rows["whole people: landmarks"]
  assert seen["distance"] == pytest.approx(0.05)
  assert seen["within 0.1"] == 0.5
  same = rows["whole people: body, where landmarks are"]
  assert (same["hands"], same["points"]) == (1, 21)
  assert "| whole people: body | 2 | 1 | 42 | 0.250 |" in text
  with (tmp_path / "hands_cases.csv").open(encoding="utf-8") as file:
    cases = list(csv.DictReader(file))
  assert [case["person"] for case in cases] == ["0.png/0", "1.png/0"]
  assert [case["body"] for case in cases] == ["0.25", ""]


def test_people_are_found_by_search_or_left_out_when_small(tmp_path):
  path = _write(tmp_path, _person(0, keypoints=[0] * 51, num_keypoints=17))
  _, _, rows = _run(tmp_path, "hands", True, annotations=(path,))
  assert rows["whole people: body"]["distance"] == pytest.approx(0.25)
  with pytest.raises(ValueError, match="there are no hands with at least 6"):
    _run(tmp_path, "hands", annotations=(path,), min_scored_px=101)


def _lone(number):
  row = {"bbox": [58, 58, 25, 20], "keypoints": _flat(_HAND)}
  return row | {"id": number, "image_id": number}


def test_hands_alone_are_read_in_their_boxes(tmp_path):
  path = _write(tmp_path, *map(_lone, range(3)))
  _, _, rows = _run(tmp_path, "hands", annotations=(path,))
  body = rows["alone: body"]
  assert (body["hands"], body["seen"]) == (3, 2)
  # That of the body, and that of the network of hands.
  assert body["distance"] == pytest.approx((5 / 25 + 1.5 / 25) / 2)
  seen = rows["alone: landmarks"]
  assert seen["seen"] == 2 and seen["distance"] == pytest.approx(2 / 25)
  assert seen["within 0.1"] == pytest.approx(2 / 3, abs=1e-5)


def test_searched_hands_alone_are_those_of_the_nearest_person(tmp_path):
  path = _write(tmp_path, _lone(0), _lone(1))
  _, _, rows = _run(tmp_path, "hands", True, annotations=(path,))
  body = rows["alone: body"]
  assert (body["hands"], body["seen"]) == (2, 1)
  assert body["distance"] == pytest.approx(0.2)
  # The wrist, of which there is no landmark, takes no part in the mean and is
  # wrong in the share.
  seen = rows["alone: landmarks"]
  assert seen["distance"] == pytest.approx(1 / 25)
  assert seen["within 0.05"] == pytest.approx(20 / 42, abs=1e-5)


def test_faces_in_distances_of_their_eyes(tmp_path):
  no_eyes = _flat(_FACE)
  no_eyes[3 * 45 + 2] = 0
  path = _write(tmp_path, _person(0), _person(2, face_kpts=no_eyes))
  _, _, rows = _run(tmp_path, "faces", annotations=(path,))
  body = rows["whole people: body"]
  assert (body["faces"], body["points"]) == (1, 68)
  assert body["NME"] == body["NME without contour"] == pytest.approx(0.25)
  # The face has no landmarks of a confidence above 0.
  assert rows["whole people: landmarks"]["seen"] == 0
  assert "whole people: body, where landmarks are" not in rows


def test_hands_of_records_in_3d(tmp_path):
  picture = io.BytesIO()
  Image.new("RGB", (120, 120)).save(picture, "PNG")
  points = np.zeros([137, 3], np.float32)
  points[116:] = np.column_stack([_HAND, np.ones(21)])
  joints, weights = np.zeros([42, 3]), np.zeros(42)
  joints[21:], weights[21:] = _joints(), 1.0
  record = PersonRecord(
    "hand",
    "freihand",
    image=picture.getvalue(),
    image_size=np.array([120, 120]),
    box=np.array([55.0, 55, 30, 20]),
    keypoints=points,
    joint_set="hands_42",
    joints=joints,
    joint_weights=weights,
  )
  small_records.write(tmp_path, [record, record._replace(key="again")])
  text, content, rows = _run(tmp_path, "hands", truth=str(tmp_path))
  assert rows["alone: body"]["hands"] == 2
  (line,) = content["in_3d_mm"]
  assert line["hands"] == 2 and "In 3D, millimetres" in text
  for name in ("MPJPE-PA", "the same, scaled"):
    assert line[name] == pytest.approx(0, abs=1e-3)
  assert line["MPJPE-PA of the landmarks"] == pytest.approx(0, abs=1e-3)
  lengths = np.linalg.norm(_joints() - _joints()[0], axis=-1)
  assert line["MPJPE from the wrist"] == pytest.approx(1e3 * lengths.mean())


def test_a_hand_in_3d_by_the_network_of_hands():
  points = np.zeros([137, 3], np.float32)
  points[116:] = np.column_stack([_HAND, np.ones(21)])
  person = close_ups.annotated_people.person_of(
    PersonRecord("a", "d", keypoints=points)
  )
  truth = np.full([137, 3], np.nan)
  truth[116:] = _joints() + [0, 0, 0.3]
  image = np.full([50, 50, 3], 2, np.uint8)
  subject = close_ups.Subject("a", True, person, truth)
  photo = close_ups.Photo(image, None, [subject])
  look = close_up_looks.looker(_Detector(), _reconstruct, False, _read_hands)
  (found,) = close_up_scores.judge(photo, look, close_ups.HANDS)
  for name, error in found.in_3d.items():
    assert error == pytest.approx(0, abs=1e-6), name


def test_boxes_are_those_of_the_points_where_none_is_annotated():
  record = PersonRecord("a", "d", keypoints=np.zeros([137, 3], np.float32))
  record.keypoints[95:116] = np.column_stack([_HAND, np.ones(21)])
  person = close_ups.annotated_people.person_of(record)
  low, high = _HAND.min(axis=0), _HAND.max(axis=0)
  side = (high - low).max()
  np.testing.assert_allclose(
    close_ups.part_box(person, "left hand"),
    [*(low - 0.1 * side), *(high - low + 0.2 * side)],
    rtol=1e-5,
  )
