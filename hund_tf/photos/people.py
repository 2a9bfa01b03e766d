"""The people of a photo: the one way from a photo to detections and a camera.

    finder = people.make_finder(PeopleConfig(boxes="10,20,200,400"))
    seen = finder("photo.jpg")
    seen.detections, seen.camera.intrinsics

Whatever a user may state of people and cameras is read and checked here.
"""

import dataclasses
import functools
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hund_tf.detection.detector import PeopleDetector
from hund_tf.detection.interface import (
  Detection,
  PersonDetector,
  check_image,
  check_people,
)
from hund_tf.detection.openpose import OpenPoseDetector
from hund_tf.detection.search import SearchConfig
from hund_tf.files import printable
from hund_tf.photos import boxes as user_boxes
from hund_tf.photos import by_photo, cameras, loading
from hund_tf.photos import heights as user_heights
from hund_tf.photos.exif import ExifFocal
from hund_tf.photos.landmark_files import landmark_file_of_photo
from hund_tf.photos.people_config import PeopleConfig
from hund_tf.photos.source import source_of

PhotoLike = str | os.PathLike | np.ndarray
_TOGETHER = 4  # photos whose people go through the networks together, at most
_PIXELS_TOGETHER = 50_000_000  # of these photos, from which on no more are read


class SeenPhoto(NamedTuple):
  """A photo and who is seen in it."""

  name: str  # path of the photo, or what its pixels are called
  path: Path | None  # of its file; None for pixels
  image: np.ndarray  # uint8 [H, W, 3] RGB, upright
  camera: cameras.PhotoCamera
  detections: list[Detection]  # by descending score, or as boxes are given
  empty_boxes: tuple[int, ...] = ()  # numbers, from 0, of the given boxes in
  # which nobody was found
  left_out: int = 0  # people who were seen, beyond the most that are asked for
  heights: tuple[
    float | None, ...
  ] = ()  # of the detections, metres, None where
  # one is not stated; empty: of nobody
  damage: str = ""  # what in its file looks damaged; empty for nothing


class _Opened(NamedTuple):
  """A photo that was read, and what is stated of it."""

  name: Path
  path: Path | None
  image: np.ndarray
  camera: cameras.PhotoCamera
  boxes: np.ndarray | None
  damage: str

  def with_people(
    self,
    found: list[Detection],
    max_people: int | None,
    heights: user_heights.UserHeights | None,
  ) -> SeenPhoto:
    """The photo with those of the people who are asked for.

    Raises:
      ValueError: if there are other numbers of people and of heights.
    """
    empty = () if self.boxes is None else _empty(self.boxes, found)
    kept = found[:max_people]
    known: tuple[float | None, ...] = ()
    if heights is not None:
      # Of boxes, of which some may be empty; else of the people.
      people, of = len(kept), "people"
      if self.boxes is not None:
        people, of = len(self.boxes), "boxes"
      known = user_heights.heights_of_photo(heights, self.name, people, of)
      known = tuple(h for i, h in enumerate(known) if i not in empty)
    return SeenPhoto(
      str(self.name),
      self.path,
      self.image,
      self.camera,
      kept,
      empty,
      len(found) - len(kept),
      known[: len(kept)],
      self.damage,
    )


def _few(
  photos: Iterable[_Opened | ValueError],
) -> Iterator[list[_Opened | ValueError]]:
  """Photos in groups that are small enough to be held in memory."""
  group: list[_Opened | ValueError] = []
  pixels = 0
  for photo in photos:
    group.append(photo)
    if isinstance(photo, _Opened):
      pixels += photo.image.shape[0] * photo.image.shape[1]
    if len(group) >= _TOGETHER or pixels >= _PIXELS_TOGETHER:
      yield group
      group, pixels = [], 0
  if group:
    yield group


@functools.cache
def _default_detector(search: SearchConfig) -> PeopleDetector:
  """The detector, made once in each process."""
  return PeopleDetector(search)


