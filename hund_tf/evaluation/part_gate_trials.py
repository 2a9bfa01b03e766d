"""Trials of the gates: hands that are not a person's, and hands that are.

Synthetic people with the errors of detectors are given wrong hands: their own
other one, those of somebody else, or what a hand network makes of an object.
The body is found of the same wrong landmarks, as it would be in a photo. What
counts is the share of hands that are accepted.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from hund_tf.detection.features import image_features
from hund_tf.detection.interface import Detection
from hund_tf.evaluation import figures
from hund_tf.evaluation.figures import Row
from hund_tf.losses.heatmaps import target_from_features
from hund_tf.reconstruction.attention import HANDS, ROWS
from hund_tf.reconstruction.methods import Method
from hund_tf.reconstruction.part_results import PartResult
from hund_tf.reconstruction.parts import Whole
from hund_tf.types import CROP_SIZE, Intrinsics, TrainingExample

# Kind of a trial: what stands in for both hands of a person.
TRUE = "own hands"
KINDS = (
  TRUE,
  "other hand of the person, where it is",
  "other hand of the person, at this wrist",
  "hand of another person, elsewhere",
  "hand of another person, at this wrist",
  "object at this wrist, as a hand turned anyhow",
  "object at this wrist, as scattered points",
)
_FEWEST = 12  # landmarks of a hand that takes part
_NEAR = 0.35  # of a wrong hand's wrist from the right one, regions' sides: as
# far as the detector allows
_REGION = 1.6  # side of a region, sizes of the hand
_AWAY = 3.0  # of a hand elsewhere, sizes of the hand
_BOX = np.array([0.0, 0.0, CROP_SIZE, CROP_SIZE], np.float32)

# What judges the parts of people: `PartFusion.judged`.
Judge = Callable[[Whole], dict[str, list[PartResult]]]


def detections_of(example: TrainingExample) -> list[Detection]:
  """The people of examples as a detector gives them; crops are the photos."""
  features = example.features
  target = target_from_features(features)
  points = np.concatenate(
    [target.keypoints, target.keypoint_weights[..., None]], axis=-1
  )
  points[points[..., 2] <= 0.0] = 0.0
  spatial = np.concatenate(
    [features.landmarks_3d, features.landmark_3d_weights[..., None]], axis=-1
  )
  return [
    Detection(_BOX, 1.0, person.astype(np.float32), None, in_space)
    for person, in_space in zip(points, spatial, strict=True)
  ]


def with_wrong_hands(
  people: list[Detection], kind: str, rng: np.random.Generator
) -> list[Detection]:
  """The people of a trial.

  Args:
    people: at least two, with their own hands.
    kind: one of `KINDS`.
    rng: draws whose hands they get, where and how.

  Returns:
    The same people; a hand that has no stand-in is not seen.
  """
  if kind == TRUE:
    return people
  changed = []
  for i, person in enumerate(people):
    points = person.keypoints.copy()
    spatial = person.landmarks_3d.copy()
    stranger = people[(i + 1 + rng.integers(len(people) - 1)) % len(people)]
    for name in HANDS:
      rows = ROWS[name]
      found = _stand_in(person, stranger, name, kind, rng)
      if found is None:
        points[rows], spatial[rows] = 0.0, 0.0
      else:
        points[rows], spatial[rows] = found
    changed.append(person._replace(keypoints=points, landmarks_3d=spatial))
  return changed


def _stand_in(
  person: Detection,
  stranger: Detection,
  name: str,
  kind: str,
  rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray] | None:
  """Landmarks `[21, 3]` and 3D landmarks `[21, 4]` in place of a hand's."""
  other = HANDS[1 - HANDS.index(name)]
  source = person if kind.startswith("other") else stranger
  side = other if kind.startswith("other") else name
  own = person.keypoints[ROWS[name]]
  points = source.keypoints[ROWS[side]].copy()
  spatial = source.landmarks_3d[ROWS[side]].copy()
  if min(np.sum(own[:, 2] > 0), np.sum(points[:, 2] > 0)) < _FEWEST:
    return None
  if kind.endswith("where it is"):
    return points, spatial
  size = float(np.ptp(own[own[:, 2] > 0, :2], axis=0).max())
  if kind.endswith("turned anyhow"):
    turn = Rotation.random(random_state=int(rng.integers(2**31)))
    spatial[:, :3] = turn.apply(spatial[:, :3])
    spread = max(float(np.ptp(spatial[:, :2], axis=0).max()), 1e-3)
    points[:, :2] = spatial[:, :2] * (size / spread)
  elif kind.endswith("scattered points"):
    spatial[:, :3] = rng.uniform(-0.08, 0.08, size=[21, 3])
    spatial[:, :3] -= spatial[:1, :3].copy()
    points[:, :2] = spatial[:, :2] * (size / 0.16)
  angle = rng.uniform(0.0, 2.0 * np.pi)
  far = _NEAR * _REGION * np.sqrt(rng.uniform())
  if kind.endswith("elsewhere"):
    far = _AWAY
  moved = size * far * np.array([np.cos(angle), np.sin(angle)])
  points[:, :2] += own[0, :2] - points[0, :2] + moved
  return points, spatial


def trials(
  examples: Iterable[TrainingExample],
  method: Method,
  judge: Judge,
  count: int,
  seed: int = 0,
) -> Iterator[tuple[str, list[list[PartResult]]]]:
  """By kinds the hands that were looked at, of each person.

  Args:
    examples: batches of people.
    method: finds their bodies.
    judge: of their hands.
    count: people are added until so many hands of each kind were looked at.
    seed: of the wrong hands.

  Yields:
    A kind, and of every person of a batch the results of hands.
  """
  rng = np.random.default_rng(seed)
  seen = dict.fromkeys(KINDS, 0)
  for example in examples:
    if min(seen.values()) >= count:
      return
    people = detections_of(example)
    cameras = Intrinsics(*(np.asarray(x) for x in example.intrinsics))
    for kind in KINDS:
      if seen[kind] >= count:
        continue
      given = with_wrong_hands(people, kind, rng)
      features = image_features(given, [_BOX] * len(given))
      trace = method(features, example.intrinsics)
      judged = judge(
        Whole(
          given,
          [(CROP_SIZE, CROP_SIZE)] * len(given),
          cameras,
          features,
          example.intrinsics,
          trace,
        )
      )
      rows = [
        [part for part in person if part.state is not None]
        for person in zip(*judged.values(), strict=True)
      ]
      seen[kind] += sum(map(len, rows))
      yield kind, rows


def run(
  examples: Iterable[TrainingExample],
  method: Method,
  judge: Judge,
  count: int,
  folder: Path,
) -> str:
  """Runs the trials, writes part_gates.csv and .json, returns the table."""
  found = {kind: [] for kind in KINDS}
  for kind, people in trials(examples, method, judge, count):
    found[kind] += people
  rows = []
  for kind, people in found.items():
    used = np.array([sum(p.used for p in person) for person in people])
    hands = np.array([len(person) for person in people])
    rows.append(
      Row(
        kind,
        {"people": int(np.sum(hands > 0)), "hands": int(hands.sum())},
        {"accepted": figures.share(used, hands)},
      )
    )
  figures.write(rows, {"hands_wanted": count}, folder, "part_gates")
  return figures.markdown(rows)
