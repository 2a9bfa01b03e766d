"""The reader of Human3.6M on a tiny one in the true formats."""

import io
import pickle
import shutil

import numpy as np
import pytest
from PIL import Image

from hund_tf.body import keypoints
from hund_tf.body.joint_sets import H36M_17
from hund_tf.datasets.human36m import actions, cameras, files
from hund_tf.datasets.human36m.reader import Human36M
from hund_tf.datasets.source import Skipped
from hund_tf.records import schema
from tests.datasets.human36m import fixture

_TAKE, _CAMERA = "Directions 1", "54138969"
_POSES = "MyPoseFeatures/D3_Positions_mono"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
  """S9, a take, in one camera: archive layout; with the take's true joints."""
  root = tmp_path_factory.mktemp("archive")
  fixture.write_metadata(root)
  joints, pixels = fixture.write_take(root, 9, _TAKE, _CAMERA)
  return root, joints, pixels


@pytest.fixture(scope="module")
def records(dataset):
  return _convert(Human36M(dataset[0], "test"))


@pytest.fixture
def copy(dataset, tmp_path):
  """A copy of the dataset that a test may damage, and its only stem."""
  root = tmp_path / "copy"
  shutil.copytree(dataset[0], root)
  return root


def _convert(source, camera=_CAMERA, take=_TAKE, subject="S9"):
  source = pickle.loads(pickle.dumps(source))  # as for another process
  items = {item.key: item for item in source.items()}
  return list(source.convert(items[f"{subject}/{take}/{camera}"]))


def _reproject(record):
  fx, fy, cx, cy = record.intrinsics.astype(float)
  joints = record.joints.astype(float)
  return joints[:, :2] / joints[:, 2:] * [fx, fy] + [cx, cy]


def _blob(image):
  """Centre of the white disk, pixels."""
  picture = np.asarray(Image.open(io.BytesIO(image)).convert("L"), float)
  weights = np.maximum(picture - 90, 0)
  rows, columns = np.indices(picture.shape) + 0.5
  total = weights.sum()
  return [np.sum(weights * columns) / total, np.sum(weights * rows) / total]


def test_every_fifth_frame(records):
  assert [record.frame for record in records] == [0, 5, 10]
  for record in records:
    assert record.key == f"S9/{_TAKE}/{_CAMERA}/{record.frame:06d}"
    assert (record.subject, record.camera) == ("S9", _CAMERA)
    assert record.sequence == "Directions" and record.dataset == "h36m"
    assert actions.trial(record.subject, record.key.split("/")[1]) == 1
    decoded = schema.decode(schema.encode(record))
    np.testing.assert_array_equal(decoded.joints, record.joints)


def test_joints_project_to_the_keypoints(records, dataset):
  for record in records:
    pixels = _reproject(record)
    for i, name in enumerate(H36M_17):
      if name in keypoints.INDEX and name != "neck":
        x, y, weight = record.keypoints[keypoints.INDEX[name]]
        assert weight == 1
        np.testing.assert_allclose(pixels[i], [x, y], atol=0.01)
    assert np.sum(record.keypoints[:, 2] > 0) == 14
    truth = dataset[1][record.frame] / 1000
    np.testing.assert_allclose(record.joints[10], truth[15], atol=1e-5)
    np.testing.assert_allclose(record.joints[3], truth[8], atol=1e-5)
    np.testing.assert_allclose(record.joints[13], truth[19], atol=1e-5)


def test_left_is_the_subjects(records):
  # The person faces the camera, so the left side is on the right of the photo.
  for part in ("shoulder", "hip", "wrist", "ankle"):
    left, right = (keypoints.INDEX[f"{side}_{part}"] for side in "lr")
    for record in records:
      assert record.keypoints[left, 0] > record.keypoints[right, 0] + 20
  neck = records[0].keypoints[keypoints.INDEX["neck"]]
  ends = records[0].keypoints[[keypoints.INDEX[f"{s}_shoulder"] for s in "lr"]]
  np.testing.assert_allclose(neck, ends.mean(axis=0), atol=1.0)


