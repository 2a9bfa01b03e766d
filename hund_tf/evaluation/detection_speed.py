"""Where the time of the detector goes, step by step."""

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from hund_tf.detection import networks
from hund_tf.detection.detector import PeopleDetector, fuse_looks
from hund_tf.detection.hands import LEFT_HAND_POSE, RIGHT_HAND_POSE
from hund_tf.detection.mapping import assemble
from hund_tf.detection.masks import person_masks
from hund_tf.detection.roi import crop_roi, upright_roi

TILE = 256  # pixels, side of a person's part of a `crowd`


class StepTimes(NamedTuple):
  """Milliseconds of the steps of one detection."""

  people: int  # who were found
  steps: dict[str, float]

  @property
  def total(self) -> float:
    """Milliseconds of all steps."""
    return sum(self.steps.values())


def crowd(photo: np.ndarray, number: int) -> np.ndarray:
  """A photo of many: the square middle of one, side by side and in rows.

  Args:
    photo: [H, W, 3] uint8.
    number: of people; up to five of them in a row.

  Returns:
    [256 R, 256 C, 3] uint8; what is left of the last row is grey.
  """
  height, width = photo.shape[:2]
  side = min(height, width)
  box = np.array([(width - side) / 2, (height - side) / 2, side, side])
  tile = np.rint(crop_roi(photo, upright_roi(box), TILE)).astype(np.uint8)
  columns = min(number, 5)
  rows = -(-number // columns)
  image = np.full((rows * TILE, columns * TILE, 3), 128, np.uint8)
  for i in range(number):
    top, left = TILE * (i // columns), TILE * (i % columns)
    image[top : top + TILE, left : left + TILE] = tile
  return image


@contextmanager
def crops_at_once(number: int) -> Iterator[None]:
  """In this block each network reads so many crops at once, at most."""
  before = networks.MAX_BATCH
  networks.MAX_BATCH = number
  try:
    yield
  finally:
    networks.MAX_BATCH = before


def step_times(detector: PeopleDetector, image: np.ndarray) -> StepTimes:
  """Searches an [H, W, 3] uint8 photo as `detect` does, with a clock."""
  steps: dict[str, float] = {}
  begin = time.perf_counter()

  def done(step: str) -> None:
    nonlocal begin
    now = time.perf_counter()
    steps[step] = 1e3 * (now - begin)
    begin = now

  search = detector.search
  boxes = search.proposals([image])
  done("boxes: NanoDet, MediaPipe's detector")
  (found,) = search.candidates([image], boxes)
  done("guided joints: MoveNet twice, MediaPipe")
  people = search.distinct(found)
  done("who stays")
  images = [image] * len(people)
  looks = detector.looks(images, people)
  done("MediaPipe's four looks")
  poses = [fuse_looks(*each) for each in zip(people, looks, strict=True)]
  done("fusion")
  hands = [
    detector.hands(images, poses, indices)
    for indices in (LEFT_HAND_POSE, RIGHT_HAND_POSE)
  ]
  done("hands")
  parts = (detector.face(images, poses), *hands)
  done("face")
  keypoints = [
    assemble(pose, *(part.points[i] for part in parts), *image.shape[:2])
    for i, pose in enumerate(poses)
  ]
  person_masks(looks, keypoints, *image.shape[:2])
  done("keypoints and masks")
  return StepTimes(len(people), steps)


def medians(runs: Sequence[StepTimes]) -> StepTimes:
  """The median of each step over several runs."""
  values = defaultdict(list)
  for run in runs:
    for step, value in run.steps.items():
      values[step].append(value)
  steps = {step: float(np.median(v)) for step, v in values.items()}
  return StepTimes(runs[-1].people, steps)


def compare(
  detector: PeopleDetector, photo: np.ndarray, number: int, repeats: int
) -> tuple[StepTimes, StepTimes]:
  """The steps for a crowd, in batches and crop by crop, in turns.

  Args:
    detector: that is timed.
    photo: [H, W, 3] uint8 of one person.
    number: of people.
    repeats: timed runs of each, after one warm-up.
  """
  image = crowd(photo, number)
  runs: tuple[list[StepTimes], list[StepTimes]] = [], []
  for _ in range(1 + repeats):
    runs[0].append(step_times(detector, image))
    with crops_at_once(1):
      runs[1].append(step_times(detector, image))
  together, alone = (medians(of_kind[1:]) for of_kind in runs)
  return together, alone


def table(
  columns: Sequence[tuple[StepTimes, StepTimes]], numbers: Sequence[int]
) -> str:
  """A Markdown table: milliseconds by step, for each number of people."""
  titles = ["ms by step"]
  for number, (together, _) in zip(numbers, columns, strict=True):
    who = "person" if number == 1 else "people"
    titles.append(f"{number} {who}, {together.people} found")
    titles.append("crop by crop")
  steps = list(columns[0][0].steps)
  rows = [titles, ["---"] * len(titles)]
  pairs = [times for column in columns for times in column]
  rows += [[step, *(f"{t.steps[step]:.0f}" for t in pairs)] for step in steps]
  rows.append(["all", *(f"{t.total:.0f}" for t in pairs)])
  return "\n".join("| " + " | ".join(row) + " |" for row in rows)
