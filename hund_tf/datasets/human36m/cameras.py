"""Human3.6M's cameras: `metadata.xml`, extrinsics and the lens distortion.

Frames: *world* is the capture room, z up; *camera* x right, y down, z forward;
metres both. Pixels are taken as the data set counts them.
"""

import os
import re
import xml.etree.ElementTree as ElementTree
from typing import NamedTuple

import numpy as np
from scipy.spatial.transform import Rotation

from hund_tf.files import check_size, problem

# In the order of `metadata.xml`, with width and height of their photos.
PHOTO_SIZES: dict[str, tuple[int, int]] = {
  "54138969": (1000, 1002),
  "55011271": (1000, 1000),
  "58860488": (1000, 1000),
  "60457274": (1000, 1002),
}
_SUBJECTS = 11  # S1 to S11
_EXTRINSICS, _INTRINSICS = 6, 9  # numbers of a camera
_LARGEST_MB = 10.0
_ITERATIONS = 20  # to undistort; each gains about a digit at the border


class Camera(NamedTuple):
  """A camera as it was set up for one subject."""

  rotation: np.ndarray  # [3, 3] world to camera
  position: np.ndarray  # [3] metres, world
  focal: np.ndarray  # [2] fx, fy, pixels
  center: np.ndarray  # [2] cx, cy, pixels
  radial: np.ndarray  # [3] k1, k2, k3
  tangential: np.ndarray  # [2] p1, p2
  size: tuple[int, int]  # width, height of the photos, pixels


def read_cameras(path: str | os.PathLike) -> dict[tuple[str, str], Camera]:
  """The cameras by subject ("S9") and camera ("60457274").

  `metadata.xml` has 300 numbers in `w0`: for each of 4 cameras and 11 subjects
  three angles and the position in millimetres, then for each camera fx, fy, cx,
  cy, k1, k2, k3, p1, p2. The rotation is Rx(a0) Ry(a1) Rz(a2).

  Raises:
    ValueError: if the file cannot be read or does not have these numbers.
  """
  expected = len(PHOTO_SIZES) * (_SUBJECTS * _EXTRINSICS + _INTRINSICS)
  remedy = f"expected Human3.6M's metadata.xml with {expected} numbers in <w0>"
  try:
    check_size(path, _LARGEST_MB)
    text = ElementTree.parse(path).getroot().findtext(".//w0") or ""
    words = re.split(r"[\s,;]+", text.strip(" \t\r\n[]"))
    numbers = np.array([float(word) for word in words if word])
  except (OSError, ElementTree.ParseError, ValueError) as error:
    raise ValueError(
      f"{path}: cannot be read ({problem(error)}); {remedy}"
    ) from error
  if numbers.size != expected or not np.isfinite(numbers).all():
    raise ValueError(f"{path}: has {numbers.size} numbers; {remedy}")
  split = len(PHOTO_SIZES) * _SUBJECTS * _EXTRINSICS
  extrinsics = numbers[:split].reshape(-1, _SUBJECTS, _EXTRINSICS)
  intrinsics = numbers[split:].reshape(-1, _INTRINSICS)
  return {
    (f"S{s + 1}", name): Camera(
      rotation=Rotation.from_euler("XYZ", extrinsics[c, s, :3]).as_matrix(),
      position=extrinsics[c, s, 3:] / 1000.0,
      focal=intrinsics[c, 0:2],
      center=intrinsics[c, 2:4],
      radial=intrinsics[c, 4:7],
      tangential=intrinsics[c, 7:9],
      size=PHOTO_SIZES[name],
    )
    for c, name in enumerate(PHOTO_SIZES)
    for s in range(_SUBJECTS)
  }


def world_to_camera(points: np.ndarray, camera: Camera) -> np.ndarray:
  """Points `[..., 3]` of the world, metres, in the camera frame."""
  return (points - camera.position) @ camera.rotation.T


def _factor_and_shift(
  points: np.ndarray, camera: Camera
) -> tuple[np.ndarray, np.ndarray]:
  """Distortion of `[..., 2]` points on the plane z = 1: factor and shift."""
  r2 = np.sum(np.square(points), axis=-1, keepdims=True)
  k1, k2, k3 = camera.radial
  swapped = camera.tangential[::-1]
  tangential = np.sum(points * swapped, axis=-1, keepdims=True)
  factor = 1.0 + r2 * (k1 + r2 * (k2 + r2 * k3)) + tangential
  return factor, r2 * swapped


def distort(points: np.ndarray, camera: Camera) -> np.ndarray:
  """Where the lens moves points `[..., 2]` of the plane z = 1.

  x' = x (1 + k1 r^2 + k2 r^4 + k3 r^6 + p1 y + p2 x) + r^2 (p2, p1), which is
  Human3.6M's own model. It is not OpenCV's, whose tangential factor is twice
  as large.
  """
  factor, shift = _factor_and_shift(points, camera)
  return points * factor + shift


def project(points: np.ndarray, camera: Camera) -> np.ndarray:
  """Pixels `[..., 2]` of points `[..., 3]` (camera frame) in the photo.

  With the lens distortion: these are the numbers of `D2_Positions`.
  """
  plane = points[..., :2] / points[..., 2:]
  return distort(plane, camera) * camera.focal + camera.center


def project_pinhole(points: np.ndarray, camera: Camera) -> np.ndarray:
  """Pixels `[..., 2]` of points `[..., 3]` in the photo without distortion."""
  return points[..., :2] / points[..., 2:] * camera.focal + camera.center


def undistort_pixels(pixels: np.ndarray, camera: Camera) -> np.ndarray:
  """Pixels `[..., 2]` of the photo in the photo without distortion."""
  distorted = (pixels - camera.center) / camera.focal
  points = distorted
  for _ in range(_ITERATIONS):
    factor, shift = _factor_and_shift(points, camera)
    points = (distorted - shift) / factor
  return points * camera.focal + camera.center


def undistortion_maps(camera: Camera) -> tuple[np.ndarray, np.ndarray]:
  """Maps for `cv2.remap` from a photo to the photo without distortion.

  Both photos have the same size and the same focal length and center.

  Returns:
    float32 `[H, W]` x and y, counted from the centre of the first pixel as
    OpenCV does.
  """
  width, height = camera.size
  pixels = np.stack(
    np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5), axis=-1
  )
  plane = (pixels - camera.center) / camera.focal
  source = distort(plane, camera) * camera.focal + camera.center - 0.5
  return source[..., 0].astype(np.float32), source[..., 1].astype(np.float32)
