"""The people of a photo: the one way from a photo to detections and a camera.

    finder = people.make_finder(people.PeopleConfig(boxes="10,20,200,400"))
    seen = finder("photo.jpg")
    seen.detections, seen.camera.intrinsics

Whatever a user may state of people and cameras is read and checked here.
"""

import dataclasses
import functools
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hund_tf.detection.detector import PeopleDetector
from hund_tf.detection.finding import SearchConfig
from hund_tf.detection.interface import Detection, PersonDetector, check_image
from hund_tf.detection.openpose import OpenPoseDetector
from hund_tf.files import printable
from hund_tf.options import option
from hund_tf.photos import boxes as user_boxes
from hund_tf.photos import by_photo, cameras, loading
from hund_tf.photos.exif import ExifFocal
from hund_tf.photos.landmark_files import landmark_file_of_photo
from hund_tf.photos.listing import split_names
from hund_tf.photos.source import source_of


@dataclasses.dataclass(frozen=True)
class PeopleConfig:
  """What is known of the photos: people and cameras.

  In place of an option's text its value serves as well: boxes [N, 4], fx, fy,
  cx, cy, or these by the name of a photo.
  """

  boxes: str | Sequence[Sequence[float]] | Mapping[str, Any] | None = option(
    None,
    "Boxes of people in place of a search: 'left,top,width,height', several "
    "joined by ';', in pixels, or a JSON file {photo name: [[left, top, width, "
    "height], ...]}.",
  )
  openpose: str | None = option(
    None,
    "OpenPose JSON file of the photo, or a folder with "
    "<photo>_keypoints.json, <photo>_openpose.json or <photo>.json for each: "
    "landmarks in place of the detector's.",
  )
  max_people: int | None = option(
    None,
    "At most so many people of a photo, the surest first; a message says how "
    "many more were seen.",
    low=1,
  )
  search: SearchConfig = SearchConfig()
  intrinsics: str | Sequence[float] | Mapping[str, Any] | None = option(
    None,
    "Camera: 'fx,fy,cx,cy' in pixels, or a JSON file {photo name: [fx, fy, cx, "
    "cy]}. Without a stated camera the focal length is that of the photo's "
    "EXIF or else max(H, W), and the centre is that of the photo.",
  )
  focal_px: float | None = option(None, "Focal length in pixels.")
  fov_degrees: float | None = option(
    None, "Field of view over the larger side of the photo, degrees."
  )


@dataclasses.dataclass(frozen=True)
class PhotosConfig:
  """Photos, their cameras, and the people in them."""

  images: tuple[str, ...] = option(
    (),
    "Photo, glob pattern or folder, or several joined by commas.",
    repeated=True,
  )
  people: PeopleConfig = PeopleConfig()

  def patterns(self, required: bool = True) -> list[str]:
    """The photos, globs and folders one by one.

    Raises:
      ValueError: if there is none although there must be.
    """
    if required and not self.images:
      raise ValueError("no photos: give files, globs or folders by --images")
    return [name for entry in self.images for name in split_names(entry)]


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
  search: SearchConfig = SearchConfig()  # of the bundled networks
  detector: PersonDetector | None = dataclasses.field(
    default=None, repr=False, compare=False
  )  # None: the bundled networks

  def __call__(
    self, photo: str | os.PathLike | np.ndarray, name: str | Path = "image"
  ) -> SeenPhoto:
    """Reads a photo, and finds its people and its camera.

    Args:
      photo: path, or pixels uint8 [H, W, 3] RGB, upright.
      name: of pixels, by which boxes, cameras and landmarks are looked up.

    Raises:
      PhotoError: if the photo cannot be used.
      ValueError: naming the photo, if its boxes, its camera or its landmarks
        cannot be used.
    """
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
    found = self._detector_of(name).detect(seen.image, boxes)
    empty = () if boxes is None else _empty(boxes, found)
    kept = found[: self.max_people]
    return SeenPhoto(
      str(name), path, seen.image, camera, kept, empty, len(found) - len(kept)
    )

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
    boxes = landmarks = None
    if self.boxes is not None:
      boxes = self.boxes.common
      if boxes is None:
        boxes = by_photo.value_of_photo(self.boxes.by_photo, photo)
    if self.openpose is not None:
      landmarks = source_of(landmark_file_of_photo(self.openpose, photo)).sha256
    return repr((tuple(camera), boxes, landmarks, self.max_people, self.search))

  def unused_keys(self, photos: Iterable[str | Path]) -> list[str]:
    """One line for each entry of the user's JSON files that names no photo."""
    photos = list(photos)
    return [
      f"{what} are given for {key!r}, which is no photo here"
      for what, entries in (
        ("boxes", self.boxes and self.boxes.by_photo),
        ("intrinsics", self.camera.intrinsics),
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
    search=config.search,
    detector=detector,
  )


def named(error: Exception, photo: str | os.PathLike) -> str:
  """The line of an error, beginning with the photo that it is of."""
  line, name = " ".join(str(error).split()), printable(photo)
  return line if name in line else f"{name}: {line}"
