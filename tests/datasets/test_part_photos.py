"""Photos of one hand or face in COCO's form."""

import json

import numpy as np
import pytest
from PIL import Image

from hund_tf.body import keypoints
from hund_tf.datasets import part_photos, registry
from hund_tf.datasets.source import Skipped
from hund_tf.records import regions


def _annotation(number, count, **extra):
  points = np.column_stack(
    [np.arange(count) + 20.0, 2 * np.arange(count) + 10.0, np.ones(count)]
  )
  points[3, 2] = 0
  return {
    "id": number,
    "image_id": number,
    "category_id": 1,
    "iscrowd": 0,
    "bbox": [18, 8, 90, 150],
    "keypoints": points.ravel().tolist(),
  } | extra


def _write(folder, annotations, name="freihand_train.json"):
  (folder / "annotations").mkdir(exist_ok=True)
  (folder / "images").mkdir(exist_ok=True)
  images = []
  for row in annotations:
    file = f"images/{row['id']}.jpg"
    Image.new("RGB", (224, 200), (9, 9, 9)).save(folder / file)
    images.append({"id": row["id"], "file_name": file, "width": 224})
    images[-1]["height"] = 200
  path = folder / "annotations" / name
  content = {"images": images, "annotations": annotations}
  path.write_text(json.dumps(content))
  return path


def _convert(source):
  results = [r for item in source.items() for r in source.convert(item)]
  records = [r for r in results if not isinstance(r, Skipped)]
  return records, [r for r in results if isinstance(r, Skipped)]


def test_hands_and_faces_stand_in_their_rows(tmp_path):
  path = _write(tmp_path, [_annotation(1, 21), _annotation(2, 68)])
  hand, face = part_photos.read_part_photos(path, tmp_path)
  assert hand.image == tmp_path / "images/1.jpg"
  for person, rows in (
    (hand, range(116, 137)),
    (face, range(25, 93)),
  ):
    given = np.reshape(_annotation(0, len(rows))["keypoints"], (len(rows), 3))
    known = given[:, 2] > 0
    np.testing.assert_array_equal(
      person.keypoints[list(rows)][known], given[known, :2]
    )
    np.testing.assert_array_equal(person.weights[list(rows)], given[:, 2])
    assert person.weights.sum() == len(rows) - 1
  assert keypoints.NAMES[116] == "r_hand_wrist"


def test_records_and_damage(tmp_path):
  _write(
    tmp_path,
    [
      _annotation(1, 21),
      _annotation(2, 20),
      _annotation(3, 21, bbox=[1, 2, 3]),
      _annotation(4, 21, keypoints=[0] * 63),
    ],
  )
  place = registry.Place(str(tmp_path))
  records, skipped = _convert(registry.open_dataset("freihand_coco", place))
  assert [(s.key, s.reason, s.damaged) for s in skipped] == [
    ("2/2", "damaged annotation", True),
    ("3/3", "damaged annotation", True),
    ("4/4", "no annotated keypoint", False),
  ]
  assert "has 60 numbers, expected 63 of a hand or 204" in skipped[0].problem
  (record,) = records
  assert record.dataset == "freihand_coco" and record.intrinsics_weight == 0
  region = regions.Region(
    b"", record.image_size, record.photo_box, record.photo_size
  )
  tip = keypoints.INDEX["r_hand_pinky4"]
  back = regions.photo_points(record.keypoints[tip, :2], region)
  np.testing.assert_allclose(back, [40, 50], atol=0.01)


def test_refuses_other_files(tmp_path):
  path = _write(tmp_path, [_annotation(1, 17)])
  with pytest.raises(ValueError, match="not a file of hands or faces"):
    part_photos.read_part_photos(path, tmp_path)
  assert part_photos.is_of_parts([_annotation(1, 68)])
  for rows in ([], [_annotation(1, 17)], [{}], [3], ["x"], {}):
    assert not part_photos.is_of_parts(rows)


def test_real_samples(shared):
  folder = shared / "data/real/mmpose/freihand"
  people = part_photos.read_part_photos(folder / "test_freihand.json")
  assert len(people) == 8
  # Photos whose numbers are 32,560 apart show one sample.
  hands: dict[int, list[np.ndarray]] = {}
  for person in people:
    known = person.keypoints[keypoints.RIGHT_HAND]
    hands.setdefault(int(person.image.stem) % 32560, []).append(known)
    assert (person.box[:2] <= known.min(axis=0)).all()
    assert (person.box[:2] + person.box[2:] >= known.max(axis=0)).all()
  assert len(hands) == 2
  for versions in hands.values():
    assert len(versions) == 4 and np.ptp(versions, axis=0).max() == 0
  faces = part_photos.read_part_photos(
    shared / "data/real/mmpose/300w/test_300w.json"
  )
  assert len(faces) == 2
  for face in faces:
    points = face.keypoints[part_photos.FACE_68]
    # The chin lies below the brows; the person's right is at the left.
    assert points[8, 1] > points[17:27, 1].max()
    assert points[36, 0] < points[45, 0]