def test_stored_image_shows_the_wrist_where_the_keypoint_is(records):
  # Video frame, lens distortion, region and scale are all right, or it moves.
  for record in records:
    expected = record.keypoints[keypoints.INDEX["l_wrist"], :2]
    np.testing.assert_allclose(_blob(record.image), expected, atol=0.4)
    image = Image.open(io.BytesIO(record.image))
    assert image.size == tuple(record.image_size)
    color = image.getpixel(tuple(expected.astype(int).tolist()))
    np.testing.assert_allclose(color, fixture.COLOR, atol=25)


def test_box_is_that_of_the_mask_or_of_the_joints(records, dataset):
  left, top, width, height = fixture.MASK_BOX
  for record in (records[0], records[2]):
    scale = record.image_size / record.photo_box[2:]
    box = record.box[:2] / scale + record.photo_box[:2]
    np.testing.assert_allclose(box, [left, top], atol=12)  # lens moved it
    size = record.box[2:] / scale
    np.testing.assert_allclose(size, [width, height], atol=12)
    side = record.image_size[0] / max(record.box[2:])
    np.testing.assert_allclose(side, 1.5, atol=0.01)
  pixels = _reproject(records[1])  # its mask is empty
  low, high = pixels.min(axis=0), pixels.max(axis=0)
  np.testing.assert_allclose(records[1].box[2:], 1.2 * (high - low), rtol=1e-4)


@pytest.mark.parametrize("world", [False, True])
def test_other_layout_gives_the_same(tmp_path, records, world):
  base = tmp_path / "extracted"
  fixture.write_metadata(tmp_path)
  fixture.write_take(base, 9, _TAKE, _CAMERA, "fetch", world=world)
  found = _convert(Human36M(tmp_path, "test"))
  for a, b in zip(found, records, strict=True):
    np.testing.assert_allclose(a.joints, b.joints, atol=1e-5)
    np.testing.assert_allclose(a.box, b.box, atol=1e-2)
    np.testing.assert_allclose(a.keypoints, b.keypoints, atol=1e-2)
    assert a.key == b.key


@pytest.mark.parametrize("nested", [False, True])
def test_extracted_photos_in_place_of_the_video(copy, records, nested):
  (copy / "S9/Videos" / f"{_TAKE}.{_CAMERA}.mp4").unlink()
  name = f"S9_Directions_1.{_CAMERA}"
  folder = copy / "images" / (f"S9/{name}" if nested else "")
  folder.mkdir(parents=True)
  pixels = fixture.write_take(copy, 9, _TAKE, _CAMERA, video=False)[1]
  for frame in (0, 5):
    photo = fixture.draw(pixels[frame, fixture.LEFT_WRIST], (1000, 1002))
    Image.fromarray(photo).save(folder / f"{name}_{frame + 1:06d}.jpg")
  first, second, third = _convert(Human36M(copy, "test"))
  for record in (first, second):
    expected = record.keypoints[keypoints.INDEX["l_wrist"], :2]
    np.testing.assert_allclose(_blob(record.image), expected, atol=0.4)
  assert isinstance(third, Skipped) and third.damaged
  assert f"{name}_000011.jpg: does not exist" in third.problem


def test_records_without_images(copy):
  shutil.rmtree(copy / "S9/Videos")
  shutil.rmtree(copy / "S9/MySegmentsMat")
  found = _convert(Human36M(copy, "test", with_images=False, frame_step=2))
  assert [record.frame for record in found] == [0, 2, 4, 6, 8, 10]
  for record in found:
    assert not record.image and tuple(record.image_size) == (1000, 1002)
    np.testing.assert_allclose(record.intrinsics, fixture.INTRINSICS, rtol=1e-6)


