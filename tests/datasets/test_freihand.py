"""FreiHAND: samples in its files become records of right hands."""

import json

import numpy as np
import pytest
from PIL import Image

from hund_tf.body import keypoints
from hund_tf.body.joint_sets import HANDS_42
from hund_tf.datasets import registry
from hund_tf.datasets.freihand import VERSIONS, FreiHand
from hund_tf.datasets.label_bounds import without_far_labels
from hund_tf.datasets.source import Skipped
from hund_tf.records import regions

_SIDE = 224
_SAMPLES = 3


def _hand(number):
  """21 joints about 0.7 m before the camera, each at a place of its own."""
  rng = np.random.default_rng(number)
  return rng.uniform([-0.08, -0.08, 0.6], [0.08, 0.08, 0.8], (21, 3))


def _matrix(number):
  return [[480.0 + number, 0, 112.5], [0, 470.0 + number, 111.0], [0, 0, 1]]


def _write(folder, split="training", samples=_SAMPLES):
  """A dataset laid out as it is published."""
  photos = folder / split / "rgb"
  photos.mkdir(parents=True)
  cameras = [_matrix(i) for i in range(samples)]
  hands = [_hand(i).tolist() for i in range(samples)]
  (folder / f"{split}_K.json").write_text(json.dumps(cameras))
  (folder / f"{split}_xyz.json").write_text(json.dumps(hands))
  (folder / f"{split}_scale.json").write_text(json.dumps([0.03] * samples))
  for i in range(samples * (4 if split == "training" else 1)):
    Image.new("RGB", (_SIDE, _SIDE), (60, 90, 60)).save(photos / f"{i:08d}.jpg")
  return folder


def _convert(source):
  results = [r for item in source.items() for r in source.convert(item)]
  records = [r for r in results if not isinstance(r, Skipped)]
  return records, [r for r in results if isinstance(r, Skipped)]


def test_samples_become_right_hands(tmp_path):
  _write(tmp_path)
  source = registry.open_dataset("freihand", registry.Place(str(tmp_path)))
  records, skipped = _convert(source)
  assert not skipped and len(records) == 4 * _SAMPLES
  for number, record in enumerate(records):
    sample = number % _SAMPLES
    assert record.key == f"{number:08d}"
    assert record.sequence == VERSIONS[number // _SAMPLES]
    hand = _hand(sample)
    np.testing.assert_allclose(record.joints[21:], hand, atol=1e-6)
    assert HANDS_42[21] == "r_hand_wrist" and HANDS_42[41] == "r_hand_pinky4"
    assert not record.joints[:21].any() and not record.joint_weights[:21].any()
    assert record.joint_weights[21:].all()
    projected = hand @ np.array(_matrix(sample)).T
    pixels = projected[:, :2] / projected[:, 2:]
    region = regions.Region(
      b"", record.image_size, record.photo_box, record.photo_size
    )
    own = record.keypoints[keypoints.RIGHT_HAND]
    back = regions.photo_points(own[:, :2], region)
    np.testing.assert_allclose(back, pixels, atol=0.01)
    assert record.keypoints[:, 2].sum() == 21 and not record.visibility.any()
    # The camera of the stored image shows the joints at its keypoints.
    seen = record.joints[21:, :2] / record.joints[21:, 2:]
    seen = seen * record.intrinsics[:2] + record.intrinsics[2:]
    np.testing.assert_allclose(seen, own[:, :2], atol=0.01)
    assert record.intrinsics_weight == 1
    low, high = own[:, :2].min(axis=0), own[:, :2].max(axis=0)
    side = (high - low).max()
    np.testing.assert_allclose(low - record.box[:2], 0.1 * side, rtol=1e-3)
    np.testing.assert_allclose(
      record.box[2:] - (high - low), 0.2 * side, rtol=1e-3
    )


def test_evaluation_without_joints(tmp_path):
  _write(tmp_path, "evaluation", 2)
  place = registry.Place(str(tmp_path), split="evaluation")
  records, _ = _convert(registry.open_dataset("freihand", place))
  assert len(records) == 2 and records[0].joint_weights.sum() == 21
  (tmp_path / "evaluation_xyz.json").unlink()
  records, skipped = _convert(registry.open_dataset("freihand", place))
  assert not skipped
  assert not records[1].keypoints.any() and records[1].joint_set == ""
  assert records[1].intrinsics_weight == 1
  np.testing.assert_allclose(records[1].box[2:], records[1].image_size / 1.5)


def test_damaged_samples_are_named_and_the_rest_goes_on(tmp_path):
  _write(tmp_path, "evaluation", 6)
  cameras = json.loads((tmp_path / "evaluation_K.json").read_text())
  hands = json.loads((tmp_path / "evaluation_xyz.json").read_text())
  cameras[0] = cameras[0][:2]
  cameras[1][0][0] = -3
  hands[2] = hands[2][:20]
  hands[3] = "none"
  hands[4][7] = [float("nan"), 0, 1]
  hands[4][8][2] = -1.0  # behind the camera
  (tmp_path / "evaluation_K.json").write_text(json.dumps(cameras))
  (tmp_path / "evaluation_xyz.json").write_text(json.dumps(hands))
  (tmp_path / "evaluation/rgb/00000005.jpg").unlink()
  source = FreiHand(
    str(tmp_path / "evaluation_K.json"), str(tmp_path / "evaluation/rgb")
  )
  records, skipped = _convert(source)
  assert [(s.key[:8], s.reason, s.damaged) for s in skipped] == [
    *((f"0000000{i}", "damaged annotation", True) for i in range(4)),
    ("00000005", "missing photo", True),
  ]
  assert "K has the shape (2, 3), expected (3, 3)" in skipped[0].problem
  assert all("\n" not in s.problem for s in skipped)
  (record,) = records
  record, far = without_far_labels(record)
  assert far == {"keypoints": 2, "3D joints": 2}
  assert record.joint_weights.sum() == 19 == record.keypoints[:, 2].sum()


def test_refuses_files_that_are_not_its_own(tmp_path):
  _write(tmp_path)
  photos = str(tmp_path / "training/rgb")
  with pytest.raises(ValueError, match="expected FreiHAND's training_K.json"):
    FreiHand(str(tmp_path / "training_xyz.json"), photos).items()
  source = FreiHand(str(tmp_path / "training_K.json"), photos)
  xyz = tmp_path / "training_xyz.json"
  xyz.write_text("[[]]")
  with pytest.raises(ValueError, match="has 1 samples and training_K.json has"):
    source.items()
  xyz.write_text("{}")
  with pytest.raises(ValueError, match="is no list of samples"):
    source.items()
  xyz.unlink()
  with pytest.raises(ValueError, match="training_xyz.json: cannot be read"):
    source.items()
