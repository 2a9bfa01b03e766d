"""Frames of a video one by one, each with its time."""

import os
from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np

from hund_tf.photos.video import VideoError, open_video

_LEAST_FPS, _MOST_FPS = 0.1, 1000.0  # what a container may say
_USUAL_FPS = 25.0


class Frame(NamedTuple):
  """A frame of a video."""

  number: int  # in the video, from 0
  seconds: float  # since the first frame
  image: np.ndarray  # [H, W, 3] uint8 RGB, upright


class VideoInfo(NamedTuple):
  """What the container says of a video."""

  width: int  # of upright frames, pixels
  height: int
  fps: float  # frames per second, nominal
  num_frames: int  # 0: not said


def video_info(path: str | os.PathLike) -> VideoInfo:
  """Reads what a video says of itself, and its first frame.

  Raises:
    VideoError: if no frame can be decoded.
  """
  with FrameReader(path) as reader:
    first = next(reader.frames(), None)
    if first is None:
      raise VideoError(
        path, "no frame can be decoded", "give a video that is not damaged"
      )
    height, width = first.image.shape[:2]
    return VideoInfo(width, height, reader.fps, reader.num_frames)


def is_longer(path: str | os.PathLike, seconds: float) -> bool:
  """Whether a video has a frame later than so many seconds after its first.

  Raises:
    VideoError: as `photos.video.open_video`.
  """
  with FrameReader(path) as reader:
    return any(time > seconds for time in reader.times())


class FrameReader:
  """Reads a video; one frame is held at a time.

  Frames are turned upright as the file says, and their times are those of the
  file, so videos of a variable frame rate keep them.

  Attributes:
    unreadable: frames so far that could not be decoded and were left out.
  """

  def __init__(self, path: str | os.PathLike):
    """Opens the video.

    Raises:
      VideoError: as `photos.video.open_video`.
    """
    self._capture = open_video(path)
    self._capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
    fps = self._capture.get(cv2.CAP_PROP_FPS)
    self.fps = fps if _LEAST_FPS <= fps <= _MOST_FPS else _USUAL_FPS
    self.num_frames = max(int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)), 0)
    self.unreadable = 0

  def __enter__(self) -> "FrameReader":
    return self

  def __exit__(self, *_) -> None:
    self._capture.release()

  def frames(self, first: int = 0, step: int = 1) -> Iterator[Frame]:
    """Every `step`-th frame from number `first` on; to be called once."""
    number = 0
    for seconds in self.times():
      if number >= first and (number - first) % step == 0:
        decoded, pixels = self._capture.retrieve()
        if decoded and pixels is not None:
          rgb = np.ascontiguousarray(pixels[..., ::-1])
          yield Frame(number, seconds, rgb)
        else:
          self.unreadable += 1
      number += 1
    self.unreadable += max(self.num_frames - number, 0) // step

  def times(self) -> Iterator[float]:
    """When the frames are, seconds since the first one; to be called once."""
    start, last = None, -1.0
    while self._capture.grab():
      stamp = 1e-3 * self._capture.get(cv2.CAP_PROP_POS_MSEC)
      start = stamp if start is None else start
      seconds = stamp - start
      if not seconds > last:  # a container without times
        seconds = last + 1.0 / self.fps
      last = seconds
      yield seconds
