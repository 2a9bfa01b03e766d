"""JSON files and files of flags that users hand in, damaged."""

import contextlib
import copy
import io
import json
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from flags import objective_flags, photo_flags, program
from hund_tf.body.adapters import ghum
from hund_tf.datasets import coco, mpii
from hund_tf.photos import people
from hund_tf.photos.people_config import PeopleConfig
from hund_tf.reconstruction import quality
from hund_tf.retargeting import point_sets
from tests.fuzz.kind import ACCEPTED, Kind
from tests.fuzz.mutations import mutated

_IMAGE = np.zeros((300, 400, 3), np.uint8)
_HOSTILE = (
  *(None, True, False, 0, -1, 1, 1e30, -1e30, 1e308, 10**18, 2**63, 0.5),
  *("", "x", "1", "\n", "\x1b[2J", "\u00e4", "x" * 10000, "NaN"),
  *([], {}, [[]], [[1]], {"a": 1}, [1, 2], [1, 2, 3, 4], ["a"], [None]),
)
_RAW = (
  *(
    b"NaN",
    b"Infinity",
    b"1e999",
    b"-1e999",
    b"9" * 30,
    b"9" * 400,
    b"9" * 5000,
  ),
  *(b"[" * 3000, b"[" * 70 + b"]" * 70, b'{"a":1,"a":2}', b'"\\ud800"'),
  *(
    b"\xff",
    b"\x00",
    b"00",
    b"1.",
    b"'a'",
    b"// x\n1",
    b"",
    b",",
    b"\xef\xbb\xbf",
  ),
)


def _leaves(value: Any, place: tuple = ()) -> list[tuple]:
  """The places of everything in a JSON value."""
  found = [place]
  if isinstance(value, dict):
    parts = value.items()
  else:
    parts = enumerate(value) if isinstance(value, list) else ()
  for key, part in parts:
    found += _leaves(part, (*place, key))
  return found


def changed(value: Any, rng: np.random.Generator) -> Any:
  """A JSON value in which one is another, is gone, or comes twice."""
  value = copy.deepcopy(value)
  places = _leaves(value)
  short = [place for place in places if len(place) < 4]
  places = short if rng.random() < 0.6 else places
  place = places[rng.integers(len(places))]
  new = copy.deepcopy(_HOSTILE[rng.integers(len(_HOSTILE))])
  if not place:
    return new
  parent = value
  for key in place[:-1]:
    parent = parent[key]
  how = rng.random()
  if how < 0.7:
    parent[place[-1]] = new
  elif how < 0.85:
    del parent[place[-1]]
  elif isinstance(parent, list):
    parent.insert(int(rng.integers(len(parent) + 1)), new)
  else:
    parent[str(new)[:50]] = new
  return value


def damaged(value: Any, rng: np.random.Generator) -> bytes:
  """A file of a JSON value after changes of it, or of its bytes."""
  how = rng.random()
  if how < 0.05:
    return json.dumps(value).encode()
  if how < 0.35:
    return mutated(json.dumps(value).encode(), rng)
  for _ in range(rng.integers(1, 4)):
    value = changed(value, rng)
  data = json.dumps(value).encode()
  if how < 0.8 or not data:
    return data
  raw = _RAW[rng.integers(len(_RAW))]
  numbers = [i for i, code in enumerate(data) if chr(code) in "0123456789"]
  place = numbers[rng.integers(len(numbers))] if numbers else 0
  return data[:place] + raw + data[place + 1 :]