def test_shifted_takes_are_put_right(tmp_path):
  fixture.write_metadata(tmp_path)
  takes = ("Greeting", "Greeting 1")
  for take in takes:
    fixture.write_take(tmp_path, 9, take, _CAMERA)
  source = Human36M(tmp_path, "test", with_images=False)
  shifted, other = (_convert(source, take=take)[0] for take in takes)
  rotation, _ = fixture.camera_numbers(0, 9)
  expected = np.tile(rotation @ [-0.2, 0, 0], (17, 1))
  np.testing.assert_allclose(shifted.joints - other.joints, expected, atol=1e-5)
  as_is = Human36M(tmp_path, "test", with_images=False, correct_shift=False)
  kept = _convert(as_is, take="Greeting")[0]
  np.testing.assert_allclose(kept.joints, other.joints, atol=1e-6)
  # The box of the mask moves as the pelvis does.
  pelvis = _reproject(shifted)[0] - _reproject(other)[0]
  moved = shifted.box - other.box
  np.testing.assert_allclose(moved, [*pelvis, 0, 0], atol=0.01)
  np.testing.assert_allclose(kept.box, other.box, atol=1e-4)
  assert abs(pelvis[0]) > 20


def test_items_by_split_and_what_is_left_out(copy):
  folder = copy / "S11" / _POSES
  folder.mkdir(parents=True)
  for name in ("_ALL 1", "Directions"):
    (folder / f"{name}.{_CAMERA}.cdf").touch()
  source = Human36M(copy, "test")
  keys = [item.key for item in source.items()]
  takes = [f"S9/{_TAKE}/", "S11/Directions/"]
  assert keys == [take + camera for take in takes for camera in fixture.CAMERAS]
  (skipped,) = _convert(source, take="Directions", subject="S11")
  assert not skipped.damaged and "video" in skipped.reason
  (absent,) = _convert(source, camera="60457274")
  assert absent.damaged and "60457274.cdf: does not exist" in absent.problem
  shutil.rmtree(copy / "S11")
  (item,) = [item for item in source.items() if item.key == "S11"]
  (skipped,) = source.convert(item)
  assert skipped.damaged and "S11" in skipped.problem


@pytest.mark.parametrize(
  "folder, suffix, reason",
  [
    (_POSES, "cdf", "unreadable pose file"),
    ("MyPoseFeatures/D2_Positions", "cdf", "unreadable pose file"),
    ("MySegmentsMat/ground_truth_bb", "mat", "unreadable mask file"),
    ("Videos", "mp4", "unreadable video"),
  ],
)
@pytest.mark.parametrize("kept", [0.0, 0.6])
def test_truncated_files_are_named(copy, folder, suffix, reason, kept):
  path = copy / "S9" / folder / f"{_TAKE}.{_CAMERA}.{suffix}"
  content = path.read_bytes()
  path.write_bytes(content[: int(kept * len(content))])
  (skipped,) = _convert(Human36M(copy, "test"))
  assert skipped.damaged and skipped.reason == reason
  assert str(path) in skipped.problem and "expected" in skipped.problem
  assert "\n" not in skipped.problem


def test_missing_video_and_missing_frames_are_named(copy):
  folder = copy / "S9/Videos"
  path = folder / f"{_TAKE}.{_CAMERA}.mp4"
  images = [np.zeros((1002, 1000, 3), np.uint8)] * 7
  fixture.write_video(path, images)
  found = _convert(Human36M(copy, "test"))
  assert [isinstance(record, Skipped) for record in found] == [False] * 2 + [
    True
  ]
  assert found[2].key.endswith("000010") and "7 frames" in found[2].problem
  fixture.write_video(path, [image[:500] for image in images])
  found = _convert(Human36M(copy, "test"))
  assert all("1000 x 500 pixels" in skipped.problem for skipped in found[:2])
  path.unlink()
  (skipped,) = _convert(Human36M(copy, "test"))
  assert skipped.damaged and skipped.reason == "missing video"


