"""Counts in CDF files that do not fit are found before they are used."""

import struct

import numpy as np
import pytest

from hund_tf.datasets.human36m import cdf_check, files
from tests.datasets.human36m import fixture


@pytest.fixture
def pose_file(tmp_path):
  path = tmp_path / "a.cdf"
  fixture.write_cdf(path, fixture.world_joints(4))
  return path


def _places(data):
  """Of the global record, the variable's, and its index."""
  number = lambda place: struct.unpack(">q", data[place : place + 8])[0]
  top = 8 + number(8)
  variable = number(top + 20)
  return top, variable, number(variable + 28)


def test_a_whole_file_is_read(pose_file):
  cdf_check.check(pose_file)
  expected = fixture.world_joints(4)
  np.testing.assert_allclose(files.read_pose(pose_file, 3), expected, rtol=1e-6)


@pytest.mark.parametrize(
  ("record", "offset", "value", "message"),
  [
    (0, 48, 2**30, "1,073,741,824 of what can be 1,000"),
    (0, 56, 2**31 - 1, "of what can be 10"),
    (0, 60, -1, "-1 of what can be 1,000"),
    (1, 340, 11, "11 of what can be 10"),
    (1, 344, 2**30, "values of"),
    (1, 24, 2**31 - 2, "values of"),
    (2, 24, 2**20, "of what can be"),
    (2, 20, 2**30, "of what can be"),
    (2, 28, -5, "records -5 to"),
  ],
)
def test_counts_that_do_not_fit_are_told(
  pose_file, record, offset, value, message
):
  data = bytearray(pose_file.read_bytes())
  place = _places(data)[record] + offset
  data[place : place + 4] = struct.pack(">i", value)
  pose_file.write_bytes(data)
  with pytest.raises(ValueError, match=message):
    cdf_check.check(pose_file)
  with pytest.raises(files.DamagedInput, match=f"a.cdf: .*({message})"):
    files.read_pose(pose_file, 3)


def test_an_index_that_follows_itself_is_told(pose_file):
  data = bytearray(pose_file.read_bytes())
  index = _places(data)[2]
  data[index + 12 : index + 20] = struct.pack(">q", index)
  pose_file.write_bytes(data)
  with pytest.raises(ValueError, match="follows itself"):
    cdf_check.check(pose_file)
