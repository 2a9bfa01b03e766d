"""How good K and B are: keypoints found, and parts that overlap."""

from typing import NamedTuple

import numpy as np

from hund_tf.body import keypoints as names
from hund_tf.body import parts as part_names
from hund_tf.evaluation.pck import correct_keypoints
from hund_tf.types import NUM_PARTS

ALPHA = 0.1  # of the larger side of the person's box
_GROUPS = {
  "body": (names.BODY,),
  "face": (names.FACE,),
  "hands": (names.LEFT_HAND, names.RIGHT_HAND),
}
_KNOWN_CELL = 0.5  # least known share of a cell that counts


class MultitaskScores(NamedTuple):
  """Fractions in [0, 1]; NaN where there is nothing to count."""

  pck: float  # seen keypoints of BODY_25 within 0.1 of the box
  pck_all: float  # hidden ones in the crop too
  pck_face: float  # seen
  pck_hands: float  # seen
  part_iou: float  # mean over the 14 parts
  iou: tuple[float, ...]  # of each of the 15 channels

  def as_dict(self) -> dict:
    """For JSON: the scores, and the overlap by the parts' names.

    What could not be counted is None.
    """
    scores = {
      name: _rounded(value)
      for name, value in self._asdict().items()
      if name != "iou"
    }
    by_part = zip(part_names.NAMES, self.iou, strict=True)
    return scores | {"iou": {name: _rounded(v) for name, v in by_part}}


def _rounded(value: float) -> float | None:
  return round(float(value), 4) if np.isfinite(value) else None


class MultitaskCounts:
  """Adds up what batches show; figures are of all of their people together."""

  def __init__(self):
    """Starts with nothing."""
    self._right = dict.fromkeys([*_GROUPS, "all"], 0)
    self._number = dict.fromkeys([*_GROUPS, "all"], 0)
    self._confusion = np.zeros([NUM_PARTS, NUM_PARTS], np.int64)

  def add_keypoints(
    self,
    predicted: np.ndarray,
    annotated: np.ndarray,
    known: np.ndarray,
    seen: np.ndarray,
    box_side: np.ndarray,
  ) -> None:
    """Counts keypoints.

    Args:
      predicted: `[B, 137, 2]` pixels.
      annotated: `[B, 137, 2]` pixels.
      known: `[B, 137]` whether annotated, and in the crop.
      seen: `[B, 137]` whether visible.
      box_side: `[B]` larger side of the person's box, pixels.
    """
    boxes = np.zeros([len(box_side), 4])
    boxes[:, 2:] = np.asarray(box_side)[:, None]
    right = correct_keypoints(predicted, annotated, known, boxes, ALPHA)
    seen = np.asarray(seen, bool) & np.asarray(known, bool)
    for group, slices in _GROUPS.items():
      for members in slices:
        self._number[group] += int(seen[:, members].sum())
        self._right[group] += int((right & seen)[:, members].sum())
    self._number["all"] += int(np.asarray(known, bool)[:, names.BODY].sum())
    self._right["all"] += int(right[:, names.BODY].sum())

  def add_parts(
    self, predicted: np.ndarray, truth: np.ndarray, cell_weights: np.ndarray
  ) -> None:
    """Counts cells by their largest channel.

    Args:
      predicted: `[B, H, W, 15]`.
      truth: `[B, H, W, 15]`.
      cell_weights: `[B, H, W]`; cells less than half known do not count.
    """
    counted = np.asarray(cell_weights) >= _KNOWN_CELL
    found = np.argmax(predicted, axis=-1)[counted]
    labels = np.argmax(truth, axis=-1)[counted]
    flat = np.bincount(labels * NUM_PARTS + found, minlength=NUM_PARTS**2)
    self._confusion += flat.reshape(NUM_PARTS, NUM_PARTS)

  def scores(self) -> MultitaskScores:
    """The figures of all that was added."""
    share = {
      group: self._right[group] / number if number else float("nan")
      for group, number in self._number.items()
    }
    both = np.diag(self._confusion)
    either = self._confusion.sum(0) + self._confusion.sum(1) - both
    iou = np.where(either > 0, both / np.maximum(either, 1), np.nan)
    parts = iou[1:][either[1:] > 0]
    return MultitaskScores(
      pck=share["body"],
      pck_all=share["all"],
      pck_face=share["face"],
      pck_hands=share["hands"],
      part_iou=float(parts.mean()) if len(parts) else float("nan"),
      iou=tuple(float(v) for v in iou),
    )
