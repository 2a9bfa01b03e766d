"""Point sets: what joints and markers are of our body."""

import json

import numpy as np
import pytest

from hund_tf.body import joint_regressors, joint_sets, poses, skeleton
from hund_tf.body.points import PointModel
from hund_tf.retargeting import point_sets


@pytest.mark.parametrize("name", list(point_sets.JOINT_TERMS))
def test_joints_lie_where_their_names_say(body_model, name):
  names = joint_sets.NAMES[name]
  points, reliability = point_sets.joints(
    body_model.asset, names, point_sets.JOINT_TERMS[name]
  )
  assert ((reliability > 0) & (reliability <= 1)).all()
  state = poses.a_pose(body_model)
  found = PointModel(body_model, points).points(state).numpy()[0]
  body = body_model.decode(state)
  top = body.vertices[0, body_model.asset.template[:, 1].argmax()]
  regressed = joint_regressors.regress(
    point_sets.JOINT_TERMS[name].regressor, names, body.joints[0], top
  )
  np.testing.assert_allclose(found, regressed, atol=1e-5)
  at = lambda joint: found[names.index(joint)]
  for joint in ("l_ankle", "r_elbow"):
    expected = body.joints[0, skeleton.INDEX[joint]]
    np.testing.assert_allclose(at(joint), expected, atol=0.006)
  assert at("l_knee")[0] > at("r_knee")[0]  # faces the camera
  assert points.anchors.sum() >= 4
  if name == "h36m_17":
    top = body.vertices[0].numpy()[:, 1].min()  # y points down
    assert 0.0 < at("head_top")[1] - top < 0.08
    assert at("head_top")[1] < at("jaw")[1] < at("neck")[1] < at("spine")[1]
  if name == "smpl_24":
    assert at("head")[1] < at("neck")[1] < at("spine3")[1] < at("spine2")[1]
    assert at("l_hand")[0] > at("l_wrist")[0] > at("l_elbow")[0]
    assert at("l_foot")[2] < at("l_ankle")[2]  # towards the camera


def test_an_unknown_joint_is_refused(body_model):
  terms = point_sets.JOINT_TERMS["hund_63"]
  with pytest.raises(ValueError, match="joint 'tail'"):
    point_sets.joints(body_model.asset, ["tail"], terms)


def test_markers_stand_off_the_skin(body_model):
  placed = {"chest": (100, 0.02), "back": (5000, 0.0)}
  points = point_sets.markers(body_model.asset, placed)
  np.testing.assert_allclose(
    np.linalg.norm(points.offsets, axis=1), [0.02, 0.0], atol=1e-6
  )
  middle = body_model.asset.template[body_model.asset.parts == 1].mean(axis=0)
  vertex = body_model.asset.template[100]
  assert np.dot(points.offsets[0], vertex - middle) > 0 or (
    body_model.asset.parts[100] != 1
  )
  assert points.mix.shape == (2, 65)


def test_marker_files(tmp_path):
  path = tmp_path / "markers.json"
  path.write_text(
    json.dumps({"C7": {"vertex": 3, "offset_mm": 9.5}, "T10": {"vertex": 7}})
  )
  assert point_sets.read_markers(path, 10) == {
    "C7": (3, 0.0095),
    "T10": (7, 0.0),
  }
  for text, message in (
    ("[1]", "expected JSON like"),
    ('{"C7": 3}', "expected JSON like"),
    ('{"C7": {"vertex": 99}}', "C7 is at vertex 99, expected 0 to 9"),
    ("{}", "no markers"),
  ):
    path.write_text(text)
    with pytest.raises(point_sets.MarkerSetError, match=message):
      point_sets.read_markers(path, 10)