def _kind(
  name: str,
  count: int,
  value: Any,
  run: Callable[[Path], object],
  documented: tuple[type[Exception], ...] = (ValueError,),
) -> Kind:
  def read(path: Path) -> str:
    run(path)
    return ACCEPTED

  return Kind(
    name,
    *(count, max(8, count // 12), ".json"),
    lambda rng: damaged(value, rng),
    read,
    documented,
    50,
  )


class _Nobody:
  """A detector for whom a photo shows who is in the boxes."""

  def detect(self, image, boxes=None, max_people=None):
    return []


def _find(option: str) -> Callable[[Path], object]:
  """Reads a file as an option of a photo's people."""

  def run(path: Path) -> None:
    config = PeopleConfig(**{option: str(path)})
    finder = people.make_finder(config, _Nobody())
    found = list(finder.many([(_IMAGE, "a.jpg"), (_IMAGE, "b.jpg")]))
    for name, seen in zip(("a.jpg", "b.jpg"), found, strict=True):
      if isinstance(seen, ValueError):
        # Beside the photo, which the programs name, the file may be named.
        raise ValueError(f"{path}: {people.named(seen, name)}")

  return run


def _openpose() -> dict:
  rng = np.random.default_rng(0)

  def points(count: int) -> list[float]:
    rows = rng.uniform([10, 10, 0.1], [390, 290, 1], (count, 3))
    return rows.ravel().round(2).tolist()

  sizes = {"pose": 25, "face": 70, "hand_left": 21, "hand_right": 21}
  person = {f"{k}_keypoints_2d": points(n) for k, n in sizes.items()}
  return {"version": 1.3, "people": [person, {**person, "person_id": [-1]}]}


def _ghum() -> dict:
  values = np.zeros((2, ghum.POSING_SIZE)).tolist()
  return {"gpp": {"posing_values": values, "body_code": [[0.0] * 16] * 2}}


def _quality() -> dict:
  return {
    "schema": quality.SCHEMA,
    "threshold_mm": quality.THRESHOLD_MM,
    "intercept": 0.5,
    "coefficients": dict.fromkeys(quality.PREDICTORS, -1.0),
    "num_stages": 5,
    "objective": {"mesh": "full", "has_part_term": True},
    "weights_sha256": "0" * 64,
    "provenance": {"examples": 100},
  }


def _coco() -> dict:
  person = {
    **{"id": 4, "image_id": 1, "iscrowd": 0, "num_keypoints": 17},
    **{"bbox": [1.0, 2, 30, 40], "keypoints": [5.0, 6.0, 2] * 17},
  }
  image = {"id": 1, "file_name": "a.jpg", "width": 400, "height": 300}
  return {"images": [image], "annotations": [person, {**person, "id": 5}]}


def _mpii() -> list:
  joints = [[10.0 * k, 5.0 * k] for k in range(16)]
  row = {"image": "a.jpg", "joints": joints, "joints_vis": [1] * 16}
  return [row, row | {"joints_vis": [0] * 16}]


_FLAGS = b"""\xef\xbb\xbf# Flags of a run.
--renderer=soft
// More of them.
--focal_px=500
--max_people=3
--images=a.jpg
"""
_LINES = (
  *(b"--flagfile=case.flags", b"--flagfile", b"--flagfile=/dev/zero", b"--"),
  *(
    b"--flagfile=.",
    b"--flagfile=missing",
    b"-",
    b"--=",
    b"--focal_px",
    b"--\xff",
  ),
  *(b"--no_such", b"text", b"--focal_px=x", b"--noimages", b"\x00", b"-" * 999),
)


def _make_flags(rng: np.random.Generator) -> bytes:
  if rng.random() < 0.4:
    return mutated(_FLAGS, rng)
  lines = _FLAGS.splitlines()
  for _ in range(rng.integers(1, 4)):
    line = _LINES[rng.integers(len(_LINES))]
    lines.insert(int(rng.integers(len(lines) + 1)), line)
  return b"\n".join(lines)


_PROGRAM = types.ModuleType("fuzzed")
vars(_PROGRAM).update(objective=objective_flags, photos=photo_flags)


class FlagFileError(Exception):
  """The line with which a program ended."""


def _read_flags(path: Path) -> str:
  """Reads flags as a program does, which ends with a line and the status 1."""
  errors = io.StringIO()
  try:
    with contextlib.redirect_stderr(errors), contextlib.chdir(path.parent):
      program.parse(_PROGRAM, ["fuzzed", f"--flagfile={path}"])
  except SystemExit as ended:
    if ended.code == 1:
      # Of a flag's value absl tells the flag, and not where it was read.
      line = errors.getvalue().removesuffix("\n")
      raise FlagFileError(f"{path}: {line}") from None
    raise
  return ACCEPTED


_BOXES = {"a.jpg": [[10, 20, 200, 250], [5.5, 5.5, 90, 90]], "c.jpg": []}
_CAMERAS = {"a.jpg": [500.0, 500, 200, 150], "b.jpg": [400, 410.5, 190, 160]}
_HEIGHTS = {"a.jpg": 1.83, "b.jpg": None}
_MARKERS = {"C7": {"vertex": 123, "offset_mm": 9.5}, "RSHO": {"vertex": 7}}

KINDS = (
  _kind("JSON: boxes", 250, _BOXES, _find("boxes")),
  _kind("JSON: intrinsics", 250, _CAMERAS, _find("intrinsics")),
  _kind("JSON: heights", 200, _HEIGHTS, _find("height_m")),
  _kind("JSON: OpenPose", 500, _openpose(), _find("openpose")),
  _kind("JSON: GHUM", 150, _ghum(), ghum.read_json, (ghum.GhumError,)),
  _kind(
    "JSON: markers",
    150,
    _MARKERS,
    lambda path: point_sets.read_markers(path, 1000),
    (point_sets.MarkerSetError,),
  ),
  _kind(
    "JSON: quality", 150, _quality(), quality.load, (quality.QualityError,)
  ),
  _kind("JSON: COCO", 200, _coco(), coco.read_coco_keypoints),
  _kind("JSON: MPII", 150, _mpii(), mpii.read_mpii),
  Kind(
    "flag files",
    *(400, 40, ".flags"),
    _make_flags,
    _read_flags,
    (FlagFileError,),
    50,
  ),
)
