"""BVH: a clip computed by hand, and one clear error per broken file."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hund_tf.motion import asf_amc, bvh

_CLIP = """HIERARCHY
ROOT Hips
{
  OFFSET 0 1 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Yrotation Xrotation
  JOINT Knee
  {
    OFFSET 0 -2 0
    CHANNELS 3 Zrotation Xrotation Yrotation
    End Site
    {
      OFFSET 0 -9 0
    }
  }
  JOINT Chest
  {
    OFFSET 0 3 0
    CHANNELS 3 Xrotation Yrotation Zrotation
    JOINT Head
    {
      OFFSET 0 1 0
      CHANNELS 3 Zrotation Yrotation Xrotation
      End Site
      {
        OFFSET 0 1 0
      }
    }
  }
}
MOTION
Frames: 2
Frame Time: 0.05
0 0 0 0 0 0 0 0 0 0 0 0 0 0 0
5 6 7 90 0 0 10 20 30 90 0 0 0 0 45
"""


@pytest.fixture
def clip(tmp_path):
  path = tmp_path / "clip.bvh"
  path.write_text(_CLIP)
  return path


def test_hierarchy(clip):
  motion = bvh.read_bvh(clip)
  assert motion.names == ("Hips", "Knee", "Chest", "Head")
  assert motion.parents == (-1, 0, 0, 2)
  assert motion.seconds_per_frame == 0.05
  np.testing.assert_array_equal(motion.offsets[2], (0, 3, 0))


def test_positions_by_hand(clip):
  positions = bvh.joint_positions(bvh.read_bvh(clip))
  np.testing.assert_allclose(
    positions[0], [(0, 1, 0), (0, -1, 0), (0, 4, 0), (0, 5, 0)], atol=1e-12
  )
  # The root turns +90 about z (up becomes -x); the chest then turns +90
  # about x (up becomes the root's z, which is the world's z).
  np.testing.assert_allclose(
    positions[1], [(5, 7, 7), (7, 7, 7), (2, 7, 7), (2, 7, 8)], atol=1e-12
  )


def test_channel_order_is_intrinsic(clip):
  motion = bvh.read_bvh(clip)
  turn = {
    axis: Rotation.from_euler(axis, angle, degrees=True).as_matrix()
    for axis, angle in zip("zxy", (10, 20, 30), strict=True)
  }
  np.testing.assert_allclose(
    motion.rotations[1, 1], turn["z"] @ turn["x"] @ turn["y"], atol=1e-12
  )


@pytest.mark.parametrize(
  ("old", "new", "message"),
  [
    ("MOTION", "MOT", "HIERARCHY and MOTION"),
    ("Frames: 2", "Frames: 3", "expected 3"),
    ("Frames: 2", "Frames two", "MOTION"),
    ("0 0 45", "0 0", "15 values"),
    ("0 0 45", "0 0 x", "MOTION"),
    ("OFFSET 0 3 0", "OFFSET 0 three 0", "HIERARCHY"),
    ("OFFSET 0 3 0", "OFFSET 0 nan 0", "OFFSET"),
    ("0 0 45", "0 0 1e999", "not finite"),
    ("3 Xrotation", "3 Wrotation", "unknown channels"),
    ("}\nMOTION", "MOTION", "unbalanced"),
    ("}\nMOTION", "}}\nMOTION", "HIERARCHY"),
  ],
)
def test_broken_files(clip, old, new, message):
  assert old in _CLIP
  clip.write_text(_CLIP.replace(old, new))
  with pytest.raises(bvh.MotionError, match=message) as error:
    bvh.read_bvh(clip)
  assert "clip.bvh" in str(error.value)


def test_missing_file(tmp_path):
  with pytest.raises(bvh.MotionError, match="gone.bvh"):
    bvh.read_bvh(tmp_path / "gone.bvh")


@pytest.mark.parametrize(
  "read", [bvh.read_bvh, lambda path: asf_amc.read_asf_amc(path, path)]
)
def test_large_files_are_not_read(tmp_path, read):
  with (tmp_path / "a.bvh").open("wb") as file:
    file.truncate(101_000_000)  # without a byte on disk
  with pytest.raises(
    bvh.MotionError, match="a.bvh: cannot be read .it has 101 MB"
  ):
    read(tmp_path / "a.bvh")
