"""The submission for Human3.6M's server, read back by its rules."""

import struct

import numpy as np
import pytest

from hund_tf.body.joint_sets import H36M_17
from hund_tf.evaluation import h36m_submission, h36m_withheld
from hund_tf.evaluation.predictions import Predictions
from tests.datasets.human36m import fixture
from tests.evaluation import withheld

# Joints of the 32 that the server compares, in its order.
_BODY = (0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27)


def _read(path):
  """Experiment, feature, flags and videos, as the server's code reads them."""
  data, place = path.read_bytes(), 0

  def take(form):
    nonlocal place
    values = struct.unpack_from("<" + form, data, place)
    place += struct.calcsize("<" + form)
    return values

  def text():
    (length,) = take("B")
    return take(f"{length}s")[0].decode()

  experiment, feature = text(), text()
  relative, part = take("BB")
  videos = []
  for _ in range(take("H")[0]):
    name = text()
    frames, numbers = take("HH")
    values = take(f"{frames * numbers}f")
    videos.append((name, np.array(values).reshape(frames, numbers)))
  assert place == len(data)
  return experiment, feature, relative, part, videos


def test_the_file_is_what_the_server_reads(tmp_path):
  path = tmp_path / "h36m.results"
  done = h36m_submission.write(withheld.predictions(), path)
  experiment, feature, relative, part, videos = _read(path)
  assert (experiment, feature) == ("All", "D3_Positions_mono")
  assert (relative, part) == (1, 1)
  assert done == ("All", 360, 360 * withheld.FRAMES, 0)
  names = [name for name, _ in videos]
  expected = [
    f"{action} {number}.{camera}"
    for subject in ("S2", "S3", "S4")
    for action in withheld.ACTIONS
    for number in withheld.numbers_of(subject, action)
    for camera in fixture.CAMERAS
  ]
  assert names == expected
  for video, (_, values) in enumerate(videos):
    assert values.shape == (withheld.FRAMES, 51)
    joints = values.reshape(withheld.FRAMES, 17, 3)
    np.testing.assert_array_equal(joints[:, 0], 0.0)
    np.testing.assert_allclose(joints[:, 1:, 0], video, atol=1e-3)
    np.testing.assert_allclose(
      joints[:, 1:, 1],
      np.arange(withheld.FRAMES)[:, None] * np.ones(16),
      atol=1e-3,
    )
    np.testing.assert_allclose(joints[0, :, 2], _BODY, atol=1e-3)


def test_the_subject_without_videos_makes_it_the_full_experiment(tmp_path):
  subjects = h36m_submission.SUBJECTS
  done = h36m_submission.write(
    withheld.predictions(subjects), tmp_path / "h.results"
  )
  assert done.experiment == "AllFull" and done.videos == 480
  assert _read(tmp_path / "h.results")[0] == "AllFull"


def test_frames_between_are_interpolated_and_lengths_are_the_least(tmp_path):
  predictions = withheld.predictions()
  take, camera = "S3/Eating 1", fixture.CAMERAS[2]
  index = {key: i for i, key in enumerate(predictions.keys)}
  joints = predictions.arrays["joints_17"]
  joints[index[f"{take}/{camera}/000001"]] = np.nan
  gone = {f"S4/Eating 1/{camera}/000002"}  # makes the take a frame shorter
  kept = [i for key, i in index.items() if key not in gone]
  done = h36m_submission.write(
    Predictions(
      tuple(predictions.keys[i] for i in kept), {"joints_17": joints[kept]}
    ),
    tmp_path / "h.results",
  )
  assert done.frames == 360 * withheld.FRAMES - 4 and done.filled == 1
  videos = _read(tmp_path / "h.results")[-1]
  assert np.isfinite(np.concatenate([v.ravel() for _, v in videos])).all()
  eating = [v for name, v in videos if name == f"Eating 1.{camera}"]
  assert [len(values) for values in eating] == [3, 3, 2]
  np.testing.assert_allclose(eating[1][1], (eating[1][0] + eating[1][2]) / 2)


