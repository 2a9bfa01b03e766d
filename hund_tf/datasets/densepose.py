"""DensePose-COCO: 14 body parts of people in COCO 2014 photos.

Guler et al., CVPR 2018. An annotation has `dp_masks`, 14 run-length masks of
256 x 256 that are stretched over its box; the n-th one is our part n, and a
later one covers an earlier one. Within the box, whatever is in no mask is
background: other people in it as well, as only this person was annotated.
Outside of the box nothing is known.
"""

from dataclasses import dataclass

import numpy as np

from hund_tf.datasets.coco import CocoPeople, CocoPerson
from hund_tf.extras import load_extra
from hund_tf.records import regions
from hund_tf.records.schema import UNKNOWN_PART, PersonRecord
from hund_tf.types import NUM_PARTS

MASK_SIDE = 256


def decode_parts(masks: list) -> np.ndarray:
  """The labels of an annotation's masks over its box.

  Args:
    masks: `dp_masks`, 14 of COCO's run-length objects; empty where a part is
      not seen.

  Returns:
    `[256, 256]` uint8, part index, 0 background.

  Raises:
    ValueError: if there are not 14, or one is not of that size.
  """
  if len(masks) != NUM_PARTS - 1:
    raise ValueError(f"dp_masks has {len(masks)} masks, expected 14")
  run_lengths = load_extra("pycocotools.mask", "datasets")
  labels = np.zeros((MASK_SIDE, MASK_SIDE), np.uint8)
  for part, mask in enumerate(masks, start=1):
    if not mask:
      continue
    if list(mask["size"]) != [MASK_SIDE, MASK_SIDE]:
      raise ValueError(
        f"dp_masks: mask {part} is of {mask['size']}, expected 256 x 256"
      )
    if isinstance(mask["counts"], list):  # not compressed
      mask = run_lengths.frPyObjects(mask, MASK_SIDE, MASK_SIDE)
    if _pixels(mask["counts"]) != MASK_SIDE**2:
      # Decoding would leave the rest as it happens to be in memory.
      raise ValueError(f"dp_masks: mask {part} is truncated or corrupt")
    labels[run_lengths.decode(mask) > 0] = part
  return labels


def _pixels(counts: str | bytes) -> int:
  """How many pixels COCO's compressed run lengths cover.

  A run is a signed number in groups of 5 bits, the lowest first, each in a
  character above "0"; 32 tells that more follow. From the third on it is the
  difference to the run before the last.
  """
  runs: list[int] = []
  value = shift = 0
  for character in counts.encode() if isinstance(counts, str) else counts:
    bits = character - 48
    value |= (bits & 31) << shift
    shift += 5
    if not bits & 32:
      if bits & 16:
        value -= 1 << shift
      runs.append(value + (runs[-2] if len(runs) > 2 else 0))
      value = shift = 0
  return sum(runs) if min(runs, default=0) >= 0 else -1


def stretch(
  labels: np.ndarray, box: np.ndarray, width: int, height: int
) -> np.ndarray:
  """Labels over a box, for every pixel of an image: the nearest one's.

  Args:
    labels: `[256, 256]` uint8.
    box: `[4]` left, top, width, height, pixels of the image; may be fractional.
    width: of the image, pixels.
    height: of the image, pixels.

  Returns:
    `[height, width]` uint8; UNKNOWN_PART where a pixel's centre is outside of
    the box.
  """
  box = np.asarray(box, np.float64)
  index = [
    np.floor((np.arange(size) + 0.5 - box[i]) / box[2 + i] * MASK_SIDE)
    for i, size in ((1, height), (0, width))
  ]
  inside = [(places >= 0) & (places < MASK_SIDE) for places in index]
  rows, columns = (
    np.clip(places, 0, MASK_SIDE - 1).astype(int) for places in index
  )
  known = inside[0][:, None] & inside[1]
  return np.where(known, labels[np.ix_(rows, columns)], UNKNOWN_PART)


@dataclass(frozen=True)
class DensePose(CocoPeople):
  """DensePose-COCO: one record for each person with part masks."""

  name: str = "densepose"

  def reason_to_skip(self, row: dict, person: CocoPerson) -> str:
    """Not all people of the file have part masks."""
    return "" if row.get("dp_masks") else "no part masks"

  def add_labels(self, row: dict, record: PersonRecord) -> PersonRecord:
    """The record with its part labels."""
    width, height = (int(value) for value in record.image_size)
    labels = stretch(decode_parts(row["dp_masks"]), record.box, width, height)
    return record._replace(
      part_labels=regions.encode_png(labels),
      part_weights=np.ones(NUM_PARTS + 1, np.float32),
    )
