"""Frames of videos: which ones, their colours, and bad files."""

import cv2
import numpy as np
import pytest

from hund_tf.photos import video
from hund_tf.photos.video import VideoError, read_frames


@pytest.fixture
def clip(tmp_path):
  """Seven frames, red and ever more blue."""
  path = tmp_path / "clip.avi"
  code = cv2.VideoWriter_fourcc(*"MJPG")
  writer = cv2.VideoWriter(str(path), code, 10.0, (80, 64))
  for i in range(7):
    frame = np.zeros([64, 80, 3], np.uint8)
    frame[..., 0], frame[..., 2] = 30 * i, 200  # blue, red: OpenCV's order
    writer.write(frame)
  writer.release()
  return path


@pytest.mark.parametrize(("step", "numbers"), [(1, range(7)), (3, [0, 3, 6])])
def test_every_nth_frame_in_rgb(clip, step, numbers):
  frames = list(read_frames(clip, step))
  assert [number for number, _ in frames] == list(numbers)
  for number, pixels in frames:
    assert pixels.shape == (64, 80, 3) and pixels.dtype == np.uint8
    red, _, blue = pixels.mean((0, 1))
    assert abs(red - 200.0) < 12.0 and abs(blue - 30.0 * number) < 12.0


def test_bad_input_is_named(tmp_path, clip):
  bad = tmp_path / "bad.mp4"
  bad.write_bytes(b"no video")
  with pytest.raises(VideoError, match="bad.mp4: no frame can be decoded"):
    list(read_frames(bad))
  with pytest.raises(VideoError, match="none.mp4: is not a file"):
    list(read_frames(tmp_path / "none.mp4"))
  with pytest.raises(ValueError, match="got 0, expected 1 or more"):
    list(read_frames(clip, 0))


def test_frames_larger_than_photos_are_refused(clip, monkeypatch):
  monkeypatch.setattr(video, "MAX_PIXELS", 80 * 64 - 1)
  with pytest.raises(VideoError, match="too large: 80 x 64 pixels; give a vi"):
    list(read_frames(clip))
