"""How right tracks are, on a clip whose truth is known.

Joints are the 22 of the body without hands and face. Errors are over frames in
which a person is inside the picture; a person who is missed there has none, but
counts against the numbers.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from hund_tf.body import skeleton
from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.detection.anchors import box_iou
from hund_tf.evaluation import metrics
from hund_tf.geometry import camera
from hund_tf.synthetic.clips import FPS, Clip
from hund_tf.types import Intrinsics, state_from_vector
from hund_tf.video.sightings import Chunk
from hund_tf.video.tracks import Track, posed

_NAMES = ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
_ROWS = [
  skeleton.INDEX[f"{side}_{name}"] for name in _NAMES for side in ("l", "r")
]
JOINTS = [skeleton.INDEX["pelvis"], *_ROWS]
_FEET = [skeleton.INDEX[f"{side}_ball"] for side in ("l", "r")]
_STANDS = 0.15  # m/s of a foot's ball that stands
_SAME = 0.3  # overlap of boxes of the same person
_MM = 1e3
_NOWHERE = np.zeros(2, bool)


class Found(NamedTuple):
  """Somebody in a frame."""

  id: int
  joints: np.ndarray  # [63, 3] metres, camera frame
  shape: np.ndarray  # [16]
  stands: np.ndarray = _NOWHERE  # bool [2], whether the feet do


class Scores(NamedTuple):
  """Means over people and frames, and standard errors of means."""

  frames: int  # people times frames that are inside
  found: float  # share of these in which somebody is found there
  right: float  # share of these with the person's number
  pa_mpjpe: tuple[float, float]  # mm, and its standard error
  mpjpe: tuple[float, float]  # mm, pelvises together
  place: float  # mm, of the pelvis in the camera frame
  acceleration: float  # error of joints against the pelvis, m/s^2
  acceleration_camera: float  # the same in the camera frame
  slip: float  # mm/s, of balls of feet that in truth stand
  slip_called: float  # the same of feet that are said to stand; NaN: none are
  stand_recall: float  # share of feet that stand of which it is said
  stand_precision: float  # share of feet said to stand that do; NaN: none are
  shape_variance: float  # of latents within a number


def of_tracks(
  tracks: Sequence[Track], body_model: BodyModel, count: int
) -> list[list[Found]]:
  """Who is found in each of so many frames, by tracks."""
  frames: list[list[Found]] = [[] for _ in range(count)]
  for track in tracks:
    body = posed(body_model, track, slice(None), "proxy_1500")
    for i, frame in enumerate(track.frames):
      frames[frame].append(
        Found(track.id, body.joints[i], track.shape[i], track.contacts[i])
      )
  return frames


def of_chunks(
  chunks: Sequence[Chunk], body_model: BodyModel, count: int
) -> list[list[Found]]:
  """Who is found in single frames; nobody has a number."""
  frames: list[list[Found]] = [[] for _ in range(count)]
  for chunk in chunks:
    if not len(chunk.owners):
      continue
    states = state_from_vector(tf.constant(chunk.people.state, tf.float32))
    body = body_model.decode(states, "proxy_1500")
    rows = zip(
      chunk.owners, body.joints.numpy(), states.shape.numpy(), strict=True
    )
    for owner, joints, shape in rows:
      frames[chunk.numbers[owner]].append(Found(-1, joints, shape))
  return frames


def numbers_of(frames: Sequence[Sequence[Found]], clip: Clip) -> dict[int, int]:
  """The number that each true person is found by."""
  return _numbers(_all_matched(frames, clip), clip)


def where_found(frames: Sequence[Sequence[Found]], clip: Clip) -> np.ndarray:
  """Whether each true person is found in each frame, bool `[P, T]`."""
  there = np.zeros(clip.inside.shape, bool)
  for t, found in enumerate(_all_matched(frames, clip)):
    there[list(found), t] = True
  return there & clip.inside


def score(
  frames: Sequence[Sequence[Found]],
  clip: Clip,
  counted: np.ndarray | None = None,
) -> Scores:
  """Compares who is found in each frame with the truth.

  Args:
    frames: who is found in each.
    clip: the truth.
    counted: bool `[P, T]`, of whom and where errors are taken; by default
      wherever somebody is found.
  """
  matched = _all_matched(frames, clip)
  numbers = _numbers(matched, clip)
  inside = int(clip.inside.sum())
  there = right = 0
  pa, rooted, place, local, whole, steps = [], [], [], [], [], []
  shapes: dict[int, list[np.ndarray]] = {}
  for person in range(len(clip.states)):
    joints = np.full((len(frames), len(JOINTS), 3), np.nan)
    feet = np.full((len(frames), len(_FEET), 3), np.nan)
    said = np.zeros((len(frames), len(_FEET)), bool)
    for t in np.flatnonzero(clip.inside[person]):
      found = matched[t].get(person)
      if found is None:
        continue
      there += 1
      right += found.id >= 0 and found.id == numbers.get(person)
      if counted is None or counted[person, t]:
        joints[t] = found.joints[JOINTS]
        feet[t], said[t] = found.joints[_FEET], found.stands
      shapes.setdefault(found.id, []).append(found.shape)
    truth = clip.joints[person][:, JOINTS]
    seen = np.isfinite(joints).all(axis=(1, 2))
    pa.append(metrics.pa_mpjpe(joints[seen], truth[seen]))
    roots = joints[seen][:, 0], truth[seen][:, 0]
    rooted.append(metrics.mpjpe(joints[seen], truth[seen], *roots))
    place.append(metrics.translation_error(*roots))
    local.append(
      _acceleration(joints - joints[:, :1])
      - _acceleration(truth - truth[:, :1])
    )
    whole.append(_acceleration(joints) - _acceleration(truth))
    steps.append(_steps(feet, said, clip.joints[person][:, _FEET]))
  variances = [np.var(s, axis=0).mean() for s in shapes.values()]
  weights = [len(s) for s in shapes.values()]
  speeds, said, stand = np.concatenate(steps).T
  return Scores(
    inside,
    there / max(inside, 1),
    right / max(inside, 1),
    _mean(pa),
    _mean(rooted),
    _MM * float(np.mean(np.concatenate(place))),
    float(np.nanmean(np.linalg.norm(np.concatenate(local), axis=-1))),
    float(np.nanmean(np.linalg.norm(np.concatenate(whole), axis=-1))),
    _MM * _mean_where(stand, speeds),
    _MM * _mean_where(said, speeds),
    _mean_where(stand, said),
    _mean_where(said, stand),
    float(np.average(variances, weights=weights)) if shapes else 0.0,
  )


def _steps(feet: np.ndarray, said: np.ndarray, truth: np.ndarray) -> np.ndarray:
  """Feet from one frame to the next, `[N, 3]`, where they are known.

  How fast they are, m/s, whether they are said to stand, and whether they do.

  Args:
    feet: `[T, 2, 3]` found, NaN where they are not.
    said: bool `[T, 2]`, whether they are said to stand.
    truth: `[T, 2, 3]`.
  """
  speeds, true = (
    np.linalg.norm(np.diff(x, axis=0), axis=-1) * FPS for x in (feet, truth)
  )
  found = np.stack([speeds, said[1:] & said[:-1], true < _STANDS], axis=-1)
  return found[np.isfinite(speeds)]


def _mean_where(chosen: np.ndarray, values: np.ndarray) -> float:
  """The mean of some values; NaN if there are none."""
  return float(values[chosen > 0].mean()) if np.any(chosen) else float("nan")


def _all_matched(
  frames: Sequence[Sequence[Found]], clip: Clip
) -> list[dict[int, Found]]:
  """Who is found of each frame's true people."""
  return [
    _matched(found, clip.joints[:, t], clip.intrinsics)
    for t, found in enumerate(frames)
  ]


