"""Who is who in the frames of a video, chunk after chunk."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from hund_tf.detection.anchors import box_iou
from hund_tf.types import (
  BODY_POSE_DIM,
  EXPRESSION_DIM,
  HAND_POSE_DIM,
  SHAPE_DIM,
)
from hund_tf.video import looks
from hund_tf.video.shapes import weights_of
from hund_tf.video.sightings import Chunk, People
from hund_tf.video.tracker import Seen, Tracker
from hund_tf.video.watching import SAME_SCENE

# Columns of a state that are its shape.
SHAPE = slice(
  BODY_POSE_DIM + 2 * HAND_POSE_DIM,
  BODY_POSE_DIM + 2 * HAND_POSE_DIM + SHAPE_DIM,
)
EXPRESSION = slice(SHAPE.stop, SHAPE.stop + EXPRESSION_DIM)
_STAYS = 0.3  # overlap of boxes of somebody who is there in the next frame


@dataclasses.dataclass
class Members:
  """Frames in which one person is seen; lists of what a frame gives."""

  scenes: list[int] = dataclasses.field(default_factory=list)
  frames: list[int] = dataclasses.field(default_factory=list)
  seconds: list[float] = dataclasses.field(default_factory=list)
  rows: list[tuple[int, int]] = dataclasses.field(default_factory=list)
  shapes: list[np.ndarray] = dataclasses.field(default_factory=list)
  weights: list[float] = dataclasses.field(default_factory=list)


class Numbers:
  """Gives everybody in consecutive frames a number, and finds cuts."""

  def __init__(self):
    self._tracker = Tracker()
    self._last: tuple[np.ndarray, np.ndarray] | None = None

  def __call__(
    self, seconds: float, colors: np.ndarray, people: People
  ) -> tuple[Sequence[int], bool]:
    """Numbers `[N]`, and whether the frame is the first of another scene.

    Args:
      seconds: of the frame.
      colors: `[64]` of the frame.
      people: N in it.
    """
    cut = self._is_cut(colors, people.box)
    self._last = colors, people.box
    seen = Seen(
      people.box,
      people.state[:, -3:],
      people.polished[:, SHAPE],
      people.looks,
    )
    return self._tracker(seconds, seen, cut), cut

  def _is_cut(self, colors: np.ndarray, boxes: np.ndarray) -> bool:
    """Colours change, and so do the people."""
    if self._last is None:
      return False
    before, others = self._last
    if looks.correlation(before, colors) >= SAME_SCENE:
      return False
    if not len(boxes) or not len(others):
      return True
    stay = box_iou(others, boxes).max(axis=1) > _STAYS
    return bool(stay.mean() < 0.5)


class Assignment:
  """Gives everybody in the chunks of a video, in their order, a number."""

  def __init__(self):
    self.members: dict[int, Members] = {}
    self.frames: list[int] = []  # all numbers
    self.seconds: list[float] = []
    self.cuts: list[int] = []  # numbers of the first frames of further scenes
    self._numbers = Numbers()
    self._chunks = 0

  def add(self, chunk: Chunk) -> None:
    """Takes the next chunk."""
    people = chunk.people
    weights = weights_of(people)
    for row, number in enumerate(chunk.numbers):
      own = chunk.of_frame(row)
      seconds = float(chunk.seconds[row])
      ids, cut = self._numbers(seconds, chunk.colors[row], people.row(own))
      if cut:
        self.cuts.append(int(number))
      self.frames.append(int(number))
      self.seconds.append(seconds)
      for one, i in zip(ids, own, strict=True):
        member = self.members.setdefault(one, Members())
        member.scenes.append(len(self.cuts))
        member.frames.append(len(self.frames) - 1)
        member.seconds.append(seconds)
        member.rows.append((self._chunks, int(i)))
        member.shapes.append(people.polished[i, SHAPE])
        member.weights.append(float(weights[i]))
    self._chunks += 1

  def drop_short(self, least: float) -> int:
    """Leaves out who is seen for less than some seconds; returns how many."""
    step = float(np.median(np.diff(self.seconds))) if self.seconds[1:] else 0.0
    short = [
      one
      for one, member in self.members.items()
      if len(member.frames) * step < least
    ]
    for one in short:
      del self.members[one]
    kept = sorted(self.members)
    self.members = {i: self.members[one] for i, one in enumerate(kept)}
    return len(short)
