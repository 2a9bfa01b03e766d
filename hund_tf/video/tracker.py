"""Who is who from frame to frame.

People of a frame are assigned to tracks by the least sum of costs (Hungarian
method): boxes that do not overlap, pelvises and clothes and shapes that are far
apart. A track that nobody continues stays open for a while; who comes back in
the same clothes gets the old number.
"""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from hund_tf.detection.anchors import box_iou
from hund_tf.video import looks

_NEVER = 1e6
_SPEED = 4.0  # metres/s that somebody may have come nearer or gone farther
_NEAR = 0.5  # metres that a pelvis may be off
_LEARNING = 0.1  # of looks and shape, a frame
_SPEED_TIME = 0.15  # seconds over which boxes' speeds are averaged


class Seen(NamedTuple):
  """N people of a frame as the tracker compares them."""

  boxes: np.ndarray  # [N, 4] left, top, width, height, pixels
  pelvises: np.ndarray  # [N, 3] metres, camera frame
  shapes: np.ndarray  # [N, 16]
  looks: np.ndarray  # [N, 128]


@dataclasses.dataclass(frozen=True)
class TrackerConfig:
  """Weights of what people are compared by, and limits."""

  distance: float = 0.5  # weight of pelvises, of a metre
  looks: float = 1.5  # weight of clothes, of wholly different ones
  shape: float = 0.15  # weight of shapes, of a unit of the latents (rms)
  most: float = 1.9  # cost above which it is somebody else
  bridged_s: float = 1.0  # seconds that somebody may be out of sight
  returning_s: float = 60.0  # until when who returns gets the old number
  returning_looks: float = 0.45  # distance of clothes of who returns, at most


@dataclasses.dataclass
class _Track:
  id: int
  box: np.ndarray
  pelvis: np.ndarray
  shape: np.ndarray
  looks: np.ndarray
  seconds: float
  speed: np.ndarray  # [4] of the box, pixels/s

  def update(self, seen: Seen, row: int, seconds: float) -> None:
    passed = max(seconds - self.seconds, 1e-3)
    rate = (seen.boxes[row] - self.box) / passed
    share = min(passed / _SPEED_TIME, 1.0)
    self.speed = (1.0 - share) * self.speed + share * rate
    self.box, self.pelvis = seen.boxes[row], seen.pelvises[row]
    self.shape = self.shape + _LEARNING * (seen.shapes[row] - self.shape)
    self.looks = self.looks + _LEARNING * (seen.looks[row] - self.looks)
    self.seconds = seconds

  def box_at(self, seconds: float) -> np.ndarray:
    """Where the box is expected, soon after it was seen."""
    ahead = min(seconds - self.seconds, 0.3)
    return self.box + ahead * self.speed


class Tracker:
  """Gives people of consecutive frames numbers; a cut begins anew."""

  def __init__(self, config: TrackerConfig | None = None):
    self._config = config or TrackerConfig()
    self._tracks: list[_Track] = []
    self._next = 0

  def __call__(self, seconds: float, seen: Seen, cut: bool) -> Sequence[int]:
    """The numbers `[N]` of the people of the next frame.

    Args:
      seconds: of the frame.
      seen: its people.
      cut: whether the frame is the first of another scene.
    """
    if cut:
      self._tracks = []
    limit = seconds - self._config.returning_s
    self._tracks = [t for t in self._tracks if t.seconds >= limit]
    ids = [-1] * len(seen.boxes)
    if self._tracks and ids:
      costs = self._costs(seconds, seen)
      for i, j in zip(*linear_sum_assignment(costs), strict=True):
        if costs[i, j] < _NEVER:
          self._tracks[i].update(seen, j, seconds)
          ids[j] = self._tracks[i].id
    for j, number in enumerate(ids):
      if number < 0:
        ids[j] = self._next
        row = (field[j] for field in seen)
        self._tracks.append(_Track(self._next, *row, seconds, np.zeros(4)))
        self._next += 1
    return ids

  def _costs(self, seconds: float, seen: Seen) -> np.ndarray:
    """[tracks, people], `_NEVER` where it cannot be."""
    config, rows = self._config, []
    for track in self._tracks:
      lost = seconds - track.seconds
      clothes = looks.apart(track.looks, seen.looks)
      away = np.linalg.norm(seen.pelvises - track.pelvis, axis=-1)
      shape = np.sqrt(np.mean((seen.shapes - track.shape) ** 2, axis=-1))
      cost = config.looks * clothes + config.shape * shape
      if lost <= config.bridged_s:
        box = track.box_at(seconds)[None]
        overlap = np.array([box_iou(b[None], box)[0] for b in seen.boxes])
        far = np.maximum(away - _NEAR - _SPEED * lost, 0.0)
        cost = cost + 1.0 - overlap.ravel() + config.distance * far
        cost = np.where(cost > config.most, _NEVER, cost)
      else:  # out of sight: by clothes alone, and after all who are in sight
        other = clothes > config.returning_looks
        cost = np.where(other, _NEVER, cost + config.most)
      rows.append(cost)
    return np.array(rows)