def _matched(
  found: Sequence[Found], truth: np.ndarray, intrinsics: Intrinsics
) -> dict[int, Found]:
  """By true person who is found there, each at most once."""
  if not found:
    return {}
  boxes = _boxes(np.stack([f.joints for f in found]), intrinsics)
  overlap = box_iou(_boxes(truth, intrinsics), boxes)
  matched = {}
  while overlap.size and overlap.max() > _SAME:
    i, j = divmod(int(np.argmax(overlap)), overlap.shape[1])
    matched[i] = found[j]
    overlap[i], overlap[:, j] = -1.0, -1.0
  return matched


def _boxes(joints: np.ndarray, intrinsics: Intrinsics) -> np.ndarray:
  """Boxes [N, 4] of joints [N, 63, 3], pixels."""
  pixels = camera.project(tf.constant(joints, tf.float32), intrinsics).numpy()
  low = pixels.min(axis=1)
  return np.concatenate([low, pixels.max(axis=1) - low], axis=-1)


def _numbers(matched: Sequence[dict[int, Found]], clip: Clip) -> dict[int, int]:
  """The number of each true person: the most frequent one, each given once."""
  counts: dict[tuple[int, int], int] = {}
  for t, found in enumerate(matched):
    for person, one in found.items():
      if clip.inside[person, t]:
        counts[person, one.id] = counts.get((person, one.id), 0) + 1
  numbers: dict[int, int] = {}
  for (person, number), _ in sorted(counts.items(), key=lambda x: -x[1]):
    if person not in numbers and number not in numbers.values():
      numbers[person] = number
  return numbers


def _acceleration(joints: np.ndarray) -> np.ndarray:
  """[T - 2, N, 3] m/s^2."""
  return (joints[2:] - 2.0 * joints[1:-1] + joints[:-2]) * FPS**2


def _mean(values: Sequence[np.ndarray]) -> tuple[float, float]:
  """Mean and its standard error, mm, of values `[T]` of each person.

  Frames that follow each other are alike: the error is that of means over half
  seconds.
  """
  every = np.concatenate(values)
  size = int(FPS / 2)
  blocks = [
    v[i : i + size].mean() for v in values for i in range(0, len(v), size)
  ]
  error = np.std(blocks, ddof=1) / np.sqrt(len(blocks))
  return _MM * float(every.mean()), _MM * float(error)
