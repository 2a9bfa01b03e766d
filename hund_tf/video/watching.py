"""The first pass: everybody in every frame of a chunk.

The first frame of a chunk, every `search_every`-th one and the first one after
a cut are searched; in those between, people are looked for where they were last
seen, a few frames at a time.
"""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from hund_tf.detection.anchors import box_iou
from hund_tf.detection.interface import Detection, PersonDetector
from hund_tf.types import Intrinsics
from hund_tf.video import looks
from hund_tf.video.fitting import Fit, Fitter, Start
from hund_tf.video.reading import Frame
from hund_tf.video.sightings import Chunk, People, stacked

SAME_SCENE = 0.5  # correlation of two frames' colours, below which it may end
_WIDER = 0.08  # boxes of bodies are widened by, of their larger side
_LEAST_BOX = 24.0  # pixels of who is looked for where they were
_SAME = 0.3  # overlap of boxes of the same person
_KNOWN = 0.2  # confidence of a keypoint that is there
_SURE = 0.5  # of one that bounds what is seen
_REACH = 0.15  # of a box: how far beyond it somebody may be seen
_LEAST_SHARE = 0.4  # of a box's sides, below which what is seen is a part


@dataclasses.dataclass
class Known:
  """Somebody who was seen in an earlier frame."""

  box: np.ndarray
  speed: np.ndarray  # [4] pixels/s
  seconds: float
  start: Start

  def box_at(self, seconds: float) -> np.ndarray:
    return self.box + self.speed * min(seconds - self.seconds, 0.25)


class Watcher:
  """Sees people in frames; it knows nothing from one chunk to the next."""

  def __init__(
    self,
    detector: PersonDetector,
    fitter: Fitter,
    intrinsics: Intrinsics,
    *,
    search_every: int = 10,
    together: int = 4,
    least_score: float = 0.4,
    max_people: int | None = None,
    warm: bool = False,
  ):
    """Keeps how people are found and fitted.

    Args:
      detector: finds people, or looks into boxes.
      fitter: fits bodies.
      intrinsics: of the video, fields `[2]`, pixels.
      search_every: frames from one that is searched to the next.
      together: frames that go through the networks together.
      least_score: of people who are looked for where they were.
      max_people: of a frame.
      warm: whether descents go on from earlier frames.
    """
    self._detector, self._fitter = detector, fitter
    self._intrinsics, self._warm = intrinsics, warm
    self._every, self._together = search_every, together
    self._least_score, self._max_people = least_score, max_people

  def __call__(self, frames: Sequence[Frame]) -> Chunk:
    """What is seen in the frames of a chunk."""
    colors = np.stack([looks.frame_colors(f.image) for f in frames])
    known: list[Known] = []
    people: list[People] = []
    owners: list[int] = []
    for rows in self._batches(colors):
      searched = self._searched(colors, rows[0])
      seen, known = self.look([frames[i] for i in rows], known, searched)
      for i, some in zip(rows, seen, strict=True):
        people += some
        owners += [i] * len(some)
    return Chunk(
      np.array([frame.number for frame in frames], np.int32),
      np.array([frame.seconds for frame in frames]),
      colors,
      np.array(owners, np.int32),
      stacked(people),
    )

  def look(
    self, batch: Sequence[Frame], known: Sequence[Known], searched: bool
  ) -> tuple[list[list[People]], list[Known]]:
    """Sees people in some frames.

    Args:
      batch: consecutive frames; one, if it is searched.
      known: who was seen before them.
      searched: whether the frame is searched for people; else they are looked
        for where they were.

    Returns:
      The people of each frame, one by one, and who is known after these.
    """
    found = self._detected(batch, known, searched)
    fits = self._fits(batch, found, known)
    seen = [
      [
        _sighting(frame.image, one, fit)
        for one, fit in zip(some, fitted, strict=True)
      ]
      for frame, some, fitted in zip(batch, found, fits, strict=True)
    ]
    return seen, _known_after(batch, found, fits, known)

  def _searched(self, colors: np.ndarray, row: int) -> bool:
    if row % self._every == 0:
      return True
    return looks.correlation(colors[row - 1], colors[row]) < SAME_SCENE

  def _batches(self, colors: np.ndarray) -> Iterator[list[int]]:
    """Rows that are done together: one that is searched, or some after it."""
    batch: list[int] = []
    for row in range(len(colors)):
      searched = self._searched(colors, row)
      if batch and (searched or len(batch) == self._together):
        yield batch
        batch = []
      batch.append(row)
      if searched:
        yield batch
        batch = []
    if batch:
      yield batch

  def _detected(
    self, batch: Sequence[Frame], known: Sequence[Known], searched: bool
  ) -> list[list[Detection]]:
    """The people of each frame."""
    if searched:
      (frame,) = batch
      return [self._detector.detect(frame.image, None, self._max_people)]
    boxes = [_boxes(frame, known) for frame in batch]
    asked = [i for i, some in enumerate(boxes) if len(some)]
    found: list[list[Detection]] = [[] for _ in batch]
    together = getattr(self._detector, "detect_photos", None)
    images = [batch[i].image for i in asked]
    if together is not None and len(asked) > 1:
      seen = together(images, [boxes[i] for i in asked])
    else:
      seen = [
        self._detector.detect(image, list(boxes[i]))
        for i, image in zip(asked, images, strict=True)
      ]
    for i, some in zip(asked, seen, strict=True):
      found[i] = [
        one._replace(box=_seen_box(one))
        for one in some
        if one.score >= self._least_score
      ]
    return found

  def _fits(
    self,
    batch: Sequence[Frame],
    found: Sequence[Sequence[Detection]],
    known: Sequence[Known],
  ) -> list[list[Fit]]:
    """The bodies of the people of each frame."""
    people = [one for some in found for one in some]
    if not people:
      return [[] for _ in batch]
    images, starts = [], []
    for frame, some in zip(batch, found, strict=True):
      for one in some:
        images.append(frame.image)
        starts.append(self._start(one.box, frame.seconds, known))
    fits = iter(self._fitter(images, people, self._intrinsics, starts))
    return [[next(fits) for _ in some] for some in found]

  def _start(self, box, seconds, known: Sequence[Known]) -> Start | None:
    """Where the descent of who is in a box goes on from."""
    if not self._warm or not known:
      return None
    boxes = np.array([one.box_at(seconds) for one in known])
    overlap = box_iou(boxes, np.asarray(box)[None])[:, 0]
    best = int(np.argmax(overlap))
    return known[best].start if overlap[best] > _SAME else None


