"""The camera of a photo: as a user states it, as its EXIF says, or assumed."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hund_tf import json_text
from hund_tf.geometry import camera
from hund_tf.json_text import shown
from hund_tf.photos.by_photo import (
  is_file_name,
  read_by_photo,
  value_of_photo,
)
from hund_tf.photos.exif import ExifFocal
from hund_tf.types import Intrinsics

CAMERA_SOURCES = ("default", "exif", "intrinsics", "focal_px", "fov_degrees")
MAX_FOCAL = 100.0  # in larger sides of the photo: a field of view of 0.6 deg
MIN_FOCAL = 0.05  # in larger sides of the photo: a field of view of 169 deg
MAX_CENTER = 5.0  # how many larger sides the centre may lie outside the photo

_EXAMPLE_TEXT = "'fx,fy,cx,cy' in pixels"
_EXAMPLE_JSON = '{"photo.jpg": [fx, fy, cx, cy], ...}'


class CameraOptions(NamedTuple):
  """At most one of the three ways to state a camera."""

  intrinsics: Sequence[float] | Mapping[str, Any] | None = None  # [fx, fy, cx,
  # cy] pixels, for every photo or by file name or path of a photo
  focal_px: float | None = None  # pixels, both axes
  fov_degrees: float | None = None  # over the larger side of the photo


class PhotoCamera(NamedTuple):
  """Intrinsics of a photo and where they come from."""

  intrinsics: Intrinsics  # float32 numpy [2], [2], pixels
  source: str  # one of CAMERA_SOURCES
  problem: str = ""  # why the EXIF focal length of the photo is not used


def camera_options(
  intrinsics: str | Sequence[float] | Mapping[str, Any] | None = None,
  focal_px: float | None = None,
  fov_degrees: float | None = None,
) -> CameraOptions:
  """Reads and checks the ways in which a user may state cameras.

  Args:
    intrinsics: text of the option (see `parse_intrinsics`), or its value:
      fx, fy, cx, cy, or these by file name or path of a photo; pixels.
    focal_px: pixels, both axes.
    fov_degrees: over the larger side of the photo.

  Raises:
    ValueError: if more than one is given, or one of them is impossible.
  """
  if isinstance(intrinsics, str):
    intrinsics = parse_intrinsics(intrinsics)
  options = CameraOptions(intrinsics, focal_px, fov_degrees)
  check_camera_options(options)
  return options


def parse_intrinsics(text: str) -> list[float] | Mapping[str, Any]:
  """Reads the intrinsics option.

  A text that ends in `.json` or that names an existing file is read as
  `{"photo.jpg": [fx, fy, cx, cy], ...}`, pixels; any other is `fx,fy,cx,cy`
  for every photo.

  Raises:
    ValueError: if the file or the text cannot be read so. Whether the numbers
      make a camera is checked for each photo by `photo_camera`.
  """
  if is_file_name(text):
    return read_by_photo(text, "intrinsics", _EXAMPLE_JSON)
  try:
    values = [float(value) for value in text.split(",")]
  except ValueError as error:
    raise ValueError(
      f"intrinsics {text!r}: not numbers; give {_EXAMPLE_TEXT}"
    ) from error
  if len(values) != 4:
    raise ValueError(
      f"intrinsics {text!r}: {len(values)} numbers; give four, {_EXAMPLE_TEXT}"
    )
  return values


def check_camera_options(options: CameraOptions) -> None:
  """Checks what can be checked before a photo is read.

  Raises:
    ValueError: if more than one way is used, or a value is impossible.
  """
  given = [k for k, v in options._asdict().items() if v is not None]
  if len(given) > 1:
    raise ValueError(
      f"camera: {' and '.join(given)} are given together; give one of them"
    )
  focal, fov = options.focal_px, options.fov_degrees
  if focal is not None and not (math.isfinite(focal) and focal > 0):
    raise ValueError(
      f"focal_px: {focal} is impossible; give a focal length above 0, in pixels"
    )
  if fov is not None and not 0.0 < fov < 180.0:
    raise ValueError(
      f"fov_degrees: {fov} is impossible; give a field of view over the larger "
      "side of the photo, above 0 and below 180 degrees"
    )


def photo_camera(
  options: CameraOptions,
  photo: str | Path,
  height: int,
  width: int,
  exif: ExifFocal | None = None,
) -> PhotoCamera:
  """The camera of one photo, checked against its size.

  Without an option, and for a photo that the mapping of `intrinsics` does not
  name, the focal length is that of the photo's EXIF, and where there is none
  the default of the paper, max(H, W). The centre is that of the photo, also
  with `focal_px` and `fov_degrees`.

  Args:
    options: of the user.
    photo: path of the photo, for messages and to look it up.
    height: of the upright photo, pixels.
    width: of the upright photo, pixels.
    exif: what the photo's metadata say.

  Raises:
    ValueError: naming the photo, if the camera is impossible: a focal length
      that is not finite and positive, or is outside `MIN_FOCAL` to `MAX_FOCAL`
      larger sides, or a centre farther than `MAX_CENTER` larger sides outside.
  """
  default = camera.default_intrinsics(height, width)
  center = default.center.tolist()
  exif = exif or ExifFocal()
  source, values = "default", None
  if options.focal_px is not None:
    source, values = "focal_px", [options.focal_px] * 2 + center
  elif options.fov_degrees is not None:
    found = camera.intrinsics_from_fov(height, width, options.fov_degrees)
    source, values = "fov_degrees", np.concatenate(found).tolist()
  elif options.intrinsics is not None:
    source, values = "intrinsics", options.intrinsics
    if isinstance(values, Mapping):
      values = value_of_photo(values, photo)
  if values is None and exif.focal_px is not None:
    source, values = "exif", [exif.focal_px] * 2 + center
  if values is None:
    return PhotoCamera(default, "default", exif.problem)
  numbers = _checked(values, photo, source, max(height, width), (width, height))
  return PhotoCamera(Intrinsics(focal=numbers[:2], center=numbers[2:]), source)


def _checked(
  values: Any,
  photo: str | Path,
  source: str,
  side: float,
  size: tuple[int, int],
) -> np.ndarray:
  """[4] float32 fx, fy, cx, cy, or a ValueError."""
  where = f"{photo}: {source} with fx, fy, cx, cy = {shown(values)}"
  try:
    with np.errstate(over="ignore"):
      numbers = json_text.numbers(values).astype(np.float32)
  except ValueError:
    numbers = np.zeros(0)
  if numbers.shape != (4,) or not np.isfinite(numbers).all():
    raise ValueError(
      f"{where} is not four finite numbers; give {_EXAMPLE_TEXT}"
    )
  focal, center = numbers[:2], numbers[2:]
  if not (focal > 0).all():
    raise ValueError(
      f"{where} has a focal length that is not positive; give fx, fy above 0"
    )
  low, high = MIN_FOCAL * side, MAX_FOCAL * side
  if (focal < low).any() or (focal > high).any():
    raise ValueError(
      f"{where} is impossible for a photo of {size[0]} x {size[1]} pixels; "
      f"give a focal length of {low:.0f} to {high:.0f} pixels"
    )
  margin = MAX_CENTER * side
  if (center < -margin).any() or (center > np.array(size) + margin).any():
    raise ValueError(
      f"{where} has its centre far outside the photo; give cx, cy near "
      f"{size[0] / 2:g},{size[1] / 2:g}, in pixels of the photo"
    )
  return numbers
