"""InterHand2.6M: annotations of its three files become records of hands."""

import json

import numpy as np
import pytest
from PIL import Image
from scipy.spatial.transform import Rotation

from hund_tf.body import keypoints
from hund_tf.body.joint_sets import HANDS_42
from hund_tf.datasets import registry
from hund_tf.datasets.interhand import InterHand
from hund_tf.datasets.source import Skipped
from hund_tf.records import regions

_SIZE = (512, 334)
# The order of the dataset's skeleton.txt.
_NAMES = [
  f"{side}_hand_{name}"
  for side in "rl"
  for name in [
    *(f"thumb{k}" for k in (4, 3, 2, 1)),
    *(f"index{k}" for k in (4, 3, 2, 1)),
    *(f"middle{k}" for k in (4, 3, 2, 1)),
    *(f"ring{k}" for k in (4, 3, 2, 1)),
    *(f"pinky{k}" for k in (4, 3, 2, 1)),
    "wrist",
  ]
]
_PLACE = np.array([120.0, -340.0, 25.0])  # of the camera, millimetres


def _turn():
  return Rotation.from_rotvec([0.3, -0.8, 0.2]).as_matrix()


def _world(number):
  """42 joints, millimetres, before the camera; each at a place of its own."""
  rng = np.random.default_rng(number)
  seen = rng.uniform([-150, -100, 900], [150, 100, 1100], (42, 3))
  return seen @ _turn() + _PLACE


def _annotation(number, hand, **extra):
  valid = [[1]] * 21 + [[0]] * 21
  valid = {"right": valid, "left": valid[::-1]}.get(hand, [[1]] * 42)
  return {
    "id": number,
    "image_id": number,
    "bbox": [120.0, 60.0, 280.0, 230.0],
    "joint_valid": valid,
    "hand_type": hand,
    "hand_type_valid": 1,
  } | extra


def _write(folder, annotations, wrap=True):
  """A split laid out as it is published; the paths of its files."""
  below = folder / "annotations/val"
  below.mkdir(parents=True)
  images, joints = [], {}
  for row in annotations:
    number = row["id"]
    name = f"Capture0/ROM01_Fist/cam400262/image{number}.jpg"
    path = folder / "images/val" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", _SIZE, (40, 40, 40)).save(path)
    images.append(
      {"id": number, "file_name": name, "width": _SIZE[0], "height": _SIZE[1]}
      | {"capture": 0, "subject": 7, "seq_name": "ROM01_Fist"}
      | {"camera": "400262", "frame_idx": 100 + number}
    )
    points = _world(number).tolist()
    joints[str(100 + number)] = {"world_coord": points} if wrap else points
  camera = {
    "campos": {"400262": _PLACE.tolist()},
    "camrot": {"400262": _turn().tolist()},
    "focal": {"400262": [1270.0, 1265.0]},
    "princpt": {"400262": [250.0, 170.0]},
  }
  start = below / "InterHand2.6M_val"
  for what, content in (
    ("data", {"images": images, "annotations": annotations}),
    ("camera", {"0": camera}),
    ("joint_3d", {"0": joints}),
  ):
    start.with_name(f"{start.name}_{what}.json").write_text(json.dumps(content))
  return start.with_name(f"{start.name}_data.json")


def _convert(source):
  results = [r for item in source.items() for r in source.convert(item)]
  records = [r for r in results if not isinstance(r, Skipped)]
  return records, [r for r in results if isinstance(r, Skipped)]


@pytest.mark.parametrize("wrap", [True, False])
def test_hands_in_the_camera_frame_by_name(tmp_path, wrap):
  hands = ("right", "left", "interacting")
  _write(tmp_path, [_annotation(i, hand) for i, hand in enumerate(hands)], wrap)
  place = registry.Place(str(tmp_path), split="val")
  records, skipped = _convert(registry.open_dataset("interhand", place))
  assert not skipped and len(records) == 3
  for number, (record, hand) in enumerate(zip(records, hands, strict=True)):
    assert record.key == f"Capture0/ROM01_Fist/cam400262/image{number}/{number}"
    assert (record.subject, record.sequence) == ("7", "ROM01_Fist")
    assert (record.camera, record.frame) == ("400262", 100 + number)
    region = regions.Region(
      b"", record.image_size, record.photo_box, record.photo_size
    )
    back = regions.photo_points(record.keypoints[:, :2], region)
    for name, point in zip(_NAMES, _world(number), strict=True):
      row, ours = HANDS_42.index(name), keypoints.INDEX[name]
      if hand not in ("interacting", {"r": "right", "l": "left"}[name[0]]):
        assert record.joint_weights[row] == record.keypoints[ours, 2] == 0
        continue
      seen = _turn() @ (point - _PLACE)
      np.testing.assert_allclose(record.joints[row], seen / 1e3, atol=1e-5)
      pixel = seen[:2] / seen[2] * [1270.0, 1265.0] + [250.0, 170.0]
      np.testing.assert_allclose(back[ours], pixel, atol=0.02)
      assert record.joint_weights[row] == record.keypoints[ours, 2] == 1
    corner = regions.photo_points(record.box[None, :2], region)[0]
    np.testing.assert_allclose(corner, [120, 60], atol=0.01)


def test_damaged_annotations_are_named_and_the_rest_goes_on(tmp_path):
  path = _write(
    tmp_path,
    [
      _annotation(0, "right", joint_valid=[1] * 41),
      _annotation(1, "both"),
      _annotation(2, "left", bbox=[1, 2, float("nan"), 4]),
      _annotation(3, "right", joint_valid=[0] * 42),
      _annotation(4, "right"),
      _annotation(5, "right"),
      _annotation(6, "right", joint_valid=[1] + [0] * 41),
    ],
  )
  content = json.loads(path.read_text())
  content["images"][4]["frame_idx"] = 999
  content["images"][5]["camera"] = "400263"
  path.write_text(json.dumps(content))
  source = InterHand(str(path), str(tmp_path / "images/val"))
  records, skipped = _convert(source)
  assert [r.joint_weights.nonzero()[0].tolist() for r in records] == [
    [HANDS_42.index("r_hand_thumb4")]
  ]
  reasons = {int(s.key.split("/")[-1]): (s.reason, s.damaged) for s in skipped}
  damaged = ("damaged annotation", True)
  assert reasons == dict.fromkeys((0, 1, 2, 4, 5), damaged) | {
    3: ("no annotated joint", False)
  }
  assert all("\n" not in s.problem for s in skipped)
  assert "joint_valid has 41 numbers, expected 42" in skipped[0].problem


def test_refuses_files_that_are_not_its_own(tmp_path):
  path = _write(tmp_path, [_annotation(0, "right")])
  photos = str(tmp_path / "images/val")
  with pytest.raises(ValueError, match="expected InterHand2.6M_SPLIT_data"):
    InterHand(
      str(path.with_name("InterHand2.6M_val_camera.json")), photos
    ).items()
  path.with_name("InterHand2.6M_val_joint_3d.json").write_text("[]")
  with pytest.raises(ValueError, match="is no JSON object of captures"):
    InterHand(str(path), photos).items()
  path.with_name("InterHand2.6M_val_joint_3d.json").unlink()
  with pytest.raises(ValueError, match="joint_3d.json: cannot be read"):
    InterHand(str(path), photos).items()
