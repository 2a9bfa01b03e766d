"""Quantiles of the front end's errors, by where they are from, side by side.

Keypoints are compared in person sizes, the larger side of the person's box,
those of close-ups in sizes of the hand or face, and 3D landmarks in
millimetres, by group from its own root.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from hund_tf.body import keypoints as table
from hund_tf.datasets.coco import CocoPerson
from hund_tf.detection.interface import Detection
from hund_tf.evaluation import metrics
from hund_tf.evaluation.landmarks_3d import GROUPS as GROUPS_3D
from hund_tf.evaluation.landmarks_3d import Seen
from hund_tf.records.schema import PersonRecord
from hund_tf.synthetic import part_noise_fit
from hund_tf.synthetic.part_noise_fit import Observed

_QUANTILES = (0.5, 0.75, 0.9, 0.95)
_FAR = 0.1  # person sizes
_MM = 1e3
_PIXELS = (0.0, 64.0, 96.0, 160.0, np.inf)  # bounds of the sizes of parts
GROUPS = {
  "shoulders, hips": ("shoulder", "hip"),
  "elbows, knees": ("elbow", "knee"),
  "wrists, ankles": ("wrist", "ankle"),
  "heels, big toes": ("heel", "big_toe"),
}


class Keypoints(NamedTuple):
  """Keypoints of N people as they are and as they were seen."""

  truth: np.ndarray  # [N, 137, 2] person sizes; NaN: unknown
  hidden: np.ndarray  # [N, 137] bool
  points: np.ndarray  # [N, 137, 2] person sizes
  confidence: np.ndarray  # [N, 137]; 0: not reported


def of_records(records: Sequence[PersonRecord]) -> Keypoints:
  """The keypoints of records, annotated and detected."""
  truth = np.array([record.keypoints for record in records])
  seen = np.array([record.detected for record in records])
  boxes = np.array([record.box for record in records])
  hidden = np.array([record.visibility <= 0 for record in records])
  return _in_sizes(truth, hidden, seen, boxes)


def of_people(
  people: Sequence[CocoPerson], detections: Sequence[Detection | None]
) -> Keypoints:
  """Annotated people who are detected."""
  pairs = [
    pair for pair in zip(people, detections, strict=True) if pair[1] is not None
  ]
  truth = np.array([np.c_[p.keypoints, p.visibility > 0] for p, _ in pairs])
  hidden = np.array([p.visibility < 2 for p, _ in pairs])
  seen = np.array([found.keypoints for _, found in pairs])
  boxes = np.array([p.box for p, _ in pairs])
  return _in_sizes(truth, hidden, seen, boxes)


def _in_sizes(truth, hidden, seen, boxes) -> Keypoints:
  size = boxes[:, None, 2:].max(axis=-1, keepdims=True)
  middle = boxes[:, None, :2] + boxes[:, None, 2:] / 2
  known = np.where(truth[..., 2:] > 0, truth[..., :2], np.nan)
  return Keypoints(
    (known - middle) / size,
    hidden,
    (seen[..., :2] - middle) / size,
    seen[..., 2],
  )


def keypoint_table(sources: Mapping[str, Keypoints]) -> str:
  """A Markdown table: by group, seen or hidden, and source."""
  titles = [
    "",
    "errors",
    "people",
    "points",
    *(f"{q:.0%}" for q in _QUANTILES),
    f"beyond {_FAR}",
    "not reported",
    "confidence",
    "where beyond",
  ]
  lines = [titles, ["---"] * len(titles)]
  for group, rows in _rows().items():
    for state, wanted in (("seen", False), ("hidden", True)):
      for source, found in sources.items():
        cells = _cells(found, rows, wanted)
        if cells:
          lines.append([f"{group}, {state}", source, *cells])
  return _markdown(lines)


def _rows() -> dict[str, list[int]]:
  body = table.NAMES[table.BODY]
  found = {
    group: [i for i, name in enumerate(body) if name[2:] in roles]
    for group, roles in GROUPS.items()
  }
  count = len(table.NAMES)
  found["face"] = list(range(*table.FACE.indices(count)))
  hands = (table.LEFT_HAND, table.RIGHT_HAND)
  found["hands"] = [i for hand in hands for i in range(*hand.indices(count))]
  return found


def _cells(found: Keypoints, rows: list[int], hidden: bool) -> list[str]:
  """The figures of a line; none if there are no keypoints."""
  known = np.isfinite(found.truth[:, rows]).all(axis=-1)
  known &= found.hidden[:, rows] == hidden
  if not known.any():
    return []
  confidence = found.confidence[:, rows][known]
  offset = found.points[:, rows] - found.truth[:, rows]
  reported = confidence > 0
  far = np.linalg.norm(offset, axis=-1)[known][reported]
  sure = confidence[reported]
  beyond = far > _FAR
  return [
    str(int(known.any(axis=1).sum())),
    str(int(known.sum())),
    *_quantiles(far, 3),
    f"{beyond.mean():.3f}" if len(far) else "-",
    f"{1.0 - reported.mean():.3f}",
    f"{np.median(sure):.2f}" if len(sure) else "-",
    f"{np.median(sure[beyond]):.2f}" if beyond.any() else "-",
  ]


def landmark_table(sources: Mapping[str, Seen]) -> str:
  """A Markdown table of 3D landmarks: by group and source, over people."""
  quantiles = [f"{q:.0%}" for q in _QUANTILES]
  titles = ["", "errors", "people"]
  for name in ("MPJPE", "MPJPE-PA"):
    titles += [f"{name} {quantile}" for quantile in quantiles]
  lines = [titles, ["---"] * len(titles)]
  for group, rows in GROUPS_3D.items():
    for source, seen in sources.items():
      truth, landmarks = seen.truth[:, rows], seen.landmarks[:, rows]
      known = np.isfinite(truth).all(axis=-1)
      shown = known.any(axis=1) & (landmarks[..., 3].max(axis=1) > 0)
      if not shown.any():
        continue
      weights = known[shown].astype(np.float64)
      pair = landmarks[shown, :, :3], np.nan_to_num(truth[shown])
      distances = np.linalg.norm(pair[0] - pair[1], axis=-1)
      errors = (
        metrics.mean_over_joints(distances, weights),
        metrics.pa_mpjpe(*pair, weights),
      )
      cells = [cell for e in errors for cell in _quantiles(_MM * e, 0)]
      lines.append([group, source, str(int(shown.sum())), *cells])
  return _markdown(lines)


def part_table(
  sources: Mapping[str, Mapping[str, Observed]],
  looked: Mapping[str, np.ndarray],
) -> str:
  """A Markdown table of hands and faces in close-ups, by size and source.

  The first line of each is of all sizes.

  Args:
    sources: hands and faces that were found, of each source.
    looked: of all of them `[M, 2]` pixels and whether they were found.
  """
  quantiles = [f"{q:.0%}" for q in _QUANTILES]
  titles = ["", "pixels", "errors", "parts", "found", *quantiles]
  titles += [f"mean of a part {q}" for q in quantiles]
  lines = [[*titles, "confidence"], ["---"] * (len(titles) + 1)]
  for group, (pixels, found) in ((k, v.T) for k, v in looked.items()):
    for low, high in [(0.0, np.inf), *itertools.pairwise(_PIXELS)]:
      here = (pixels >= low) & (pixels < high)
      size = f"{low:.0f} to {high:.0f}" if high < np.inf else f"{low:.0f} on"
      for source, groups in sources.items():
        seen = groups[group]
        rows = (seen.pixels >= low) & (seen.pixels < high)
        if not rows.any():
          continue
        far = part_noise_fit.distances(seen.points[rows], seen.seen[rows])
        cells = [str(int(rows.sum())), f"{found[here].mean():.2f}"]
        cells += _quantiles(far.ravel(), 3) + _quantiles(far.mean(1), 3)
        cells.append(f"{np.median(seen.confidence[rows]):.2f}")
        lines.append([group, size, source, *cells])
  return _markdown(lines)


def _quantiles(values: np.ndarray, digits: int) -> list[str]:
  if not len(values):
    return ["-"] * len(_QUANTILES)
  return [f"{v:.{digits}f}" for v in np.quantile(values, _QUANTILES)]


def _markdown(lines: Sequence[Sequence[str]]) -> str:
  return "\n".join("| " + " | ".join(line) + " |" for line in lines)
