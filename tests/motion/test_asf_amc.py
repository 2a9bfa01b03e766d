"""ASF/AMC: a two-bone skeleton by hand; agreement with the published BVH."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hund_tf.motion import bvh
from hund_tf.motion.asf_amc import read_asf_amc

ASF = """:version 1.10
:root
  order TX TY TZ RX RY RZ
:bonedata
  begin
    id 1
    name thigh
    direction 0 -1 0
    length 2
    axis 0 0 20 XYZ
    dof rx ry rz
  end
  begin
    id 2
    name shin
    direction 0 -1 0
    length 3
    axis 0 0 90 XYZ
    dof rx
  end
:hierarchy
  begin
    root thigh
    thigh shin
  end
"""
AMC = """#!comment
:FULLY-SPECIFIED
:DEGREES
1
root 1 2 3 0 0 0
thigh 0 0 0
shin 30
"""


def _write(folder, asf=ASF, amc=AMC):
  (folder / "a.asf").write_text(asf)
  (folder / "a.amc").write_text(amc)
  return folder / "a.asf", folder / "a.amc"


def test_take_by_hand(tmp_path):
  motion = read_asf_amc(*_write(tmp_path))
  assert motion.names == ("root", "thigh", "shin")
  np.testing.assert_array_equal(motion.offsets[2], (0, -2, 0))
  np.testing.assert_array_equal(motion.translations, [(1, 2, 3)])
  np.testing.assert_allclose(motion.rotations[0, 1], np.eye(3), atol=1e-12)
  # x of a frame turned 90 degrees about z is y.
  expected = Rotation.from_euler("y", 30, degrees=True).as_matrix()
  np.testing.assert_allclose(motion.rotations[0, 2], expected, atol=1e-12)


@pytest.mark.parametrize(
  ("amc", "message"),
  [
    (AMC.replace("shin 30\n", ""), "shin"),
    (AMC.replace("shin 30", "shin thirty"), "broken"),
    (AMC.replace("shin 30", "shin nan"), "not finite"),
    (":DEGREES\n", "no frames"),
  ],
)
def test_broken_amc(tmp_path, amc, message):
  with pytest.raises(bvh.MotionError, match=message):
    read_asf_amc(*_write(tmp_path, amc=amc))


@pytest.mark.parametrize(
  ("old", "new", "message"),
  [
    (":bonedata", ":bones", "no :bonedata"),
    ("name shin", "nam shin", "KeyError: 'name'"),
    ("name shin", "name shine", "KeyError: 'shin'"),
    ("axis 0 0 90 XYZ", "axis 0 0", "shin: axis"),
    ("length 3", "length nan", "shin: length"),
    ("direction 0 -1 0\n    length 3", "length 3", "direction"),
    ("length 3", "length x", "could not convert"),
    ("dof rx\n", "dof rx rx\n", "shin: dof"),
    ("root thigh", "shin thigh", "not in list"),
  ],
)
def test_broken_asf(tmp_path, old, new, message):
  assert old in ASF
  with pytest.raises(bvh.MotionError, match=message) as error:
    read_asf_amc(*_write(tmp_path, asf=ASF.replace(old, new)))
  assert "a.asf" in str(error.value)


def test_agrees_with_the_published_bvh(shared):
  """The BVH conversion has one more frame, a T-pose, before the AMC's."""
  folder = shared / "data" / "mocap" / "cmu_format_samples"
  ours = read_asf_amc(folder / "02.asf", folder / "02_01.amc")
  theirs = bvh.read_bvh(folder / "02_01_motionbuilder.bvh")
  pairs = {
    "root": "Hips",
    "lfemur": "LeftUpLeg",
    "rtibia": "RightLeg",
    "thorax": "Spine1",
    "head": "Head",
    "lradius": "LeftForeArm",
    "rhand": "RightFingerBase",
  }
  for amc, name in pairs.items():
    np.testing.assert_allclose(
      bvh.global_rotations(ours)[:, ours.names.index(amc)],
      bvh.global_rotations(theirs)[1:, theirs.names.index(name)],
      atol=1e-4,
    )
  # The conversion leaves the thorax out of the arms' offsets: legs only.
  for amc, name in {"ltibia": "LeftLeg", "rtoes": "RightToeBase"}.items():
    np.testing.assert_allclose(
      bvh.joint_positions(ours)[:, ours.names.index(amc)],
      bvh.joint_positions(theirs)[1:, theirs.names.index(name)],
      atol=1e-2,
    )
