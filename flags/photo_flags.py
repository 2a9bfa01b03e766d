"""Flags of the photos, their cameras, and the people in them."""

from collections.abc import Sequence
from dataclasses import dataclass

from absl import flags

from hund_tf.photos.listing import split_names
from hund_tf.photos.people import PeopleConfig

_IMAGES = flags.DEFINE_multi_string(
  "images",
  [],
  "Photo, glob or folder, or several joined by commas; may be repeated. "
  "Arguments without a flag are photos too.",
)
_BOXES = flags.DEFINE_string(
  "boxes",
  None,
  "Person boxes in place of detection: 'left,top,width,height;...' in pixels, "
  "or a JSON file {photo name: [[left, top, width, height], ...]}.",
)
_OPENPOSE = flags.DEFINE_string(
  "openpose",
  None,
  "OpenPose JSON of the photo, or a folder with <photo>_keypoints.json or "
  "<photo>_openpose.json for each: landmarks in place of the detector.",
)
_MAX_PEOPLE = flags.DEFINE_integer(
  "max_people",
  None,
  "Reconstruct at most so many people per photo.",
  lower_bound=1,
)
_INTRINSICS = flags.DEFINE_string(
  "intrinsics",
  None,
  "Camera: 'fx,fy,cx,cy' in pixels, or a JSON file {photo name: [fx, fy, cx, "
  "cy]}. The default is f = max(H, W), c = (W / 2, H / 2).",
)
_FOCAL_PX = flags.DEFINE_float("focal_px", None, "Focal length in pixels.")
_FOV_DEGREES = flags.DEFINE_float(
  "fov_degrees", None, "Field of view over the larger side, degrees."
)

flags.register_multi_flags_validator(
  [_INTRINSICS, _FOCAL_PX, _FOV_DEGREES],
  lambda values: sum(value is not None for value in values.values()) <= 1,
  "give at most one of --intrinsics, --focal_px and --fov_degrees",
)
flags.register_multi_flags_validator(
  [_BOXES, _OPENPOSE],
  lambda values: not all(value is not None for value in values.values()),
  "give at most one of --boxes and --openpose",
)


@dataclass(frozen=True)
class PhotoConfig:
  """Which photos, people and cameras; see the flags of the same names."""

  images: tuple[str, ...]
  people: PeopleConfig


def has_images() -> bool:
  """Whether --images names photos."""
  return bool(_IMAGES.value)


def to_config(
  arguments: Sequence[str] = (), required: bool = True
) -> PhotoConfig:
  """The photos as the flags describe them.

  Args:
    arguments: of the command line without a flag: more photos.
    required: whether there must be a photo.

  Raises:
    ValueError: if no photo is named although there must be one.
  """
  images = [name for entry in _IMAGES.value for name in split_names(entry)]
  images += arguments
  if required and not images:
    raise ValueError("no photos: give files, globs or folders by --images")
  return PhotoConfig(
    images=tuple(images),
    people=PeopleConfig(
      boxes=_BOXES.value,
      openpose=_OPENPOSE.value,
      max_people=_MAX_PEOPLE.value,
      intrinsics=_INTRINSICS.value,
      focal_px=_FOCAL_PX.value,
      fov_degrees=_FOV_DEGREES.value,
    ),
  )
