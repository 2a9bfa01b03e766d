"""Frames and their times, and what of a damaged video is left."""

import cv2
import numpy as np
import pytest

from hund_tf.photos.video import VideoError
from hund_tf.video import reading
from hund_tf.video.reading import FrameReader, video_info
from hund_tf.video.writing import video_writer


def _write(path, count, fps=10.0):
  with video_writer(path, fps) as writer:
    for i in range(count):
      image = np.full((48, 64, 3), 20, np.uint8)
      image[:, : 2 * i + 2] = (200, 60, 20)
      writer.add(image)
  return path


def test_reads_frames_with_numbers_and_times(tmp_path):
  path = _write(tmp_path / "a.mp4", 9)
  with FrameReader(path) as reader:
    frames = list(reader.frames(first=2, step=3))
  assert [f.number for f in frames] == [2, 5, 8]
  np.testing.assert_allclose([f.seconds for f in frames], [0.2, 0.5, 0.8])
  assert reader.unreadable == 0
  # RGB: red on the left.
  assert frames[0].image[20, 1, 0] > 150 > frames[0].image[20, 1, 2]
  info = video_info(path)
  assert (info.width, info.height, info.num_frames) == (64, 48, 9)
  assert info.fps == pytest.approx(10.0)


def test_counts_frames_that_are_missing(tmp_path):
  path, random = tmp_path / "a.avi", np.random.default_rng(0)
  with video_writer(path, 10.0) as writer:
    for _ in range(60):
      writer.add(random.integers(0, 256, (48, 64, 3), np.uint8))
  data = path.read_bytes()
  path.write_bytes(data[: int(0.6 * len(data))])
  with FrameReader(path) as reader:
    count = len(list(reader.frames()))
    told = reader.num_frames
  assert 0 < count < 60
  assert reader.unreadable == max(told - count, 0)


def test_names_a_video_that_is_none(tmp_path):
  path = tmp_path / "a.mp4"
  path.write_bytes(b"no video" * 100)
  with pytest.raises(VideoError, match="no frame can be decoded"):
    video_info(path)


def test_encodes_odd_sizes(tmp_path):
  path = tmp_path / "a.mp4"
  with video_writer(path, 5.0) as writer:
    writer.add(np.zeros((51, 33, 3), np.uint8))
  capture = cv2.VideoCapture(str(path))
  assert capture.read()[1].shape == (50, 32, 3)


class _Capture:
  """A video with uneven times, of which the third frame is damaged."""

  stamps = (40.0, 60.0, 140.0, 150.0, 150.0)

  def __init__(self):
    self.at = -1

  def set(self, name, value):
    assert (name, value) == (cv2.CAP_PROP_ORIENTATION_AUTO, 1)

  def get(self, name):
    return {
      cv2.CAP_PROP_FPS: 10.0,
      cv2.CAP_PROP_FRAME_COUNT: 6.0,
      cv2.CAP_PROP_POS_MSEC: self.stamps[max(self.at, 0)],
    }[name]

  def grab(self):
    self.at += 1
    return self.at < len(self.stamps)

  def retrieve(self):
    return self.at != 2, np.zeros((4, 4, 3), np.uint8)

  def release(self):
    self.at = len(self.stamps)


def test_times_are_those_of_the_file(monkeypatch):
  """Where two frames have the same time, the nominal rate goes on."""
  monkeypatch.setattr(reading, "open_video", lambda path: _Capture())
  with FrameReader("a.mp4") as reader:
    frames = list(reader.frames())
  assert [f.number for f in frames] == [0, 1, 3, 4]
  np.testing.assert_allclose(
    [f.seconds for f in frames], [0.0, 0.02, 0.11, 0.21]
  )
  assert reader.unreadable == 2  # one damaged, one that is not there
