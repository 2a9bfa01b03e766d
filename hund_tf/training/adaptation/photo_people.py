"""The people of photos and of frames of videos, to adapt to."""

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hund_tf.detection.features import crop_box, crop_image
from hund_tf.detection.interface import Detection
from hund_tf.photos import cameras as photo_cameras
from hund_tf.photos import loading
from hund_tf.photos.video import VideoError, read_frames
from hund_tf.training.adaptation.photo_batches import (
  CropJitter,
  SeenPerson,
  compact,
)

PICTURE_SIDE = 240  # pixels


class Photo(NamedTuple):
  """A photo or frame with people."""

  key: str  # of its pixels, from `content_key`
  people: list[SeenPerson]
  crops: list[np.ndarray]  # [PICTURE_SIDE, PICTURE_SIDE, 3] uint8 of each


def content_key(image: np.ndarray, seed: int = 0) -> str:
  """A name of a picture `[H, W, 3]` by its pixels: copies share it."""
  digest = hashlib.sha256(f"{seed} {image.shape} ".encode())
  digest.update(np.ascontiguousarray(image).tobytes())
  return digest.hexdigest()


class PhotoPeople:
  """Finds the people of photos and frames, and tells of what it cannot use."""

  def __init__(
    self,
    detect: Callable[[Path, np.ndarray], list[Detection]],
    cameras: photo_cameras.CameraOptions,
    jitter: CropJitter | None = None,
    seed: int = 0,
    report: Callable[[str], None] = print,
  ):
    """Keeps how people are found.

    Args:
      detect: path and pixels of a photo to its people; a ValueError skips it.
      cameras: of the user.
      jitter: of the crops that will be made of them.
      seed: of the photos' keys.
      report: told of every photo that is not used, in one line.

    Raises:
      ValueError: if the cameras contradict each other.
    """
    photo_cameras.check_camera_options(cameras)
    self._detect, self._cameras = detect, cameras
    self._jitter = jitter or CropJitter()
    self._seed, self._report = seed, report
    self.failures: list[str] = []  # of photos and videos, one line each
    self.count = 0  # photos and frames that were looked at

  def photos(self, patterns: Sequence[str]) -> list[Photo]:
    """Those with people of files, globs and folders."""
    listing = loading.list_photos(patterns)
    for error in listing.errors:
      self._fail(str(error))
    return self._found(
      (path, lambda path=path: loading.load_photo(path))
      for path in listing.paths
    )

  def frames(self, path: str | os.PathLike, step: int) -> list[Photo]:
    """Frames with people, in the order of the video."""
    try:
      return self._found(
        (Path(f"{path}#{number}"), lambda image=image: image)
        for number, image in read_frames(path, step)
      )
    except VideoError as error:
      self._fail(str(error))
      return []

  def _found(
    self, named: Iterable[tuple[Path, Callable[[], np.ndarray]]]
  ) -> list[Photo]:
    result = []
    for path, load in named:
      self.count += 1
      try:
        photo = self._look(path, load())
      except ValueError as error:
        told = str(error).startswith(str(path))
        self._fail(str(error) if told else f"{path}: {error}")
        continue
      if photo.people:
        result.append(photo)
      else:
        self._report(f"{path}: no person found; goes on without it")
    return result

  def _look(self, path: Path, image: np.ndarray) -> Photo:
    camera = photo_cameras.photo_camera(self._cameras, path, *image.shape[:2])
    people = [
      SeenPerson(str(path), found, camera.intrinsics)
      for found in self._detect(path, image)
    ]
    crops = [
      crop_image(image, crop_box(person.detection), PICTURE_SIDE)
      for person in people
    ]
    return Photo(
      key=content_key(image, self._seed),
      people=[compact(person, self._jitter) for person in people],
      crops=crops,
    )

  def _fail(self, line: str) -> None:
    self._report(line)
    self.failures.append(line)
