"""Annotations of photos that are no plain keypoints, and logs, damaged."""

import functools
from pathlib import Path

import numpy as np
from PIL import Image
from pycocotools import mask as run_lengths

from hund_tf.datasets.densepose import DensePose
from hund_tf.datasets.open_images import OpenImages
from hund_tf.datasets.source import Skipped
from hund_tf.evaluation import real3d
from hund_tf.training.run_folder import STEPS_FILE
from hund_tf.training.run_log import RunLog
from tests.fuzz.json_files import damaged
from tests.fuzz.kind import ACCEPTED, Kind
from tests.fuzz.mutations import mutated

_SIZE = (400, 300)
_SKIPPED = "skipped"


def _convert(source: DensePose | OpenImages, folder: Path) -> str:
  """Converts all of a file's people; what is skipped says why in a line."""
  photo = folder / "a.jpg"
  if not photo.exists():
    Image.new("RGB", _SIZE, (90, 120, 60)).save(photo)
  results = [one for item in source.items() for one in source.convert(item)]
  skipped = [one for one in results if isinstance(one, Skipped)]
  for one in skipped:
    line = f"{one.key} {one.reason} {one.problem}"
    assert line.isprintable() and len(line) < 2000, repr(line)
  for one in results:
    if not isinstance(one, Skipped):
      assert np.isfinite(one.box).all() and one.image
  return _SKIPPED if len(skipped) == len(results) else ACCEPTED


@functools.cache
def _densepose() -> dict:
  masks: list = []
  for part in range(1, 15):
    mask = np.zeros((256, 256), np.uint8, order="F")
    mask[16 * part : 16 * part + 9] = 1
    code = run_lengths.encode(mask)
    masks.append({**code, "counts": code["counts"].decode()})
  masks[3] = []
  masks[4] = {"size": [256, 256], "counts": [100, 500, 256 * 256 - 600]}
  person = {
    **{"id": 4, "image_id": 1, "iscrowd": 0, "num_keypoints": 17},
    **{"bbox": [31.0, 22, 130, 140], "keypoints": [55.0, 66.0, 2] * 17},
    "segmentation": [[31.0, 22, 160, 22, 160, 150]],
    "dp_masks": masks,
  }
  image = {"id": 1, "file_name": "a.jpg", "width": 400, "height": 300}
  return {"images": [image], "annotations": [person, {**person, "id": 5}]}


def _read_densepose(path: Path) -> str:
  return _convert(DensePose(str(path), str(path.parent)), path.parent)


_BOXES = """\
ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,\
IsTruncated,IsGroupOf,IsDepiction,IsInside
a,xclick,/m/01g317,1,0.012500,0.195312,0.148438,0.587500,0,1,0,0,0
a,xclick,/m/04yx4,1,0.5,0.75,0.25,1.0,0,0,0,0,-1
a,xclick,/m/03bt1vf,1,0.5,0.75,0.25,1.0,0,0,1,0,0
b,xclick,/m/01g317,1,0.1,0.4,0.25,1.0,0,0,0,0,0
"""
_CELLS = (
  *("", "x", "-1", "nan", "inf", "1e999", "1e-300", "0.5,0.5", '"', "\0"),
  *("9" * 5000, "\u00e4", "\x1b[2J", "../a", "/m/01g317", " ", "\r", '"a\nb"'),
)


def _table(text: str, rng: np.random.Generator) -> bytes:
  """A table in which cells are others, or bytes are."""
  if rng.random() < 0.4:
    return mutated(text.encode(), rng)
  rows = [line.split(",") for line in text.splitlines()]
  for _ in range(rng.integers(1, 4)):
    row = rows[rng.integers(len(rows))]
    cell = _CELLS[rng.integers(len(_CELLS))]
    if row and rng.random() < 0.8:
      row[rng.integers(len(row))] = cell
    else:
      row[:] = row[: rng.integers(len(row) + 1)]
  return "\n".join(",".join(row) for row in rows).encode()


def _read_boxes(path: Path) -> str:
  return _convert(OpenImages(str(path), str(path.parent)), path.parent)


_LOG = """\
step,seconds,learning_rate,loss,stage_losses\r
1,0.5,0.001,2.5,2.5 2.4\r
2,1.5,0.001,2.25,2.25 2.0\r
3,2.0,1e-05,1.5,1.5 1.25\r
"""


def _read_log(path: Path) -> str:
  """Goes on with a log, whatever is in it; whole lines alone stay."""
  folder = path.with_suffix("")
  folder.mkdir(exist_ok=True)
  (folder / STEPS_FILE).write_bytes(path.read_bytes())
  said: list[str] = []
  RunLog(folder, 2, said.append)
  assert all("\n" not in line for line in said)
  log = folder / STEPS_FILE
  for line in log.read_text().splitlines()[1:] if log.exists() else ():
    assert int(line.split(",")[0]) <= 2, line
  return "repaired" if said else ACCEPTED


def _truth() -> list:
  joints = {
    name: [10.0 * i, 20.0, 3000.0]
    for i, name in enumerate(("r_hip", "l_hip", "neck", "r_knee"))
  }
  person = {
    "box_left_top_width_height": [10, 20, 100, 200],
    "joints_3d_camera_mm": joints,
  }
  photo = {
    **{"file": "a.jpg", "dataset": "studio", "width": 400, "height": 300},
    **{"intrinsics_fx_fy_cx_cy": [500.0, 500, 200, 150], "people": [person]},
  }
  return [photo, photo | {"people": [person, person]}]


def _read_truth(path: Path) -> str:
  real3d.read(path)
  return ACCEPTED


KINDS = (
  Kind(
    "JSON: DensePose",
    *(250, 25, ".json"),
    lambda rng: damaged(_densepose(), rng),
    _read_densepose,
    (ValueError,),
    100,
  ),
  Kind(
    "JSON: 3D truth",
    *(150, 15, ".json"),
    lambda rng: damaged(_truth(), rng),
    _read_truth,
    (ValueError,),
    50,
  ),
  Kind(
    "CSV: OpenImages",
    *(250, 25, ".csv"),
    lambda rng: _table(_BOXES, rng),
    _read_boxes,
    (ValueError,),
    50,
  ),
  Kind(
    "CSV: logs",
    *(250, 25, ".csv"),
    lambda rng: _table(_LOG, rng),
    _read_log,
    (),
    50,
  ),
)
