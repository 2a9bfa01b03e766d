"""The 17 keypoints of COCO of one person, by MoveNet SinglePose Thunder.

MoveNet (a CenterNet, X. Zhou et al., "Objects as Points", 2019) gives maps of
64 x 64 cells: how likely a person's centre is in a cell, where the keypoints of
a person with that centre roughly are, how likely each keypoint is in a cell,
and the offset to its exact place. Where a crop shows several people, each peak
of the map of centres is a candidate, and the caller chooses whose pose it asked
for.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.ndimage import maximum_filter

from hund_tf.body.keypoints import COCO_NAMES
from hund_tf.detection.anchors import box_iou
from hund_tf.detection.networks import MOVENET_THUNDER, shared_network
from hund_tf.detection.roi import Roi, crop_views

_FALL = 1.8  # cells; scores fall as 1 / (distance + _FALL)
_MAX_CANDIDATES = 4
_PEAK_SIDE = 5  # cells of the neighbourhood in which a peak is the largest
_MIN_PEAK = 0.1  # of the largest centre
_MIN_APART = 1.5  # cells between the network's own choice and another peak
_SURE = 0.2  # scores of keypoints that bound a person
_FLOOR = 0.05  # lets the centre decide where no candidate fits
_DOUBT = 0.3  # what is left of candidates unlike another network's person
_AVOIDANCE = 3.0  # how much candidates that resemble a neighbour lose
_WIDTH = 0.1  # kernel width for poses that are alike, box sides
# The left keypoint for each right one, and the other way round.
MIRROR_17 = tuple(
  COCO_NAMES.index({"l_": "r_", "r_": "l_"}.get(name[:2], name[:2]) + name[2:])
  for name in COCO_NAMES
)


class Candidates(NamedTuple):
  """People whose centres are in one crop; the network's own choice first."""

  centers: np.ndarray  # [P] probability of the centre
  keypoints: np.ndarray  # [P, 17, 3] x, y and score in [0, 1]


def decode_people(
  outputs: Mapping[str, np.ndarray], limit: int = _MAX_CANDIDATES
) -> list[Candidates]:
  """Candidates for the person in each crop.

  The first is what the published network returns: the centre with the highest
  probability / (distance to the crop's middle + 1.8), in cells. Its keypoint k
  is in the cell with the highest heatmap / (distance to the rough place + 1.8).

  Args:
    outputs: `centers` [B, S, S, 1] and `heatmaps` [B, S, S, 17], probabilities;
      `regression` and `offsets` [B, S, S, 34], y, x of each keypoint in cells.
    limit: candidates of one crop, at most.

  Returns:
    For each crop, candidates with x, y in [0, 1] of the crop.
  """
  people = []
  for b, centers in enumerate(outputs["centers"][..., 0]):
    cells = _centers(centers)[:limit]
    rows, columns = cells.T
    places = outputs["regression"][b][rows, columns].reshape(-1, 17, 2)
    keypoints = [
      _keypoints(place + cell, outputs["heatmaps"][b], outputs["offsets"][b])
      for cell, place in zip(cells, places, strict=True)
    ]
    people.append(Candidates(centers[rows, columns], np.stack(keypoints)))
  return people


def _centers(centers: np.ndarray) -> np.ndarray:
  """Cells [P, 2] (row, column) of the people in a map [S, S]."""
  side = len(centers)
  grid = np.indices(centers.shape)
  from_middle = np.hypot(*(grid - side / 2))
  own = np.argmax(centers / (from_middle + _FALL))
  first = np.array(np.unravel_index(own, centers.shape))
  peaks = centers == maximum_filter(centers, _PEAK_SIDE)
  peaks &= centers > _MIN_PEAK * centers.max()
  peaks &= np.hypot(*(grid - first[:, None, None])) > _MIN_APART
  cells = np.argwhere(peaks)
  order = np.argsort(-centers[peaks], kind="stable")
  return np.concatenate([first[None], cells[order]])


