"""A picture of K and B: each person's crop, body keypoints, and parts."""

import colorsys

import cv2
import numpy as np

from hund_tf.body import keypoints as names
from hund_tf.body import parts as part_names

SIDE = 192  # pixels of one picture
_SEEN = 0.15  # least height of a drawn peak


def part_colors() -> np.ndarray:
  """Colours `[15, 3]` uint8 of the parts; the background is black.

  Left is warm, right is cold, so that exchanged sides are seen at once.
  """
  colors = np.zeros([len(part_names.NAMES), 3])
  lefts = [i for i, n in enumerate(part_names.NAMES) if n.startswith("l_")]
  for k, left in enumerate(lefts):
    value = 1.0 - 0.1 * k
    colors[left] = colorsys.hsv_to_rgb(0.02 + 0.025 * k, 0.9, value)
    right = part_names.MIRROR[left]
    colors[right] = colorsys.hsv_to_rgb(0.5 + 0.04 * k, 0.9, value)
  colors[part_names.INDEX["torso"]] = (0.6, 0.6, 0.6)
  colors[part_names.INDEX["head"]] = (1.0, 1.0, 0.4)
  return (255 * colors).astype(np.uint8)


def _peaks_picture(image: np.ndarray, heatmaps: np.ndarray) -> np.ndarray:
  """A darkened crop with the peaks of the body's keypoints."""
  picture = (image * 0.6).astype(np.float32)
  for i in range(heatmaps.shape[-1]):
    peak = cv2.resize(heatmaps[..., i], (SIDE, SIDE))
    name = names.NAMES[i]
    color = np.array([0.4, 1.0, 0.4], np.float32)
    if name.startswith("l_"):
      color = np.array([1.0, 0.45, 0.1], np.float32)
    elif name.startswith("r_"):
      color = np.array([0.1, 0.7, 1.0], np.float32)
    if peak.max() >= _SEEN:
      picture = np.maximum(picture, peak[..., None] * color)
  return picture


def draw(
  images: np.ndarray,
  heatmaps: np.ndarray,
  part_probs: np.ndarray,
  columns: int = 2,
) -> np.ndarray:
  """Crop, peaks and parts of some people.

  Args:
    images: `[B, S, S, 3]` in [0, 1].
    heatmaps: K `[B, 60, 60, 137]`; those of BODY_25 are drawn, the left ones
      orange and the right ones blue.
    part_probs: B `[B, 60, 60, 15]`.
    columns: people in a row.

  Returns:
    `[H, W, 3]` uint8.
  """
  colors = part_colors()
  cells = []
  for image, maps, parts in zip(images, heatmaps, part_probs, strict=True):
    small = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    peaks = _peaks_picture(small, maps[..., names.BODY])
    labels = colors[np.argmax(parts, axis=-1)]
    labels = cv2.resize(labels, (SIDE, SIDE), interpolation=cv2.INTER_NEAREST)
    row = np.concatenate([small, peaks, labels / 255.0], axis=1)
    cells.append((255 * np.clip(row, 0.0, 1.0)).astype(np.uint8))
  while len(cells) % columns:
    cells.append(np.zeros_like(cells[0]))
  lines = [
    np.concatenate(cells[i : i + columns], axis=1)
    for i in range(0, len(cells), columns)
  ]
  return np.concatenate(lines, axis=0)
