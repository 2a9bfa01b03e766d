"""The people of photos and of frames of videos, to adapt to."""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hund_tf.detection.features import crop_box, crop_image
from hund_tf.photos import people
from hund_tf.photos.listing import list_photos
from hund_tf.photos.video import VideoError, read_frames
from hund_tf.records.crop_jitter import CropJitter
from hund_tf.training.adaptation.photo_batches import (
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
    finder: people.Finder,
    jitter: CropJitter | None = None,
    seed: int = 0,
    report: Callable[[str], None] = print,
  ):
    """Keeps how people are found.

    Args:
      finder: finds the people of a photo; a ValueError of it skips the photo.
      jitter: of the crops that will be made of them.
      seed: of the photos' keys.
      report: told of every photo that is not used, in one line.
    """
    self._finder = finder
    self._jitter = jitter or CropJitter()
    self._seed, self._report = seed, report
    self.failures: list[str] = []  # of photos and videos, one line each
    self.count = 0  # photos and frames that were looked at

  def photos(self, patterns: Sequence[str]) -> list[Photo]:
    """Those with people of files, globs and folders."""
    listing = list_photos(patterns)
    for line in listing.left_out:
      self._report(line)
    for error in listing.errors:
      self._fail(str(error))
    return self._found((path, path) for path in listing.paths)

  def frames(self, path: str | os.PathLike, step: int) -> list[Photo]:
    """Frames with people, in the order of the video."""
    try:
      return self._found(
        (Path(f"{path}#{number}"), image)
        for number, image in read_frames(path, step)
      )
    except VideoError as error:
      self._fail(str(error))
      return []

  def _found(
    self, named: Iterable[tuple[Path, Path | np.ndarray]]
  ) -> list[Photo]:
    result = []
    names: list[Path] = []

    def photos() -> Iterator[tuple[Path | np.ndarray, Path]]:
      for name, photo in named:
        names.append(name)
        yield photo, name

    for number, seen in enumerate(self._finder.many(photos())):
      self.count += 1
      name = names[number]
      if isinstance(seen, ValueError):
        self._fail(people.named(seen, name))
      elif seen.detections:
        result.append(self._photo(seen))
      else:
        self._report(f"{name}: no person found; goes on without it")
    return result

  def _photo(self, seen: people.SeenPhoto) -> Photo:
    persons = [
      SeenPerson(seen.name, found, seen.camera.intrinsics)
      for found in seen.detections
    ]
    crops = [
      crop_image(seen.image, crop_box(person.detection), PICTURE_SIDE)
      for person in persons
    ]
    return Photo(
      key=content_key(seen.image, self._seed),
      people=[compact(person, self._jitter) for person in persons],
      crops=crops,
    )

  def _fail(self, line: str) -> None:
    self._report(line)
    self.failures.append(line)