def test_poses_that_do_not_belong_together_are_named(copy):
  path = copy / "S9/MyPoseFeatures/D2_Positions" / f"{_TAKE}.{_CAMERA}.cdf"
  _, pixels = fixture.write_take(copy, 9, _TAKE, _CAMERA, video=False)
  fixture.write_cdf(path, pixels + 2.0)
  (skipped,) = _convert(Human36M(copy, "test"))
  assert skipped.reason == "2D and 3D disagree" and "2.0 pixels" in (
    skipped.problem
  )
  fixture.write_cdf(path, pixels[:-1])
  (skipped,) = _convert(Human36M(copy, "test"))
  assert "10 frames, expected 11" in skipped.problem


def test_a_pose_file_of_another_shape_is_named(copy):
  path = copy / "S9" / _POSES / f"{_TAKE}.{_CAMERA}.cdf"
  fixture.write_cdf(path, np.zeros((11, 25, 3)))
  (skipped,) = _convert(Human36M(copy, "test"))
  assert skipped.damaged and "expected a CDF file" in skipped.problem
  assert "75)" in skipped.problem and "(1, F, 96)" in skipped.problem


def test_a_pose_that_is_not_finite_is_left_out(copy):
  joints, _ = fixture.write_take(copy, 9, _TAKE, _CAMERA, video=False)
  joints[5, 17] = np.nan
  fixture.write_cdf(copy / "S9" / _POSES / f"{_TAKE}.{_CAMERA}.cdf", joints)
  first, skipped, last = _convert(Human36M(copy, "test"))
  assert skipped.damaged and skipped.key.endswith("000005")
  assert (first.frame, last.frame) == (0, 10)


def test_refuses_what_is_not_the_dataset(copy, tmp_path):
  with pytest.raises(ValueError, match="no poses.*MyPoseFeatures.*extracted"):
    Human36M(tmp_path / "none", "test").items()
  (copy / "Release-v1.2").mkdir()
  (copy / "metadata.xml").rename(copy / "Release-v1.2" / "metadata.xml")
  assert Human36M(copy, "test").items()
  shutil.rmtree(copy / "Release-v1.2")
  with pytest.raises(ValueError, match="metadata.xml"):
    Human36M(copy, "test").items()
  for options in ({"split": "all"}, {"frame_step": 0}, {"subjects": ("9",)}):
    with pytest.raises(ValueError, match="expected"):
      Human36M(copy, **options)


def test_trials_are_those_of_the_datasets_table():
  first = {"S9": "SittingDown", "S11": "Phoning 3", "S1": "Eating 2"}
  second = {"S9": "SittingDown 1", "S11": "Phoning 2", "S1": "Eating"}
  first |= {"S7": "Photo", "S6": "Directions 1", "S5": "Discussion 2"}
  second |= {"S7": "Photo 1", "S6": "Eating 2", "S5": "Discussion 3"}
  for subject in first:
    assert actions.trial(subject, first[subject]) == 1
    assert actions.trial(subject, second[subject]) == 2
  assert actions.action("TakingPhoto 1") == actions.action("Photo")


@pytest.mark.parametrize(
  ("kind", "reason"),
  [
    (_POSES, "unreadable pose file"),
    ("MySegmentsMat/ground_truth_bb", "unreadable mask file"),
  ],
)
def test_files_that_claim_too_much_are_named(copy, monkeypatch, kind, reason):
  monkeypatch.setattr(files, "MOST_FRAMES", 3)
  path = next((copy / "S9" / kind).iterdir())
  with pytest.raises(files.DamagedInput, match="is said to have") as error:
    files.read_pose(path, 3) if kind == _POSES else files.BoxMasks(path)
  assert error.value.reason == reason


def test_large_files_are_not_read(copy):
  poses = next((copy / "S9" / _POSES).iterdir())
  for path, read in (
    (poses, lambda path: files.read_pose(path, 3)),
    (copy / "metadata.xml", cameras.read_cameras),
  ):
    with path.open("ab") as file:
      file.truncate(65_000_000)  # without a byte on disk
    with pytest.raises(ValueError, match="it has 65 MB, expected at most"):
      read(path)
