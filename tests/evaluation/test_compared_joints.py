"""The 14 joints from every joint set."""

import numpy as np
import pytest

from hund_tf.body import skeleton
from hund_tf.body.joint_sets import LSP_14, SMPL_24
from hund_tf.body.keypoints import INDEX as KEYPOINT
from hund_tf.compat import tf
from hund_tf.evaluation import compared_joints
from hund_tf.types import STATE_SIZE, state_from_vector


def _numbered(count):
  """Points whose x is their number."""
  return np.stack([np.arange(count, dtype=float)] * 3, axis=-1)[None]


def test_human36m_joints_in_the_order_of_lsp():
  # SPIN's table.
  expected = [6, 5, 4, 1, 2, 3, 16, 15, 14, 11, 12, 13, 8, 10]
  joints = compared_joints.lsp_from_h36m(_numbered(17))
  assert joints[0, :, 0].tolist() == expected


def test_smpl_joints_in_the_order_of_lsp():
  joints = compared_joints.lsp_from_smpl(_numbered(24))[0, :, 0]
  expected = [8, 5, 2, 1, 4, 7, 21, 19, 17, 16, 18, 20, 12, 15]
  assert joints.tolist() == expected
  assert SMPL_24[12] == "neck" and SMPL_24[15] == "head"


def test_own_joints_have_the_names_of_lsp():
  joints = compared_joints.lsp_joints(_numbered(63))[0, :, 0].astype(int)
  names = [skeleton.NAMES[i] for i in joints]
  assert names[:12] == list(LSP_14[:12])
  assert names[12:] == ["neck1", "head"]


def test_the_top_of_the_head_is_on_the_midline_above_the_face(body_model):
  state = state_from_vector(tf.zeros([1, STATE_SIZE]))
  upright = tf.constant([[1.0, 0, 0, -1, 0, 0]])  # x stays, y turns down
  state = state._replace(rotation=upright)
  for mesh in ("full", "proxy_1500"):
    body = body_model.decode(state, mesh=mesh)
    vertex = compared_joints.head_top_vertex(body_model, mesh)
    top = body.vertices.numpy()[0, vertex]
    highest = body.vertices.numpy()[0, :, 1].min()
    assert top[1] == pytest.approx(highest, abs=0.005)
    eyes = body.keypoints.numpy()[0, [KEYPOINT["l_eye"], KEYPOINT["r_eye"]]]
    assert 0.08 < eyes[:, 1].mean() - top[1] < 0.16  # y points down
    assert abs(top[0]) < 0.01


def test_roots():
  joints = _numbered(14)
  pelvis = np.array([[9.0, 9.0, 9.0]])
  assert compared_joints.root_of("pelvis", joints, pelvis)[0, 0] == 9.0
  hips = LSP_14.index("r_hip"), LSP_14.index("l_hip")
  middle = compared_joints.root_of("mid_hip", joints, pelvis)
  assert middle[0, 0] == sum(hips) / 2
  with pytest.raises(ValueError, match="root: got 'neck', expected one of"):
    compared_joints.root_of("neck", joints, pelvis)
