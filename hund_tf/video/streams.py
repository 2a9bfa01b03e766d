"""Cameras, and of their frames the newest: those that nobody waits for go."""

import os
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

import cv2
import numpy as np

from hund_tf.photos.loading import MAX_PIXELS
from hund_tf.video.reading import Frame

_WAIT_S = 2.0  # for a camera to give its last frame


class Capture(Protocol):
  """Where frames come from: OpenCV's VideoCapture is one."""

  def read(self) -> tuple[bool, Any]:
    """Whether there is a frame, and the frame, `[H, W, 3]` uint8 BGR."""
    ...

  def release(self) -> None:
    """Ends it."""
    ...


def open_camera(name: str) -> cv2.VideoCapture:
  """Opens a camera by its number, or a stream by its address.

  Raises:
    ValueError: if OpenCV cannot open it, or it is a file.
  """
  if os.path.isfile(name):
    raise ValueError(
      f"--webcam: {name!r} is a file; give it as the video, without --webcam"
    )
  number = int(name) if name.isascii() and name.isdigit() else None
  capture = cv2.VideoCapture(name if number is None else number)
  if not capture.isOpened():
    raise ValueError(
      f"--webcam: {name!r} cannot be opened; give the number of a camera that "
      "is connected, or the address of a stream"
    )
  capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
  return capture


class NewestFrame:
  """Reads a camera all the time, and gives its newest frame when asked.

  Attributes:
    dropped: frames so far that a newer one replaced before it was asked for.
  """

  def __init__(
    self,
    capture: Capture,
    first: np.ndarray,
    clock: Callable[[], float] = time.monotonic,
  ):
    """Begins to read; the capture is released in the end.

    Args:
      capture: that is read.
      first: `[H, W, 3]` uint8 BGR, the frame that was read of it before.
      clock: seconds.
    """
    self._capture, self._clock = capture, clock
    self._news = threading.Condition()
    self._start = clock()
    self._newest: Frame | None = _frame(0, 0.0, first)
    self._ended = False
    self.dropped = 0
    self._thread = threading.Thread(target=self._read, daemon=True)
    self._thread.start()

  def __enter__(self) -> "NewestFrame":
    return self

  def __exit__(self, *_) -> None:
    with self._news:
      self._ended = True
    self._thread.join(_WAIT_S)

  def _read(self) -> None:
    number = 1
    try:
      while not self._ended:
        there, pixels = self._capture.read()
        if not there or pixels is None:
          break
        seconds = self._clock() - self._start
        if pixels.shape[0] * pixels.shape[1] > MAX_PIXELS:
          break
        frame = _frame(number, seconds, pixels)
        with self._news:
          self.dropped += self._newest is not None
          self._newest = frame
          self._news.notify()
        number += 1
    finally:
      with self._news:
        self._ended = True
        self._news.notify()
      self._capture.release()

  def take(self) -> Frame | None:
    """The newest frame, waited for if it was taken; None: there is no more."""
    with self._news:
      while self._newest is None and not self._ended:
        self._news.wait()
      frame, self._newest = self._newest, None
      return frame


def _frame(number: int, seconds: float, pixels: np.ndarray) -> Frame:
  return Frame(number, seconds, np.ascontiguousarray(pixels[..., ::-1]))
