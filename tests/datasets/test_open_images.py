"""OpenImages: rows of the box file become records of people."""

import csv

import numpy as np
import pytest
from PIL import Image

from hund_tf.datasets.open_images import OpenImages
from hund_tf.datasets.source import Skipped
from hund_tf.records import regions

_HEADER = "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded"
_HEADER += ",IsTruncated,IsGroupOf,IsDepiction,IsInside"
# The first row is one of the validation set's file.
_ROWS = """\
000002b66c9c498e,xclick,/m/01g317,1,0.012500,0.195312,0.148438,0.587500,0,1,0,0,0
000002b66c9c498e,xclick,/m/0cmf2,1,0.1,0.2,0.3,0.4,0,0,0,0,0
000002b66c9c498e,xclick,/m/04yx4,1,0.5,0.75,0.25,1.0,0,0,0,0,-1
000002b66c9c498e,xclick,/m/03bt1vf,1,0.5,0.75,0.25,1.0,0,0,1,0,0
000002b66c9c498e,xclick,/m/01bl7v,1,0.5,0.75,0.25,1.0,0,0,0,1,0
000002b66c9c498e,xclick,/m/05r655,1,0.5,0.75,0.25,1.0,0,0,0,0,1
000002b66c9c498e,xclick,/m/01g317,1,0.5,0.4,0.25,1.0,0,0,0,0,0
000002b66c9c498e,xclick,/m/01g317,1,much,0.4,0.25,1.0,0,0,0,0,0
ffff,xclick,/m/01g317,1,0.1,0.4,0.25,1.0,0,0,0,0,0
"""


@pytest.fixture
def folder(tmp_path):
  Image.new("RGB", (640, 320), (9, 9, 9)).save(
    tmp_path / "000002b66c9c498e.jpg"
  )
  return tmp_path


def _convert(folder, text, **settings):
  path = folder / "boxes.csv"
  path.write_text(text)
  source = OpenImages(str(path), str(folder), **settings)
  results = [r for item in source.items() for r in source.convert(item)]
  records = [r for r in results if not isinstance(r, Skipped)]
  return records, [r for r in results if isinstance(r, Skipped)]


def _check_boxes(records):
  boxes = []
  for record in records:
    region = regions.Region(
      b"", record.image_size, record.photo_box, record.photo_size
    )
    corners = record.box[:2], record.box[:2] + record.box[2:]
    boxes.append(regions.photo_points(np.array(corners), region))
    np.testing.assert_allclose(
      record.intrinsics[:2], 640 * record.image_size / record.photo_box[2:]
    )
    assert record.intrinsics_weight == 0 and not record.keypoints.any()
  expected = [
    [[0.0125 * 640, 0.148438 * 320], [0.195312 * 640, 0.5875 * 320]],
    [[320, 80], [480, 320]],
  ]
  np.testing.assert_allclose(boxes, expected, atol=0.01)


def test_boxes_of_people(folder):
  records, skipped = _convert(folder, f"{_HEADER}\n{_ROWS}")
  assert [r.key for r in records] == [
    "000002b66c9c498e/2",
    "000002b66c9c498e/4",
  ]
  _check_boxes(records)
  assert [(s.key.split("/")[-1], s.reason, s.damaged) for s in skipped] == [
    ("5", "group of people", False),
    ("6", "depiction", False),
    ("7", "seen from inside", False),
    ("8", "damaged annotation", True),
    ("9", "damaged annotation", True),
    ("ffff.jpg", "missing photo", True),
  ]
  assert "boxes.csv: line 8: XMin, YMin, XMax, YMax" in skipped[3].problem


def test_columns_are_found_by_name(folder):
  names = _HEADER.split(",")
  order = np.random.default_rng(0).permutation(len(names))
  rows = [names] + list(csv.reader(_ROWS.splitlines()))
  text = "\n".join(
    ",".join([row[i] for i in order] + ["0.5"]) for row in rows
  ).replace("0.5", "XClick1X", 1)
  records, skipped = _convert(folder, text, only_present=True)
  _check_boxes(records)
  assert len(skipped) == 5


def test_refuses_other_files(folder):
  with pytest.raises(ValueError, match="no column XMin, YMin, XMax, YMax"):
    _convert(folder, "ImageID,LabelName\na,b\n")
  with pytest.raises(ValueError, match="not an OpenImages box file"):
    OpenImages(str(folder / "none.csv"), str(folder)).items()


def test_a_file_larger_than_any_is_not_read(folder):
  path = folder / "boxes.csv"
  with path.open("wb") as file:
    file.truncate(4_100_000_000)  # without a byte on disk
  with pytest.raises(ValueError, match="it has 4,100 MB, expected at most 4,0"):
    OpenImages(str(path), str(folder)).items()
