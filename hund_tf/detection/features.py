"""Landmarks and mask of a person as the crop's `ImageFeatures` (K and B)."""

from collections.abc import Sequence

import numpy as np

from hund_tf.compat import tf
from hund_tf.detection.interface import Detection
from hund_tf.detection.resampling import NEAREST
from hund_tf.detection.roi import crop_roi, upright_roi
from hund_tf.losses.heatmaps import render_heatmaps
from hund_tf.types import (
  CROP_SCALE,
  CROP_SIZE,
  MAP_SIZE,
  NUM_KEYPOINTS,
  NUM_PARTS,
  UNSEEN_BACKGROUND,
  ImageFeatures,
)

_CELL = CROP_SIZE / MAP_SIZE  # crop pixels


def crop_box(detection: Detection, scale: float = CROP_SCALE) -> np.ndarray:
  """The square box of a person's crop.

  Args:
    detection: the person.
    scale: side of the square, larger sides of the person's box.

  Returns:
    [4] float32 left, top, side, side, pixels; it may exceed the photo.

  Raises:
    ValueError: if the person's box has no area or the scale is not positive.
  """
  left, top, width, height = (float(v) for v in detection.box)
  if not (width > 0 and height > 0 and np.isfinite([left, top]).all()):
    raise ValueError(
      f"person box: {detection.box} has no area, expected width, height > 0"
    )
  if not scale > 0:
    raise ValueError(f"crop scale: got {scale}, expected > 0")
  side = scale * max(width, height)
  x, y = left + width / 2, top + height / 2
  return np.array([x - side / 2, y - side / 2, side, side], np.float32)


def _check_square(box: np.ndarray) -> np.ndarray:
  box = np.asarray(box, np.float32)
  if (
    box.shape != (4,) or not box[2] > 0 or abs(box[2] - box[3]) > 1e-3 * box[2]
  ):
    raise ValueError(
      f"crop box: got {box.tolist()}, expected left, top and two equal sides"
    )
  return box


def crop_image(
  image: np.ndarray, box: np.ndarray, size: int = CROP_SIZE
) -> np.ndarray:
  """Resamples the square `box` of a photo to `size` x `size` pixels.

  Crop pixel u is where photo pixel left + u * side / size is, both continuous
  (pixel centres at 0.5). Beyond the photo's border the crop is black.

  Args:
    image: [H, W, 3] uint8.
    box: [4] left, top, side, side, pixels.
    size: pixels.

  Returns:
    [size, size, 3] uint8.

  Raises:
    ValueError: if the box is not square.
  """
  crop = crop_roi(image, upright_roi(_check_square(box)), size)
  return np.rint(crop).astype(np.uint8)


def foreground_map(mask: np.ndarray, box: np.ndarray) -> np.ndarray:
  """Area-averaged foreground of a crop.

  Args:
    mask: [H, W] of the photo, non-zero where the person is.
    box: [4] left, top, side, side, pixels.

  Returns:
    [60, 60] float32 in [0, 1]; 0.5 beyond the photo's border.

  Raises:
    ValueError: if the mask is not [H, W] or the box is not square.
  """
  if mask.ndim != 2:
    raise ValueError(f"mask: shape is {mask.shape}, expected [H, W]")
  box = _check_square(box)
  seen = (np.asarray(mask) > 0).astype(np.uint8)
  crop = crop_roi(seen, upright_roi(box), CROP_SIZE, border=NEAREST)
  cell = int(_CELL)
  person = crop.reshape(MAP_SIZE, cell, MAP_SIZE, cell).mean(axis=(1, 3))
  inside = photo_map(mask.shape, box)
  return person * inside + (1.0 - UNSEEN_BACKGROUND) * (1.0 - inside)


def photo_map(shape: Sequence[int], box: np.ndarray) -> np.ndarray:
  """Share of each cell of a crop that lies in the photo.

  Args:
    shape: of the photo: height, width, ...
    box: [4] left, top, side, side, pixels.

  Returns:
    [60, 60] float32 in [0, 1].
  """
  left, top, side = (float(v) for v in box[:3])
  return np.outer(
    _share_inside(top, side, shape[0]), _share_inside(left, side, shape[1])
  ).astype(np.float32)


def _share_inside(start: float, side: float, length: int) -> np.ndarray:
  """[60] share of each cell of [start, start + side] within [0, length]."""
  edges = start + np.arange(MAP_SIZE + 1) * (side / MAP_SIZE)
  edges = np.clip(edges, 0.0, length)
  return np.diff(edges) * (MAP_SIZE / side)


def image_features(
  detections: Sequence[Detection], boxes: Sequence[np.ndarray]
) -> ImageFeatures:
  """What the landmarks and masks of some people say about their crops.

  K holds the landmarks inside the crop, weighted by their confidence. A mask
  fills the background channel of B, and only that channel and the visibility
  are known; without a mask nothing of B is. F has no channels. The 3D landmarks
  are those of the detection: its viewing frame is taken for that of the crop.

  Args:
    detections: B people.
    boxes: B square crop boxes [4], pixels of the photo; see `crop_box`.

  Returns:
    Features with the batch size B.

  Raises:
    ValueError: if the numbers of people and boxes differ or a box is no square.
  """
  if len(detections) != len(boxes):
    raise ValueError(
      f"crop boxes: got {len(boxes)}, expected {len(detections)}, one a person"
    )
  batch = len(detections)
  points = np.zeros((batch, NUM_KEYPOINTS, 2), np.float32)
  weights = np.zeros((batch, NUM_KEYPOINTS), np.float32)
  part_probs = np.zeros((batch, MAP_SIZE, MAP_SIZE, NUM_PARTS), np.float32)
  part_weights = np.zeros((batch, NUM_PARTS + 1), np.float32)
  spatial = np.zeros((batch, NUM_KEYPOINTS, 4), np.float32)
  for i, (person, box) in enumerate(zip(detections, boxes, strict=True)):
    if person.landmarks_3d is not None:
      spatial[i] = person.landmarks_3d
    left, top, side, _ = _check_square(box)
    confidence = person.keypoints[:, 2]
    locations = person.keypoints[:, :2] - [left, top]
    locations *= CROP_SIZE / side
    inside = np.all((locations >= 0) & (locations < CROP_SIZE), axis=1)
    known = inside & (confidence > 0)
    points[i] = np.where(known[:, None], locations, 0.0)
    weights[i] = np.where(known, np.clip(confidence, 0, 1), 0.0)
    if person.mask is not None:
      part_probs[i, ..., 0] = 1.0 - foreground_map(person.mask, box)
      part_weights[i, [0, NUM_PARTS]] = 1.0
  return ImageFeatures(
    heatmaps=render_heatmaps(points.astype(np.float64), weights),
    heatmap_weights=tf.constant(weights),
    part_probs=tf.constant(part_probs),
    part_weights=tf.constant(part_weights),
    features=tf.zeros([batch, MAP_SIZE, MAP_SIZE, 0]),
    landmarks_3d=tf.constant(spatial[..., :3]),
    landmark_3d_weights=tf.constant(spatial[..., 3]),
  )