def test_what_cannot_be_submitted_is_named(tmp_path):
  predictions, path = withheld.predictions(), tmp_path / "h.results"
  keys, joints = predictions.keys, predictions.arrays["joints_17"]

  def refused(problem, keep=lambda key: True, **arrays):
    rows = [i for i, key in enumerate(keys) if keep(key)]
    arrays = arrays or {"joints_17": joints[rows]}
    with pytest.raises(ValueError, match=problem):
      h36m_submission.write(
        Predictions(tuple(keys[i] for i in rows), arrays), path
      )
    assert not path.exists() and not list(tmp_path.iterdir())

  refused("have joints_14, expected joints_17", joints_14=joints[:, :14])
  refused("89 takes, expected 90", lambda key: "S3/Eating 1" not in key)
  camera = fixture.CAMERAS[1]
  refused(
    f"S3/Eating 1/{camera} has no predictions",
    lambda key: f"S3/Eating 1/{camera}" not in key,
  )
  joints[[f"S3/Eating 1/{camera}" in key for key in keys]] = np.nan
  refused(f"none of the 3 predictions of S3/Eating 1/{camera} is finite")
  wrong = Predictions(
    ("S9/Eating 1/54138969/000000",), {"joints_17": joints[:1]}
  )
  with pytest.raises(ValueError, match="is not of a withheld video"):
    h36m_submission.write(wrong, path)


def test_own_order_of_joints():
  assert [H36M_17.index(name) for name in h36m_submission.JOINTS] == [
    [withheld.DOUBLES.get(j, j) for j in withheld.SPIN].index(j) for j in _BODY
  ]


@pytest.fixture(scope="module")
def folder_of_s2(tmp_path_factory):
  """A folder with one video of S2; the wrist's place in the camera frame."""
  root = tmp_path_factory.mktemp("withheld")
  fixture.write_metadata(root)
  world = fixture.world_joints(7)
  local = fixture.camera_joints(world, 0, 2)[:, fixture.LEFT_WRIST]
  images = [
    fixture.draw(fixture.distorted(point), fixture.SIZES[0]) for point in local
  ]
  folder = root / "S2/Videos"
  fixture.write_video(folder / "Directions 1.54138969.mp4", images)
  (folder / "_ALL 1.54138969.mp4").write_bytes(b"")
  return root, local


def test_people_of_withheld_videos(folder_of_s2):
  root, wrist = folder_of_s2
  videos = h36m_withheld.list_videos(root, step=4)
  assert [video.frames for video in videos] == [(0, 4, 6)]
  found = list(h36m_withheld.sightings(root, videos))
  assert [sighting.key for sighting in found] == [
    f"S2/Directions 1/54138969/{frame:06d}" for frame in (0, 4, 6)
  ]
  for sighting, frame in zip(found, (0, 4, 6), strict=True):
    focal, center = sighting.intrinsics
    expected = wrist[frame, :2] / wrist[frame, 2] * focal + center
    rows, columns = np.nonzero(sighting.image[..., 1] > 200)
    disk = np.array([columns.mean() + 0.5, rows.mean() + 0.5])
    # A pinhole camera without distortion shows the wrist there.
    np.testing.assert_allclose(disk, expected, atol=0.7)
    assert sighting.box is None and not sighting.problem


def test_folders_without_withheld_videos_are_named(tmp_path):
  with pytest.raises(ValueError, match="no videos of S2, S3, S4, S10"):
    h36m_withheld.list_videos(tmp_path)
  (tmp_path / "S3/Videos").mkdir(parents=True)
  (tmp_path / "S3/Videos/Eating 1.54138969.mp4").write_bytes(b"no video")
  with pytest.raises(ValueError, match="no frame can be decoded"):
    h36m_withheld.list_videos(tmp_path)
