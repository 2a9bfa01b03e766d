"""What every person detector of this package returns, and how it is asked."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

from hund_tf.types import NUM_KEYPOINTS

_FEWEST = 5  # keypoints of which it is judged how far they are spread


class Detection(NamedTuple):
  """A person in a photo."""

  box: np.ndarray  # [4] float32 left, top, width, height, pixels of the photo
  score: float  # confidence in [0, 1]
  keypoints: np.ndarray  # [137, 3] float32 x, y (pixels of the photo) and
  # confidence in [0, 1]; 0 = unknown
  mask: np.ndarray | None = None  # [H, W] uint8, 1 where this person is seen
  landmarks_3d: np.ndarray | None = None  # [137, 4] float32 x, y, z (metres,
  # from the roots of `body.landmarks_3d`) and weight in [0, 1], 0 = unknown; x
  # right, y down, z away from who looks at the person's middle


class PersonDetector(Protocol):
  """Finds people and their landmarks in a photo."""

  def detect(
    self,
    image: np.ndarray,
    boxes: Sequence[Sequence[float]] | None = None,
    max_people: int | None = None,
  ) -> list[Detection]:
    """Finds the people of a photo.

    Args:
      image: [H, W, 3] uint8, RGB.
      boxes: person boxes [N, 4] (left, top, width, height, pixels) to use
        instead of searching the photo; None searches.
      max_people: at most so many people are returned; None returns all.

    Returns:
      Detections by descending score, or in the order of the boxes; a box in
      which nobody is found has none. Empty if nobody was found.

    Raises:
      ValueError: if the image or a box is not usable.
    """
    ...


def check_image(image: np.ndarray) -> None:
  """Raises ValueError unless `image` is a non-empty [H, W, 3] uint8 array."""
  if not isinstance(image, np.ndarray):
    raise ValueError(
      f"image: got {type(image).__name__}, expected a numpy array [H, W, 3]"
    )
  if image.ndim != 3 or image.shape[-1] != 3 or image.size == 0:
    raise ValueError(
      f"image: shape is {image.shape}, expected [H, W, 3] with H, W > 0"
    )
  if image.dtype != np.uint8:
    raise ValueError(f"image: dtype is {image.dtype}, expected uint8")


def check_boxes(
  boxes: Sequence[Sequence[float]], height: int, width: int
) -> np.ndarray:
  """Validates person boxes of a photo of `height` x `width` pixels.

  Returns:
    [N, 4] float32 boxes, as given.

  Raises:
    ValueError: if a box is not four finite numbers, has no area, or lies
      outside the photo.
  """
  checked = []
  for i, box in enumerate(boxes):
    try:
      row = np.asarray(box, np.float32)
    except (TypeError, ValueError):
      row = np.zeros(0, np.float32)
    if row.shape != (4,) or not np.all(np.isfinite(row)):
      raise ValueError(
        f"box {i}: {box!r} is not four finite numbers left, top, width, height"
      )
    left, top, w, h = row.tolist()
    if w <= 0 or h <= 0:
      raise ValueError(f"box {i}: {box!r} has width or height <= 0")
    if left >= width or top >= height or left + w <= 0 or top + h <= 0:
      raise ValueError(
        f"box {i}: {box!r} lies outside the photo of {width} x {height} pixels"
      )
    checked.append(row)
  return np.stack(checked) if checked else np.zeros((0, 4), np.float32)


def check_people(people: Sequence[Detection], height: int, width: int) -> None:
  """Checks what somebody else says of the people of a photo.

  Args:
    people: of the photo.
    height: of the photo, pixels.
    width: of the photo, pixels.

  Raises:
    ValueError: naming the person, if a box or a keypoint is not finite or is
      farther outside of the photo than its larger side, if a box has no area,
      if at least five keypoints lie within a pixel, or if fewer than half of
      those that are known lie in the photo.
  """
  size = f"the photo of {width} x {height} pixels"
  far = float(max(height, width))
  for i, person in enumerate(people):
    box = np.asarray(person.box, np.float64)
    points = np.asarray(person.keypoints, np.float64)
    places = points[~(points[:, 2] <= 0)]  # not finite: known, and wrong
    corners = np.stack([box[:2], box[:2] + box[2:]])
    if not np.isfinite(places).all() or not np.isfinite(corners).all():
      raise ValueError(f"person {i}: has values that are not finite")
    if (box[2:] <= 0).any():
      raise ValueError(f"person {i}: has a box without area")
    if not len(places):
      continue
    places = places[:, :2]
    extent = np.concatenate([corners, places])
    if (extent < -far).any() or (extent > [width + far, height + far]).any():
      raise ValueError(
        f"person {i} lies outside {size}, at up to "
        f"{np.abs(extent).max():.3g}; expected the landmarks of this photo, in "
        "its pixels"
      )
    inside = ((places >= 0) & (places <= [width, height])).all(axis=1)
    if inside.mean() < 0.5:
      raise ValueError(
        f"person {i} lies outside {size} with {np.sum(~inside)} of "
        f"{len(inside)} keypoints; expected the landmarks of this photo, in "
        "its pixels"
      )
    if len(places) >= _FEWEST and np.ptp(places, axis=0).max() < 1.0:
      raise ValueError(
        f"person {i}: has {len(places)} keypoints within a pixel; expected "
        "a person's"
      )


def empty_keypoints() -> np.ndarray:
  """[137, 3] float32 zeros: all keypoints unknown."""
  return np.zeros((NUM_KEYPOINTS, 3), np.float32)
