"""People's boxes in photos, by NanoDet-g on the whole photo and on tiles.

NanoDet tells, for each cell of three grids, how likely each of COCO's 80
classes is there, and how far the four sides of the box are: the mean of a
distribution over 0, 1, ... 10 cells (X. Li et al., "Generalized Focal Loss",
NeurIPS 2020).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import expit, softmax

from hund_tf.detection.anchors import non_maximum_suppression
from hund_tf.detection.grouping import grouped, repeated
from hund_tf.detection.networks import NANODET, shared_network
from hund_tf.detection.roi import Roi, crop_rois, tile_rois

_PERSON = 0
_CLASSES = 80
_BINS = 11
_STRIDES = (8, 16, 32)
_BORDER = 0.03  # of a tile's side; boxes that reach it may be cut by it


@dataclass(frozen=True)
class NanoDetConfig:
  """Where NanoDet looks, and what of it counts."""

  tile_fraction: float = 0.6  # side of the tiles, larger sides of the photo
  min_score: float = 0.3  # of a box that is seen in the whole photo
  min_tile_score: float = 0.4  # of a box that is seen in a tile
  max_iou: float = 0.6  # of the boxes of two people


class Boxes(NamedTuple):
  """People's boxes."""

  boxes: np.ndarray  # [N, 4] left, top, width, height
  scores: np.ndarray  # [N] in [0, 1]


def decode_boxes(
  outputs: Mapping[str, np.ndarray], side: int, min_score: float
) -> list[Boxes]:
  """The people that NanoDet sees in crops, before suppression.

  A cell counts if a person is the likeliest of its classes.

  Args:
    outputs: `stride_8`, `stride_16` and `stride_32`, each [B, S, S, 80 + 4 x
      11]: logits of the classes and of the distances of left, top, right and
      bottom, in cells.
    side: of the crops, pixels.
    min_score: boxes below are dropped.

  Returns:
    For each crop, boxes in [0, 1] of the crop (they may reach beyond it).
  """
  found: list[list[Boxes]] = [[] for _ in outputs["stride_8"]]
  for stride in _STRIDES:
    values = outputs[f"stride_{stride}"]
    logits = values[..., :_CLASSES]
    scores = expit(logits[..., _PERSON])
    people = (np.argmax(logits, -1) == _PERSON) & (scores >= min_score)
    crops, rows, columns = np.nonzero(people)
    bins = values[people][:, _CLASSES:].reshape(-1, 4, _BINS)
    reach = softmax(bins, axis=-1) @ np.arange(_BINS) * stride
    center = (np.stack([columns, rows], axis=-1) + 0.5) * stride
    low, high = center - reach[:, :2], center + reach[:, 2:]
    boxes = np.concatenate([low, high - low], axis=-1) / side
    for b, crop in enumerate(found):
      crop.append(Boxes(boxes[crops == b], scores[people][crops == b]))
  return [
    Boxes(*(np.concatenate(part) for part in zip(*crop, strict=True)))
    for crop in found
  ]


def uncut(boxes: np.ndarray, tile: Roi, height: int, width: int) -> np.ndarray:
  """Which boxes [N, 4] are not cut by the border of their tile.

  A tile's border cuts nothing where it lies on or beyond the photo's.

  Args:
    boxes: in [0, 1] of the tile.
    tile: an upright region of the photo.
    height: of the photo, pixels.
    width: of the photo, pixels.

  Returns:
    [N] bool.
  """
  low, high = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]
  start = np.array([tile.x, tile.y]) - tile.size / 2
  end = start + tile.size
  inner_start, inner_end = start > 0.5, end < np.array([width, height]) - 0.5
  cut = (inner_start & (low < _BORDER)) | (inner_end & (high > 1 - _BORDER))
  return ~np.any(cut, axis=-1)


class NanoDet:
  """Finds people's boxes in photos."""

  def __init__(self, config: NanoDetConfig | None = None):
    self.config = config or NanoDetConfig()
    self._network = shared_network(NANODET)

  def __call__(self, images: Sequence[np.ndarray]) -> list[Boxes]:
    """The people of [H, W, 3] uint8 photos.

    The photos, each within a black square, and their tiles are read together. A
    box that the border of a tile cuts is left to the other tiles and the photo.

    Returns:
      Of each photo, boxes in its pixels and within it, the surest first.
    """
    tiles = [
      tile_rois(*image.shape[:2], 1.0)
      + tile_rois(*image.shape[:2], self.config.tile_fraction)
      for image in images
    ]
    counts = [len(of_photo) for of_photo in tiles]
    seen = self.read(repeated(images, counts), sum(tiles, []))
    return [
      self._joined(*each)
      for each in zip(images, tiles, grouped(seen, counts), strict=True)
    ]

  def _joined(
    self, image: np.ndarray, tiles: Sequence[Roi], found: Sequence[Boxes]
  ) -> Boxes:
    """The people of a photo of what its tiles show; the first is the whole."""
    config = self.config
    height, width = image.shape[:2]
    thresholds = [config.min_score] + [config.min_tile_score] * (len(tiles) - 1)
    parts = []
    for tile, seen, threshold in zip(tiles, found, thresholds, strict=True):
      kept = uncut(seen.boxes, tile, height, width) & (seen.scores >= threshold)
      boxes = seen.boxes[kept] * tile.size
      boxes[:, :2] += np.array([tile.x, tile.y]) - tile.size / 2
      parts.append((boxes, seen.scores[kept]))
    boxes, scores = (np.concatenate(p) for p in zip(*parts, strict=True))
    low = np.clip(boxes[:, :2], 0, [width, height])
    high = np.clip(boxes[:, :2] + boxes[:, 2:], 0, [width, height])
    boxes = np.concatenate([low, high - low], axis=-1)
    kept = non_maximum_suppression(boxes, scores, config.max_iou)
    return Boxes(boxes[kept], scores[kept])

  def read(
    self, images: Sequence[np.ndarray], tiles: Sequence[Roi]
  ) -> list[Boxes]:
    """What is seen in upright square regions, in [0, 1] of each.

    Args:
      images: the photo of each region.
      tiles: the regions.
    """
    side = self._network.side
    out = self._network(crop_rois(images, tiles, side))
    lowest = min(self.config.min_score, self.config.min_tile_score)
    return decode_boxes(out, side, lowest)