def _keypoints(
  places: np.ndarray, heatmaps: np.ndarray, offsets: np.ndarray
) -> np.ndarray:
  """Keypoints [17, 3] x, y, score near rough places [17, 2] (row, column)."""
  side = len(heatmaps)
  grid = np.indices((side, side))[..., None]
  distance = np.hypot(grid[0] - places[:, 0], grid[1] - places[:, 1])
  near = (heatmaps / (distance + _FALL)).reshape(-1, 17)
  rows, columns = np.unravel_index(np.argmax(near, axis=0), (side, side))
  k = np.arange(17)
  exact = offsets.reshape(side, side, 17, 2)[rows, columns, k]
  points = (np.stack([rows, columns], axis=-1) + exact) / side
  scores = heatmaps[rows, columns, k]
  return np.concatenate([points[:, ::-1], scores[:, None]], axis=-1)


def similarity(
  keypoints: np.ndarray, reference: np.ndarray, size: float
) -> np.ndarray:
  """Mean Gaussian closeness of poses to a known one, in [0, 1].

  Args:
    keypoints: [P, 17, 3] x, y, score of P poses.
    reference: [17, 3] x, y, weight; keypoints of weight 0 do not count.
    size: side of the person's box; the unit of distance.

  Returns:
    [P].
  """
  weights = reference[:, 2]
  distance = np.linalg.norm(keypoints[..., :2] - reference[:, :2], axis=-1)
  close = np.exp(-0.5 * (distance / size / _WIDTH) ** 2)
  return close @ weights / max(float(weights.sum()), 1e-6)


def box_fit(keypoints: np.ndarray, box: np.ndarray) -> float:
  """Overlap (IoU) of a box [4] and the sure ones of keypoints [K, 3]."""
  sure = keypoints[keypoints[:, 2] > _SURE, :2]
  if len(sure) < 3:
    return 0.0
  bounds = [*sure.min(axis=0), *np.ptp(sure, axis=0)]
  return float(box_iou(np.array([bounds]), np.array([box]))[0, 0])


def trust(keypoints: np.ndarray, box: np.ndarray) -> float:
  """How far another network's keypoints [17, 3] are those of a box [4]."""
  return float(np.clip((box_fit(keypoints, box) - 0.35) / 0.3, 0.0, 1.0))


def choose_by_box(
  candidates: Candidates,
  box: np.ndarray,
  others: Sequence[np.ndarray] = (),
  likely: np.ndarray | None = None,
) -> int:
  """The candidate that fills a box [4] best and is none of the others.

  Args:
    candidates: with x, y in the pixels of the box.
    box: left, top, width, height.
    others: [17, 3] x, y, weight of people who are not meant.
    likely: [17, 3] x, y, weight of the person as another network sees it; the
      better it fills the box, the more it counts.
  """
  size = float(max(box[2:]))
  fit = np.array([box_fit(person, box) for person in candidates.keypoints])
  value = np.sqrt(candidates.centers) * (fit + _FLOOR)
  if likely is not None:
    alike = similarity(candidates.keypoints, likely, size)
    value *= _DOUBT + trust(likely, box) * alike
  if len(others):
    alike = [similarity(candidates.keypoints, o, size) for o in others]
    value *= np.exp(-_AVOIDANCE * np.max(alike, axis=0))
  return int(np.argmax(value))


class Thunder:
  """Reads the 17 keypoints of people whose regions are known."""

  def __init__(self):
    self._network = shared_network(MOVENET_THUNDER)

  def candidates(
    self, images: Sequence[np.ndarray], views: Sequence[tuple[Roi, bool]]
  ) -> list[Candidates]:
    """The people in some regions of photos, in one batch.

    Args:
      images: [H, W, 3] uint8, the photo of each view.
      views: as in `crop_views`.

    Returns:
      For each view, candidates with x, y in pixels of the photo, also of one
      that is looked at mirrored.
    """
    if not views:
      return []
    out = self._network(crop_views(images, views, self._network.side))
    found = []
    for (roi, mirrored), people in zip(views, decode_people(out), strict=True):
      keypoints = people.keypoints.astype(np.float64)
      if mirrored:
        keypoints = keypoints[:, list(MIRROR_17)]
        keypoints[..., 0] = 1.0 - keypoints[..., 0]
      keypoints[..., :2] = roi.to_image(keypoints[..., :2])
      found.append(Candidates(people.centers, keypoints))
    return found
