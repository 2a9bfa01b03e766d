"""What every person detector of this package returns, and how it is asked."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

from hund_tf.types import NUM_KEYPOINTS


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


def empty_keypoints() -> np.ndarray:
  """[137, 3] float32 zeros: all keypoints unknown."""
  return np.zeros((NUM_KEYPOINTS, 3), np.float32)
