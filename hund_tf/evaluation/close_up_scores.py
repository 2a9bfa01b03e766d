"""Protocols `hands` and `faces`: bodies and landmarks at annotated parts.

Distances are in larger sides of a hand's box, or of faces in distances of the
outer eye corners (NME). A hand or face of a person who is not found, or of
which nothing is said, counts as wrong in shares and is left out of means; the
table says how many there were. Hands in 3D are compared in millimetres.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hund_tf.evaluation import (
  close_ups,
  figures,
  metrics,
  part_metrics,
  protocols,
)
from hund_tf.evaluation.close_up_looks import Look, Seen
from hund_tf.evaluation.close_ups import (
  HANDS,
  PARTS,
  Photo,
  Subject,
)
from hund_tf.evaluation.config import EvaluationConfig
from hund_tf.evaluation.figures import Figure, Row
from hund_tf.records import shards

FACES = ("face",)
CLOSE = {"hands": (0.05, 0.1), "faces": (0.06, 0.1)}  # shares within these
_PARTS = {"hands": HANDS, "faces": FACES}
_MM = 1e3
_GROUPS = {False: "whole people", True: "alone"}


class CloseUp(NamedTuple):
  """A hand or face: N annotated points, and how far each is off."""

  name: str  # of the person
  group: str  # of `_GROUPS`
  part: str  # of `PARTS`
  side: float  # larger side of its box, pixels
  known: np.ndarray  # [N] bool, annotated
  body: np.ndarray  # [N] distances, NaN where unknown
  body_rooted: np.ndarray  # [N] with the first points moved together
  landmarks: np.ndarray  # [N]
  in_3d: dict[str, float]  # of `hand_errors` of the body and, as
  # `landmarks_pa_mpjpe`, of the landmarks, millimetres; empty: unknown


def judge(photo: Photo, look: Look, parts: Sequence[str]) -> list[CloseUp]:
  """The parts of a photo's people, and what a system makes of them."""
  return [
    _close_up(subject, part, seen)
    for subject, seen in zip(photo.subjects, look(photo), strict=True)
    for part in close_ups.judged_parts(subject)
    if part in parts
  ]


def _close_up(subject: Subject, part: str, seen: Seen | None) -> CloseUp:
  person, rows = subject.person, PARTS[part]
  known = person.weights[rows] > 0
  annotated = np.where(known[:, None], person.keypoints[rows], np.nan)
  box = close_ups.part_box(person, part)
  nothing = np.full(annotated.shape, np.nan)
  body, landmarks = nothing, nothing
  if seen is not None:
    body, landmarks = seen.points[rows], seen.landmarks[rows]

  def off(points: np.ndarray) -> np.ndarray:
    if part in FACES:
      return part_metrics.eye_distances(points, annotated)
    return part_metrics.box_distances(points, annotated, box)

  return CloseUp(
    subject.name,
    _GROUPS[subject.alone],
    part,
    float(box[2:].max()),
    known,
    off(body),
    off(body - body[:1] + annotated[:1]),
    off(landmarks),
    _in_3d(subject, part, seen),
  )


def _in_3d(subject: Subject, part: str, seen: Seen | None) -> dict[str, float]:
  truth = subject.joints[PARTS[part]]
  known = np.isfinite(truth).all(axis=-1)
  if part in FACES or seen is None or known.sum() < close_ups.MIN_POINTS:
    return {}
  rows, weights = PARTS[part], known.astype(float)
  errors = {}
  if np.isfinite(seen.joints[rows]).all():
    errors = part_metrics.hand_errors(seen.joints[rows], truth, weights)
  landmarks = seen.landmarks_3d[rows]
  if np.isfinite(landmarks).all():
    aligned = metrics.pa_mpjpe(landmarks, truth, weights)
    errors["landmarks_pa_mpjpe"] = aligned
  return {name: _MM * float(value) for name, value in errors.items()}


def _mean(distances: Sequence[np.ndarray], points: slice) -> Figure:
  """Over close-ups of the mean over their points that are known."""
  values = [row[points][np.isfinite(row[points])] for row in distances]
  return figures.mean(
    np.array([v.mean() if len(v) else np.nan for v in values])
  )


def _row(
  name: str,
  close: Sequence[CloseUp],
  kind: str,
  protocol: str,
) -> Row:
  distances = [getattr(one, kind) for one in close]
  counted = np.array([one.known.sum() for one in close])
  contour = part_metrics.CONTOUR
  if protocol == "faces":
    values = {
      "NME": _mean(distances, slice(None)),
      "NME without contour": _mean(distances, slice(contour, None)),
    }
  else:
    values = {"distance": _mean(distances, slice(None))}
    if kind == "body":
      rooted = [one.body_rooted for one in close]
      values["from the wrist"] = _mean(rooted, slice(1, None))
    else:
      values["from the wrist"] = Figure(np.nan, np.nan)
  shares = {
    f"within {limit:g}": figures.share(
      np.array([(row <= limit).sum() for row in distances]), counted
    )
    for limit in CLOSE[protocol]
  }
  counts = {
    protocol: len(close),
    "seen": sum(bool(np.isfinite(row).any()) for row in distances),
    "points": int(counted.sum()),
  }
  return Row(name, counts, values | shares)


