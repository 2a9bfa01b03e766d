"""How far an exported model of people agrees with this package."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from hund_tf.detection.anchors import box_iou

_SAME = 0.5  # of the union of boxes that are of the same person


class Found(NamedTuple):
  """N people of a photo."""

  boxes: np.ndarray  # [N, 4] left, top, width, height, pixels
  joints: np.ndarray  # [N, 63, 3] metres, camera frame
  keypoints_2d: np.ndarray  # [N, 137, 2] pixels


class Pairs(NamedTuple):
  """K people whom both found, and how far apart they are."""

  boxes: np.ndarray  # [K] largest difference of a box's numbers, pixels
  joints: np.ndarray  # [K] mean distance of the joints, millimetres
  against_pelvis: np.ndarray  # [K] the same with the pelvises together
  of_depth: np.ndarray  # [K] mean distance, shares of that from the camera
  keypoints: np.ndarray  # [K] largest distance in the photo, pixels


def of_outputs(outputs: Mapping[str, np.ndarray], row: int) -> Found:
  """The people of one photo of a model's outputs (`export.people_module`).

  Raises:
    ValueError: if the model could not read the photo; says why.
  """
  count = int(outputs["num_people"][row])
  if count < 0:
    raise ValueError(outputs["error"][row].decode())
  return Found(*(outputs[name][row, :count] for name in Found._fields))


def pairs(ours: Sequence[Found], theirs: Sequence[Found]) -> Pairs:
  """People of the same photos, by the boxes that overlap most.

  Args:
    ours: of each photo.
    theirs: of the same photos, in their order.
  """
  rows = [
    _apart(a, i, b, j)
    for a, b in zip(ours, theirs, strict=True)
    for i, j in _matches(a.boxes, b.boxes)
  ]
  return Pairs(*np.reshape(np.array(rows, float), [-1, 5]).T)


def _matches(a: np.ndarray, b: np.ndarray) -> list[tuple[int, int]]:
  """Indices of boxes `[N, 4]` and `[M, 4]` of the same people."""
  overlaps = box_iou(a, b)
  found = []
  while overlaps.size and overlaps.max() > _SAME:
    i, j = np.unravel_index(overlaps.argmax(), overlaps.shape)
    found.append((int(i), int(j)))
    overlaps[i], overlaps[:, j] = 0.0, 0.0
  return sorted(found)


def _apart(a: Found, i: int, b: Found, j: int) -> tuple[float, ...]:
  """The fields of `Pairs` of one person."""
  ours, theirs = a.joints[i], b.joints[j]
  mean = lambda x: 1e3 * float(np.linalg.norm(x, axis=-1).mean())
  joints = mean(ours - theirs)
  pixels = np.linalg.norm(a.keypoints_2d[i] - b.keypoints_2d[j], axis=-1)
  return (
    float(np.abs(a.boxes[i] - b.boxes[j]).max()),
    joints,
    mean((ours - ours[:1]) - (theirs - theirs[:1])),
    joints / (1e3 * float(np.linalg.norm(ours[0]))),
    float(pixels.max()),
  )
