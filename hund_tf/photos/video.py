"""Frames of a video as photos."""

import os
from collections.abc import Iterator

import cv2
import numpy as np

from hund_tf import files


class VideoError(files.FileError):
  """A video that cannot be used."""


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
    VideoError: if the file is missing or no frame of it can be decoded.
  """
  if step < 1:
    raise ValueError(f"video step: got {step}, expected 1 or more")
  path = files.expand(path)
  if not files.exists(path) or not path.is_file():
    raise VideoError(path, "is not a file", "give an existing video file")
  capture = cv2.VideoCapture(str(path))
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
    raise VideoError(
      path,
      "no frame can be decoded",
      "give a video that OpenCV can read (MP4, AVI, MOV)",
    )
