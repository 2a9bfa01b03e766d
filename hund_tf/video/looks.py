"""Colours that tell people, and scenes, apart."""

import cv2
import numpy as np

from hund_tf.detection.interface import Detection

_BINS = 4  # of each channel
_SMALL = (64, 64)  # pixels of a person, or a frame, that are counted


def histogram(image: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
  """Shares `[64]` float32 of coarse colours.

  Args:
    image: `[H, W, 3]` uint8.
    mask: `[H, W]` uint8, not 0 where pixels count; None: everywhere.
  """
  counts = cv2.calcHist(
    [image], [0, 1, 2], mask, [_BINS] * 3, [0, 256] * 3
  ).ravel()
  return (counts / max(float(counts.sum()), 1.0)).astype(np.float32)


def frame_colors(image: np.ndarray) -> np.ndarray:
  """Colours of a frame `[64]`."""
  small = cv2.resize(image, _SMALL, interpolation=cv2.INTER_AREA)
  return histogram(small)


def person_looks(image: np.ndarray, person: Detection) -> np.ndarray:
  """Colours `[128]` of the upper and of the lower half of a person."""
  height, width = image.shape[:2]
  left, top = np.maximum(np.floor(person.box[:2]).astype(int), 0)
  right, bottom = np.ceil(person.box[:2] + person.box[2:]).astype(int)
  window = np.s_[top : min(bottom, height), left : min(right, width)]
  pixels = image[window]
  if pixels.size == 0:
    return np.zeros(2 * _BINS**3, np.float32)
  small = cv2.resize(pixels, _SMALL, interpolation=cv2.INTER_AREA)
  mask = np.ones(_SMALL, np.uint8)
  if person.mask is not None and np.any(person.mask[window]):
    mask = cv2.resize(
      person.mask[window].astype(np.uint8),
      _SMALL,
      interpolation=cv2.INTER_NEAREST,
    )
  half = _SMALL[1] // 2
  halves = (slice(None, half), slice(half, None))
  return np.concatenate([histogram(small[h], mask[h]) for h in halves])


def apart(first: np.ndarray, second: np.ndarray) -> np.ndarray:
  """Hellinger distance in [0, 1] of looks `[..., 128]`, of both halves."""
  shared = np.sqrt(first * second)
  shared = shared.reshape(*shared.shape[:-1], 2, -1).sum(axis=-1)
  return np.sqrt(np.maximum(1.0 - shared, 0.0)).mean(axis=-1)


def correlation(first: np.ndarray, second: np.ndarray) -> float:
  """Pearson's, of two frames' colours `[64]`."""
  a, b = first - first.mean(), second - second.mean()
  norm = float(np.linalg.norm(a) * np.linalg.norm(b))
  return float(a @ b) / norm if norm > 0.0 else 1.0
