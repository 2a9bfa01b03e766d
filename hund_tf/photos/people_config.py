"""What a user states of photos: which they are, who is in them, and cameras."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from hund_tf.detection.search import SearchConfig
from hund_tf.options import option
from hund_tf.photos.listing import split_names


@dataclasses.dataclass(frozen=True)
class PeopleConfig:
  """What is known of the photos: people and cameras.

  In place of an option's text its value serves as well: boxes [N, 4], fx, fy,
  cx, cy, heights, or these by the name of a photo.
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
  height_m: str | float | Sequence[float | None] | Mapping[str, Any] | None = (
    option(
      None,
      "Stature, metres, where it is known: one of everybody, or one of each "
      "person joined by ',', in the order of the boxes or of the results; or a "
      "JSON file {photo name: 1.83 or [1.83, null, ...]}. Size and distance "
      "follow it.",
    )
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