@dataclasses.dataclass(frozen=True)
class Finder:
  """Finds the people of photos; see `make_finder`.

  It may be sent to another process: networks are loaded where they are used.
  """

  camera: cameras.CameraOptions = cameras.CameraOptions()
  boxes: user_boxes.UserBoxes | None = None  # in place of a search
  openpose: str | None = None  # landmark files in place of the detector
  max_people: int | None = None  # of a photo
  heights: user_heights.UserHeights | None = None  # of the people
  search: SearchConfig = SearchConfig()  # of the bundled networks
  detector: PersonDetector | None = dataclasses.field(
    default=None, repr=False, compare=False
  )  # None: the bundled networks

  def __call__(self, photo: PhotoLike, name: str | Path = "image") -> SeenPhoto:
    """Reads a photo, and finds its people and its camera.

    Args:
      photo: path, or pixels uint8 [H, W, 3] RGB, upright.
      name: of pixels, by which boxes, cameras and landmarks are looked up.

    Raises:
      PhotoError: if the photo cannot be used.
      ValueError: naming the photo, if its boxes, its camera or its landmarks
        cannot be used.
    """
    (seen,) = self.many([(photo, name)])
    if isinstance(seen, ValueError):
      raise seen
    return seen

  def many(
    self, photos: Iterable[tuple[PhotoLike, str | Path]]
  ) -> Iterator[SeenPhoto | ValueError]:
    """Does photos in turn; one that cannot be used gives its error.

    A few photos at a time are read, and their people go through the networks
    together.

    Args:
      photos: photo and name of each, as `__call__` has them; they are asked for
        as they are needed.

    Yields:
      In the order of the photos, what `__call__` returns or raises.
    """
    for together in _few(self._opened(*each) for each in photos):
      yield from self._seen(together)

  def _opened(self, photo: PhotoLike, name: str | Path) -> _Opened | ValueError:
    try:
      return self._open(photo, name)
    except ValueError as error:
      return error

  def _open(self, photo: PhotoLike, name: str | Path) -> _Opened:
    path = None if isinstance(photo, np.ndarray) else Path(photo)
    if path is None:
      check_image(photo)
      seen, name = loading.Photo(photo, ExifFocal()), Path(name)
    else:
      seen, name = loading.read_photo(path), path
    size = seen.image.shape[:2]
    camera = cameras.photo_camera(self.camera, name, *size, seen.exif)
    boxes = None
    if self.boxes is not None:
      boxes = user_boxes.boxes_of_photo(self.boxes, name, *size)
    return _Opened(name, path, seen.image, camera, boxes, seen.damage)

  def _seen(
    self, photos: Sequence[_Opened | ValueError]
  ) -> Iterator[SeenPhoto | ValueError]:
    """Looks for the people of opened photos together."""
    usable = [photo for photo in photos if isinstance(photo, _Opened)]
    found = iter(self._detected(usable))
    for photo in photos:
      people = photo if isinstance(photo, ValueError) else next(found)
      if isinstance(people, ValueError):
        yield people
        continue
      try:
        seen = photo.with_people(people, self.max_people, self.heights)
      except ValueError as error:
        seen = error
      yield seen

  def _detected(
    self, photos: Sequence[_Opened]
  ) -> list[list[Detection] | ValueError]:
    detector = self.detector or _default_detector(self.search)
    together = getattr(detector, "detect_photos", None)
    if self.openpose is None and together is not None and len(photos) > 1:
      try:
        return together([p.image for p in photos], [p.boxes for p in photos])
      except ValueError:  # one of them is the cause: each alone tells which
        pass
    return [self._detected_alone(photo) for photo in photos]

  def _detected_alone(self, photo: _Opened) -> list[Detection] | ValueError:
    try:
      detector = self._detector_of(photo.name)
      found = detector.detect(photo.image, photo.boxes)
      if not isinstance(detector, PeopleDetector):
        check_people(found, *photo.image.shape[:2])
      return found
    except ValueError as error:
      return error

  def _detector_of(self, name: Path) -> PersonDetector:
    if self.openpose is not None:
      return OpenPoseDetector(landmark_file_of_photo(self.openpose, name))
    return self.detector or _default_detector(self.search)

  def stated(self, photo: str | Path) -> str:
    """What the user states of a photo: texts differ where it differs.

    Raises:
      ValueError: naming the photo, if its landmarks cannot be read.
    """
    camera = self.camera
    if isinstance(camera.intrinsics, Mapping):
      own = by_photo.value_of_photo(camera.intrinsics, photo)
      camera = camera._replace(intrinsics=own)
    boxes = landmarks = heights = None
    if self.heights is not None:
      heights = self.heights.common
      if heights is None:
        heights = by_photo.value_of_photo(self.heights.by_photo, photo)
    if self.boxes is not None:
      boxes = self.boxes.common
      if boxes is None:
        boxes = by_photo.value_of_photo(self.boxes.by_photo, photo)
    if self.openpose is not None:
      landmarks = source_of(landmark_file_of_photo(self.openpose, photo)).sha256
    stated = (tuple(camera), boxes, landmarks, self.max_people, self.search)
    return repr(stated if heights is None else (*stated, heights))

  def unused_keys(self, photos: Iterable[str | Path]) -> list[str]:
    """One line for each entry of the user's JSON files that names no photo."""
    photos = list(photos)
    return [
      f"{what} are given for {key!r}, which is no photo here"
      for what, entries in (
        ("boxes", self.boxes and self.boxes.by_photo),
        ("intrinsics", self.camera.intrinsics),
        ("heights", self.heights and self.heights.by_photo),
      )
      if isinstance(entries, Mapping)
      for key in by_photo.unmatched_keys(entries, photos)
    ]


def _empty(boxes: np.ndarray, found: Sequence[Detection]) -> tuple[int, ...]:
  """Numbers of the given boxes [N, 4] that no detection keeps."""
  kept = [np.asarray(person.box, np.float32) for person in found]
  return tuple(
    i
    for i, box in enumerate(boxes)
    if not any(np.array_equal(np.asarray(box, np.float32), k) for k in kept)
  )


def make_finder(
  config: PeopleConfig | None = None, detector: PersonDetector | None = None
) -> Finder:
  """The finder that a user describes.

  Args:
    config: what the user states; by default nothing.
    detector: in place of the bundled networks.

  Raises:
    ValueError: of one line, if what is stated contradicts itself or cannot be
      read.
  """
  config = config or PeopleConfig()
  if config.boxes is not None and config.openpose is not None:
    raise ValueError("boxes and openpose are given together; give one of them")
  if config.max_people is not None and config.max_people < 1:
    raise ValueError(
      f"max_people: got {config.max_people}, expected at least 1"
    )
  return Finder(
    camera=cameras.camera_options(
      config.intrinsics, config.focal_px, config.fov_degrees
    ),
    boxes=None if config.boxes is None else user_boxes.user_boxes(config.boxes),
    openpose=config.openpose,
    max_people=config.max_people,
    heights=(
      None
      if config.height_m is None
      else user_heights.user_heights(config.height_m)
    ),
    search=config.search,
    detector=detector,
  )


def named(error: Exception, photo: str | os.PathLike) -> str:
  """The line of an error, beginning with the photo that it is of."""
  line, name = " ".join(str(error).split()), printable(photo)
  return line if name in line else f"{name}: {line}"
