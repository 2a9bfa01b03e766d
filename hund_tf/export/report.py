"""The JSON result of a photo: a versioned schema, its maker and its check.

`docs/result_schema.md` says what each field means. The major version rises when
a reader of the old schema would misread the new one, the minor when fields are
added; a reader ignores fields it does not know.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import hund_tf
from hund_tf.body import keypoints, skeleton
from hund_tf.export.part_report import GAZE_SPEC, PART_SPECS, part_fields
from hund_tf.export.report_numbers import (
  LATENT,
  METRES,
  PIXEL,
  latents,
  rotation_vectors,
  rounded,
  significant,
)
from hund_tf.files import atomic_path, printable, read_json
from hund_tf.photos.cameras import CAMERA_SOURCES
from hund_tf.photos.people import SeenPhoto
from hund_tf.photos.source import PhotoSource
from hund_tf.types import (
  NUM_JOINTS,
  NUM_KEYPOINTS,
  STATE_DIMS,
  AlignmentTerms,
)

if TYPE_CHECKING:  # reading a report needs no detector
  from hund_tf.reconstruction.reconstructor import Person

SCHEMA = "hund_tf.reconstruction"
VERSION = "1.7"

_FRAME = "x right, y down, z forward; metres; origin at the camera"
_PIXELS = "x right, y down; pixel (0, 0) covers [0, 1) x [0, 1)"

# What a field must be: a type, a tuple of allowed strings, a dict of fields, or
# an array of numbers or strings of a shape, in which a letter stands for a
# length that is the same wherever it occurs within one person.
_NUMBERS, _STRINGS = "numbers", "strings"
_LATENTS = {name: (_NUMBERS, dim) for name, dim in STATE_DIMS._asdict().items()}
_PERSON_SPEC: dict[str, Any] = {
  "box": (_NUMBERS, 4),
  "score": float,
  "crop_box": (_NUMBERS, 4),
  "latents": _LATENTS,
  "joints": {
    "positions": (_NUMBERS, NUM_JOINTS, 3),
    "rotations": (_NUMBERS, NUM_JOINTS, 3, 3),
    "rotation_vectors": (_NUMBERS, NUM_JOINTS, 3),
  },
  "keypoints": {
    "positions": (_NUMBERS, NUM_KEYPOINTS, 3),
    "reprojected": (_NUMBERS, NUM_KEYPOINTS, 2),
    "detected": (_NUMBERS, NUM_KEYPOINTS, 2),
    "confidence": (_NUMBERS, NUM_KEYPOINTS),
  },
  "iterations": {
    name: (_NUMBERS, "M") for name in (*AlignmentTerms._fields, "seconds")
  },
}
# Of a person's stature, if it is known; both or none.
_HEIGHT_SPEC = {"height_m": float, "height_source": ("given", "estimated")}
# Of the photo's file, if there is one; all or none.
_SOURCE_SPEC = {"path": str, "bytes": int, "sha256": str}
_TRACE_SPEC = {
  name: (_NUMBERS, "M", dim) for name, dim in STATE_DIMS._asdict().items()
}
_SPEC: dict[str, Any] = {
  "schema": (SCHEMA,),
  "schema_version": str,
  "software": {"name": str, "version": str},
  "photo": {"file": str, "width": int, "height": int},
  "camera": {
    "focal": (_NUMBERS, 2),
    "center": (_NUMBERS, 2),
    "source": CAMERA_SOURCES,
  },
  "method": str,
  "conventions": {"camera_frame": str, "pixels": str},
  "joint_names": (_STRINGS, NUM_JOINTS),
  "joint_parents": (_NUMBERS, NUM_JOINTS),
  "keypoint_names": (_STRINGS, NUM_KEYPOINTS),
  "people": list,
}


def build_report(
  photo: SeenPhoto,
  method: str,
  people: Sequence["Person"],
  source: PhotoSource | None = None,
  include_trace: bool = False,
) -> dict[str, Any]:
  """The result of a photo as plain lists, numbers and strings.

  Args:
    photo: of which the name, the size and the camera are kept.
    method: name of the method.
    people: the people reconstructed, possibly none.
    source: the photo's file, its path as the report is to state it; None if
      there is none.
    include_trace: also writes the latents of every iteration.

  Returns:
    A dict that `validate_report` accepts.

  Raises:
    ValueError: naming the field, if a value is not finite or of a wrong shape.
  """
  report = {
    "schema": SCHEMA,
    "schema_version": VERSION,
    "software": {"name": "hund_tf", "version": hund_tf.__version__},
    "photo": _photo(photo, source),
    "camera": {
      "focal": rounded(photo.camera.intrinsics.focal, PIXEL),
      "center": rounded(photo.camera.intrinsics.center, PIXEL),
      "source": photo.camera.source,
    },
    "method": method,
    "conventions": {"camera_frame": _FRAME, "pixels": _PIXELS},
    "joint_names": list(skeleton.NAMES),
    "joint_parents": list(skeleton.PARENTS),
    "keypoint_names": list(keypoints.NAMES),
    "people": [_person(person, include_trace) for person in people],
  }
  if photo.empty_boxes:
    report["empty_boxes"] = list(photo.empty_boxes)
  validate_report(report)
  return report


def _photo(photo: SeenPhoto, source: PhotoSource | None) -> dict[str, Any]:
  height, width = photo.image.shape[:2]
  name = printable(Path(photo.name).name)
  result = {"file": name, "width": width, "height": height}
  if source is not None:
    result |= {
      "path": printable(source.path),
      "bytes": source.bytes,
      "sha256": source.sha256,
    }
  if photo.damage:
    result["damage"] = photo.damage
  return result


def _person(person: "Person", include_trace: bool) -> dict[str, Any]:
  detection, body, trace = person.detection, person.body, person.trace
  result = {
    "box": rounded(detection.box, PIXEL),
    "score": round(float(detection.score), 4),
    "crop_box": rounded(person.crop_box, PIXEL),
    "latents": latents(person.state),
    "joints": {
      "positions": rounded(body.joints, METRES),
      "rotations": rounded(body.rotations, LATENT),
      "rotation_vectors": rotation_vectors(body.rotations),
    },
    "keypoints": {
      "positions": rounded(body.keypoints, METRES),
      "reprojected": rounded(person.keypoints_2d, PIXEL),
      "detected": rounded(np.asarray(detection.keypoints)[:, :2], PIXEL),
      "confidence": rounded(np.asarray(detection.keypoints)[:, 2], 4),
    },
    "iterations": {
      name: significant(values)
      for name, values in trace.terms._asdict().items()
    }
    | {"seconds": rounded(trace.seconds, 4)},
  }
  if person.uncertainty is not None:
    result["uncertainty"] = rounded(person.uncertainty, 1)
  if person.height_m is not None:
    source = "given" if person.height_given else "estimated"
    result |= {
      "height_m": round(float(person.height_m), METRES),
      "height_source": source,
    }
  if person.quality is not None:
    result["quality"] = round(float(person.quality), 4)
  if person.parts:
    result["parts"] = {
      part.name: part_fields(part, include_trace) for part in person.parts
    }
  if person.gaze is not None:
    result["gaze"] = rounded(person.gaze, LATENT)
  if include_trace:
    result["trace"] = latents(trace.state)
  return result


def validate_report(report: Any) -> None:
  """Checks a report against the schema.

  Fields that the schema does not have are allowed.

  Raises:
    ValueError: naming the field, what was found and what would be right.
  """
  version = report.get("schema_version") if isinstance(report, dict) else None
  major = VERSION.split(".")[0]
  if isinstance(version, str) and version.split(".")[0] != major:
    raise ValueError(
      f"report: schema_version is {version}, this reader knows {major}.x"
    )
  _check("report", report, _SPEC, {})
  photo = report["photo"]
  if not _SOURCE_SPEC.keys().isdisjoint(photo):
    _check("report.photo", photo, _SOURCE_SPEC, {})
  if "damage" in photo:
    _check("report.photo.damage", photo["damage"], str, {})
  if "empty_boxes" in report:
    _check("report.empty_boxes", report["empty_boxes"], (_NUMBERS, "N"), {})
  for i, person in enumerate(report["people"]):
    lengths: dict[str, int] = {}
    _check(f"report.people[{i}]", person, _PERSON_SPEC, lengths)
    if "trace" in person:
      _check(f"report.people[{i}].trace", person["trace"], _TRACE_SPEC, lengths)
    if not _HEIGHT_SPEC.keys().isdisjoint(person):
      _check(f"report.people[{i}]", person, _HEIGHT_SPEC, lengths)
    if "uncertainty" in person:
      where = f"report.people[{i}].uncertainty"
      _check(where, person["uncertainty"], (_NUMBERS, NUM_JOINTS), lengths)
    if "gaze" in person:
      where = f"report.people[{i}].gaze"
      _check(where, person["gaze"], GAZE_SPEC, lengths)
    if "parts" in person:
      _check_parts(f"report.people[{i}].parts", person["parts"])
    if "quality" in person:
      where = f"report.people[{i}].quality"
      _check(where, person["quality"], float, lengths)
      if not 0.0 <= person["quality"] <= 1.0:
        raise ValueError(f"{where}: is {person['quality']}, expected 0 to 1")


def _check_parts(where: str, parts: Any) -> None:
  """Raises ValueError unless these are the parts of a person."""
  _check(where, parts, {}, {})
  for name, part in parts.items():
    for field, spec in PART_SPECS.get(name, {}).items():
      optional = field not in ("used", "score", "crop_box")
      if not optional or (isinstance(part, dict) and field in part):
        _check(f"{where}.{name}", part, {field: spec}, {})


def _check(where: str, value: Any, spec: Any, lengths: dict[str, int]) -> None:
  """Raises ValueError unless `value` is as `spec` says (see `_SPEC`)."""
  if isinstance(spec, dict):
    if not isinstance(value, dict):
      raise ValueError(f"{where}: is {_kind(value)}, expected an object")
    for key, inner in spec.items():
      if key not in value:
        raise ValueError(f"{where}: has no field {key!r}")
      _check(f"{where}.{key}", value[key], inner, lengths)
  elif isinstance(spec, tuple) and spec[0] in (_NUMBERS, _STRINGS):
    _check_array(where, value, spec, lengths)
  elif isinstance(spec, tuple):
    if value not in spec:
      raise ValueError(f"{where}: is {value!r}, expected one of {spec}")
  elif spec is float:
    _check_array(where, value, (_NUMBERS,), lengths)
  elif not isinstance(value, spec) or (
    isinstance(value, bool) and spec is not bool
  ):
    raise ValueError(f"{where}: is {_kind(value)}, expected {spec.__name__}")


def _check_array(
  where: str, value: Any, spec: tuple, lengths: dict[str, int]
) -> None:
  kind, *shape = spec
  if not shape:
    wanted = str if kind == _STRINGS else int | float
    if not isinstance(value, wanted) or isinstance(value, bool):
      raise ValueError(f"{where}: is {_kind(value)}, expected {kind}")
    if kind == _NUMBERS and not np.isfinite(value):
      raise ValueError(f"{where}: is {value}, expected a finite number")
    return
  if not isinstance(value, list):
    raise ValueError(f"{where}: is {_kind(value)}, expected a list")
  length = shape[0]
  if isinstance(length, str):
    length = lengths.setdefault(length, len(value))
  if len(value) != length:
    raise ValueError(f"{where}: has {len(value)} entries, expected {length}")
  for i, row in enumerate(value):
    _check_array(f"{where}[{i}]", row, (kind, *shape[1:]), lengths)


def _kind(value: Any) -> str:
  return "null" if value is None else type(value).__name__


def write_report(path: str | os.PathLike, report: dict[str, Any]) -> None:
  """Checks a report and writes it atomically as strict JSON, without NaN.

  Raises:
    ValueError: if the report does not follow the schema.
    OutputError: if the file cannot be written.
  """
  validate_report(report)
  text = _dumps(report) + "\n"
  with atomic_path(path) as temporary:
    temporary.write_text(text, encoding="utf-8")


def read_report(path: str | os.PathLike) -> dict[str, Any]:
  """Reads and checks a report.

  Raises:
    ValueError: naming the file, if it is not JSON or not of this schema.
    OSError: if the file cannot be read.
  """
  try:
    report = read_json(path)
    validate_report(report)
  except ValueError as error:
    raise ValueError(f"{path}: {error}") from error
  return report


def _dumps(value: Any, indent: str = "") -> str:
  """JSON with one field or one row of a matrix on each line."""
  inner = indent + " "
  if isinstance(value, dict):
    rows = [f"{json.dumps(k)}: {_dumps(v, inner)}" for k, v in value.items()]
    opening, closing = "{}"
  elif isinstance(value, list) and any(
    isinstance(row, list | dict) for row in value
  ):
    flat = all(isinstance(row, list) for row in value)
    rows = [
      json.dumps(row, allow_nan=False) if flat else _dumps(row, inner)
      for row in value
    ]
    opening, closing = "[]"
  else:
    return json.dumps(value, allow_nan=False)
  body = f",\n{inner}".join(rows)
  return f"{opening}\n{inner}{body}\n{indent}{closing}"