def _boxes(frame: Frame, known: Sequence[Known]) -> np.ndarray:
  """Where known people are looked for in a frame, `[N, 4]` pixels."""
  height, width = frame.image.shape[:2]
  boxes = np.zeros((0, 4), np.float32)
  for one in known:
    box = one.box_at(frame.seconds)
    low = np.clip(box[:2], 0.0, [width, height])
    high = np.clip(box[:2] + box[2:], low, [width, height])
    size = high - low
    if size.max() < _LEAST_BOX or size.min() < 0.2 * _LEAST_BOX:
      continue
    row = np.concatenate([low, size])[None].astype(np.float32)
    if not len(boxes) or box_iou(row, boxes).max() < 0.9:
      boxes = np.concatenate([boxes, row])
  return boxes


def _known_after(
  batch: Sequence[Frame],
  found: Sequence[Sequence[Detection]],
  fits: Sequence[Sequence[Fit]],
  before: Sequence[Known],
) -> list[Known]:
  """Who is known after a batch: who was seen in its last frame with anybody."""
  for frame, some, fitted in reversed(
    list(zip(batch, found, fits, strict=True))
  ):
    if not some:
      continue
    return [
      _known(frame, _body_box(frame, one, fit), fit, before)
      for one, fit in zip(some, fitted, strict=True)
    ]
  return []


def _known(
  frame: Frame, box: np.ndarray, fit: Fit, before: Sequence[Known]
) -> Known:
  """A person with the speed since the last time."""
  speed = np.zeros(4)
  if before:
    overlap = box_iou(np.array([one.box for one in before]), box[None])[:, 0]
    last = before[int(np.argmax(overlap))]
    passed = frame.seconds - last.seconds
    if overlap.max() > _SAME and passed > 0.0:
      speed = (box - last.box) / passed
  return Known(box, speed, frame.seconds, Start(fit.last, fit.memory))


def _body_box(frame: Frame, person: Detection, fit: Fit) -> np.ndarray:
  """The box of a body and of what is seen of it, in the frame."""
  height, width = frame.image.shape[:2]
  low, high = fit.box[:2], fit.box[:2] + fit.box[2:]
  points = person.keypoints[person.keypoints[:, 2] > _KNOWN, :2]
  if len(points):
    reach = 0.2 * max(person.box[2:])
    near = np.all(
      (points > person.box[:2] - reach)
      & (points < person.box[:2] + person.box[2:] + reach),
      axis=1,
    )
    if near.any():
      low = np.minimum(low, points[near].min(axis=0))
      high = np.maximum(high, points[near].max(axis=0))
  margin = _WIDER * 0.5 * max(high - low)
  low = np.clip(low - margin, 0.0, [width - 1.0, height - 1.0])
  high = np.clip(high + margin, low + 1.0, [width, height])
  return np.concatenate([low, high - low])


def _seen_box(person: Detection) -> np.ndarray:
  """The box of what is seen of who was looked for in a box.

  As a search would find it: around the mask and the sure keypoints, not far
  beyond the box.
  """
  reach = _REACH * max(person.box[2:])
  first = person.box[:2] - reach
  last = person.box[:2] + person.box[2:] + reach
  points = person.keypoints[person.keypoints[:, 2] > _SURE, :2]
  if person.mask is not None:
    rows, columns = (np.flatnonzero(person.mask.any(axis=i)) for i in (1, 0))
    if len(rows):
      ends = [(columns[0], rows[0]), (columns[-1] + 1, rows[-1] + 1)]
      points = np.concatenate([points, np.clip(ends, first, last)])
  near = np.all((points >= first) & (points <= last), axis=1)
  if near.sum() < 2:
    return person.box
  low, high = points[near].min(axis=0), points[near].max(axis=0)
  if np.any(high - low < _LEAST_SHARE * person.box[2:]):
    return person.box
  return np.concatenate([low, high - low]).astype(np.float32)


def _sighting(image: np.ndarray, person: Detection, fit: Fit) -> People:
  spatial = person.landmarks_3d
  if spatial is None:
    spatial = np.zeros((len(person.keypoints), 4))
  return People(
    box=np.asarray(person.box, np.float32),
    score=np.array(person.score, np.float32),
    keypoints=np.asarray(person.keypoints, np.float32),
    landmarks_3d=np.asarray(spatial, np.float32),
    mask=np.round(255.0 * fit.foreground).astype(np.uint8),
    crop_box=fit.crop_box,
    looks=looks.person_looks(image, person),
    last=fit.last.astype(np.float32),
    polished=fit.polished.astype(np.float32),
    state=fit.state.astype(np.float32),
    quality=np.array(fit.quality, np.float32),
    uncertainty=fit.uncertainty.astype(np.float32),
  )
