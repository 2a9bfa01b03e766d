"""Frames of a video as photos."""

import os
from collections.abc import Iterator

import cv2
import numpy as np

from hund_tf import files
from hund_tf.photos.loading import MAX_PIXELS

_KINDS = "give a video that OpenCV can read (MP4, AVI, MOV)"


class VideoError(files.FileError):
  """A video that cannot be used."""


def open_video(path: str | os.PathLike) -> cv2.VideoCapture:
  """Opens a video of which no frame has more pixels than a photo may have.

  Raises:
    VideoError: if the file is missing, too large to be decoded, or no video.
  """
  path = files.expand(path)
  if not files.exists(path) or not path.is_file():
    raise VideoError(path, "is not a file", "give an existing video file")
  capture = cv2.VideoCapture(str(path))
  width, height = (
    int(capture.get(name))
    for name in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)
  )
  if not capture.isOpened():
    raise VideoError(path, "no frame can be decoded", _KINDS)
  if width * height > MAX_PIXELS:
    capture.release()
    raise VideoError(
      path,
      f"its frames are too large: {width} x {height} pixels",
      f"give a video of at most {MAX_PIXELS:,} pixels",
    )
  return capture


def read_frames(
  path: str | os.PathLike, step: int = 1
) -> Iterator[tuple[int, np.ndarray]]:
  """Decodes every `step`-th frame of a video, from the first on.

  Args:
    path: of a file that OpenCV can read.
    step: frames from one that is taken to the next.

  Yields:
    The frame's number in the video and its pixels, uint8 [H, W, 3] RGB,
    turned upright as the file says.

  Raises:
    ValueError: if the step is not positive.
    VideoError: as `open_video`, or if no frame can be decoded.
  """
  if step < 1:
    raise ValueError(f"video step: got {step}, expected 1 or more")
  capture = open_video(path)
  try:
    number = 0
    while capture.grab():
      if number % step == 0:
        decoded, frame = capture.retrieve()
        if not decoded:
          break
        yield number, np.ascontiguousarray(frame[..., ::-1])
      number += 1
  finally:
    capture.release()
  if number == 0:
    raise VideoError(path, "no frame can be decoded", _KINDS)