def summarize(found: Sequence[CloseUp], protocol: str) -> list[Row]:
  """Means over hands or faces, shares over their points; errors over both.

  The third row of a group has the body's errors where the detector has
  landmarks, which are the same hands or faces as those of its second row.
  """
  rows = []
  for group in _GROUPS.values():
    here = [one for one in found if one.group == group]
    if not here:
      continue
    shown = [one for one in here if np.isfinite(one.landmarks).any()]
    rows.append(_row(f"{group}: body", here, "body", protocol))
    rows.append(_row(f"{group}: landmarks", here, "landmarks", protocol))
    if shown:
      title = f"{group}: body, where landmarks are"
      rows.append(_row(title, shown, "body", protocol))
  return rows


def summarize_3d(found: Sequence[CloseUp]) -> list[Row]:
  """Errors of hands with 3D joints, millimetres; none without any."""
  titles = {
    "pa_mpjpe": "MPJPE-PA",
    "mpjpe": "MPJPE from the wrist",
    "scaled_mpjpe": "the same, scaled",
    "landmarks_pa_mpjpe": "MPJPE-PA of the landmarks",
  }
  rows = []
  for group in _GROUPS.values():
    errors = [one.in_3d for one in found if one.group == group and one.in_3d]
    if errors:
      values = {
        title: figures.mean(np.array([row.get(name, np.nan) for row in errors]))
        for name, title in titles.items()
      }
      rows.append(Row(group, {"hands": len(errors)}, values))
  return rows


def _cases(found: Sequence[CloseUp]) -> list[dict[str, Any]]:
  lines = []
  for one in found:
    line = {"person": one.name, "group": one.group, "part": one.part}
    line |= {"side_px": figures.rounded(one.side), "points": one.known.sum()}
    for kind in ("body", "body_rooted", "landmarks"):
      known = getattr(one, kind)[np.isfinite(getattr(one, kind))]
      line[kind] = figures.rounded(known.mean()) if len(known) else None
    for name in ("pa_mpjpe", "mpjpe", "scaled_mpjpe", "landmarks_pa_mpjpe"):
      line[name] = figures.rounded(one.in_3d.get(name, np.nan))
    lines.append(line)
  return lines


def run(
  config: EvaluationConfig,
  look: Look,
  folder: Path,
  progress: Callable[[Iterable], Iterable] = iter,
) -> str:
  """Measures, writes NAME.csv, NAME_cases.csv and NAME.json; what to print.

  Args:
    config: `protocol`, `hands` or `faces`; `annotations`, or `truth`, person
      records with images.
    look: what is judged.
    folder: for the files; exists.
    progress: goes through the photos.

  Raises:
    ValueError: if the truth cannot be used, or has nothing to judge.
    PhotoError: if a photo cannot be read.
    OutputError: if a file cannot be written.
  """
  name, parts = config.protocol, _PARTS[config.protocol]
  found: list[CloseUp] = []
  if config.annotations:
    photos = close_ups.photos_of_files(
      config.annotations, config.photo_dir, config.min_scored_px
    )
    for path, subjects in progress(list(photos)):
      if any(set(close_ups.judged_parts(s)) & set(parts) for s in subjects):
        found += judge(close_ups.read_photo(path, subjects), look, parts)
  else:
    manifest = shards.read_manifest(Path(config.truth or ""))
    for record in progress(protocols.readable_records(manifest)):
      photo = close_ups.photo_of(record)
      if photo is not None:
        found += judge(photo, look, parts)
  if not found:
    raise ValueError(
      f"{', '.join(config.annotations) or config.truth}: there are no {name} "
      f"with at least {close_ups.MIN_POINTS} annotated points"
    )
  rows, in_3d = summarize(found, name), summarize_3d(found)
  about = {
    "protocol": name,
    "search": config.search_people,
    "in_3d_mm": [figures.as_dict(row) for row in in_3d],
  }
  figures.write(rows, about, folder, name)
  figures.write_lines(_cases(found), folder / f"{name}_cases.csv")
  unit = {"hands": "sides of the hand's box", "faces": "eye distances"}[name]
  lines = [f"Distances in {unit}, ± standard errors:", ""]
  lines.append(figures.markdown(rows))
  if in_3d:
    lines += ["", "In 3D, millimetres:", "", figures.markdown(in_3d, digits=1)]
  return "\n".join(lines)
