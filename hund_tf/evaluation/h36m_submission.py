"""Protocol `h36m_official`: the file for Human3.6M's evaluation server.

The layout is that of `H36MSubmit` in version 1.1 of the code that comes with
the data set, and what `H36MComputeError` of the same code reads, all numbers
little-endian:

  uint8, text    name of the experiment: "All" (S2, S3, S4) or "AllFull" (and
                 S10, whose videos are not public)
  uint8, text    "D3_Positions_mono": millimetres in the camera frame
  uint8          1: the pelvis is subtracted
  uint8          1: the 17 joints of the part "body"
  uint16         number of videos, then for each
    uint8, text  its name, "Directions 1.54138969"
    uint16 x 2   N frames and D = 51 numbers of a frame
    float32      N x D

Videos come by subject, action, take and camera. The server takes a fixed
number of frames of a take, the least of its four videos, at 50 per second.
"""

import os
import struct
from collections import defaultdict
from typing import NamedTuple

import numpy as np

from hund_tf.body.joint_sets import H36M_17
from hund_tf.datasets.human36m import actions
from hund_tf.datasets.human36m.cameras import PHOTO_SIZES
from hund_tf.evaluation.predictions import Predictions
from hund_tf.files import atomic_path

SUBJECTS = ("S2", "S3", "S4", "S10")
_PUBLIC = SUBJECTS[:3]
_ACTIONS = (
  "Directions",
  "Discussion",
  "Eating",
  "Greeting",
  "Phoning",
  "Posing",
  "Purchases",
  "Sitting",
  "SittingDown",
  "Smoking",
  "Photo",
  "Waiting",
  "Walking",
  "WalkDog",
  "WalkTogether",
)
_FEATURE = "D3_Positions_mono"
# The 17 joints of the part "body": the right leg first, the right arm last.
JOINTS = (
  "pelvis",
  *(f"{side}_{name}" for side in "rl" for name in ("hip", "knee", "ankle")),
  *("spine", "neck", "jaw", "head_top"),
  *(f"{s}_{name}" for s in "lr" for name in ("shoulder", "elbow", "wrist")),
)
_ROWS = [H36M_17.index(name) for name in JOINTS]


class Submission(NamedTuple):
  """What was written."""

  experiment: str
  videos: int
  frames: int
  filled: int  # frames without a prediction, interpolated between others


def write(predictions: Predictions, path: str | os.PathLike) -> Submission:
  """Writes predictions of the withheld subjects for the server, atomically.

  Frames without a prediction are interpolated between those beside them, and
  the first and the last held, because the server refuses an action with a
  number that is not finite. Frames beyond the last key of one of the four
  videos of a take are left out, as the server does.

  Args:
    predictions: with Human3.6M's 17 joints; keys are
      "S2/Directions 1/54138969/000000", frames counted from 0.
    path: of the file, usually NAME.results.

  Raises:
    ValueError: if a key is not of a withheld subject, a video is missing or
      has no prediction, or the joints are not Human3.6M's.
    OutputError: if the file cannot be written.
  """
  joints = predictions.arrays.get("joints_17")
  if joints is None:
    raise ValueError(
      f"submission: predictions have {', '.join(predictions.arrays)}, expected "
      "joints_17"
    )
  videos: dict[tuple, dict[int, int]] = defaultdict(dict)
  for row, key in enumerate(predictions.keys):
    video, frame = _parsed(key)
    videos[video][frame] = row
  subjects = SUBJECTS if any(v[0] == "S10" for v in videos) else _PUBLIC
  lengths = _lengths(videos, subjects)
  relative = 1e3 * (joints - joints[:, :1])[:, _ROWS]
  experiment = "All" if subjects == _PUBLIC else "AllFull"
  total = filled = 0
  with atomic_path(path) as temporary, temporary.open("wb") as file:
    file.write(_text(experiment) + _text(_FEATURE) + struct.pack("<BB", 1, 1))
    file.write(struct.pack("<H", len(lengths)))
    for (subject, take, camera), length in lengths.items():
      name = f"{subject}/{take}/{camera}"
      track, holes = _filled(
        name, videos[subject, take, camera], relative, length
      )
      file.write(_text(f"{take}.{camera}"))
      file.write(struct.pack("<HH", *track.shape))
      file.write(track.astype("<f4").tobytes())
      total, filled = total + length, filled + holes
  return Submission(experiment, len(lengths), total, filled)


def _parsed(key: str) -> tuple[tuple[str, str, str], int]:
  """Subject, take and camera of a key, and its frame."""
  parts = key.split("/")
  if (
    len(parts) != 4
    or parts[0] not in SUBJECTS
    or actions.action(parts[1]) not in _ACTIONS
    or parts[2] not in PHOTO_SIZES
    or not parts[3].isdecimal()
  ):
    raise ValueError(
      f"submission: key {key!r} is not of a withheld video, expected such as "
      "'S2/Directions 1/54138969/000000' of S2, S3, S4 or S10"
    )
  return (parts[0], parts[1], parts[2]), int(parts[3])


def _lengths(
  videos: dict[tuple, dict[int, int]], subjects: tuple[str, ...]
) -> dict[tuple[str, str, str], int]:
  """Frames of each video, in the server's order."""
  takes = sorted(
    {(subject, take) for subject, take, _ in videos},
    key=lambda pair: (
      SUBJECTS.index(pair[0]),
      _ACTIONS.index(actions.action(pair[1])),
      actions.trial(*pair),
      pair[1],
    ),
  )
  expected = 2 * len(_ACTIONS) * len(subjects)
  if len(takes) != expected:
    raise ValueError(
      f"submission: predictions of {len(takes)} takes, expected {expected}, "
      f"two of each of 15 actions of {', '.join(subjects)}"
    )
  result = {}
  for subject, take in takes:
    names = [(subject, take, camera) for camera in PHOTO_SIZES]
    for name in names:
      if name not in videos:
        raise ValueError(
          f"submission: {'/'.join(name)} has no predictions, expected all four "
          "cameras of each take"
        )
    length = min(max(videos[name]) + 1 for name in names)
    result |= dict.fromkeys(names, length)
  return result


def _filled(
  name: str, rows: dict[int, int], joints: np.ndarray, length: int
) -> tuple[np.ndarray, int]:
  """A video's joints `[length, 51]`, and how many frames were interpolated."""
  frames = np.array(sorted(rows))
  known = joints[[rows[frame] for frame in frames]].reshape(len(frames), -1)
  finite = np.isfinite(known).all(-1)
  if not finite.any():
    raise ValueError(
      f"submission: none of the {len(frames)} predictions of {name} is finite; "
      "expected some in each video"
    )
  frames, known = frames[finite], known[finite]
  every = np.arange(length)
  track = np.stack(
    [np.interp(every, frames, column) for column in known.T], axis=-1
  )
  return track, int(length - np.isin(every, frames).sum())


def _text(value: str) -> bytes:
  data = value.encode("ascii")
  return struct.pack("<B", len(data)) + data
