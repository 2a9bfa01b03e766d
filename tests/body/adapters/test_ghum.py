"""The GHUM adapter, against a stand-in with the package's public interface."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from hund_tf.body.adapters import ghum
from hund_tf.compat import tf
from hund_tf.geometry import rotation


class _StandIn:
  """A rigid "body" that reads the posing values as they are documented."""

  rest = np.random.default_rng(0).normal(size=(7, 3)).astype(np.float32)

  def pose(self, gpp):
    values = gpp.skeleton_posing_values
    turn = rotation.from_6d(values[:, 3:9])
    size = 1.0 + 0.1 * gpp.body_shape_code[:, :1, None]
    vertices = tf.einsum("bij,vj->bvi", turn, self.rest) * size
    vertices += values[:, None, :3]
    joints = tf.repeat(vertices[:, :1], 63, axis=1)
    return SimpleNamespace(
      vertices=vertices, joints=joints, rest_joints=joints * 0
    )

  def triangles(self):
    return [[0, 1, 2], [2, 3, 4]]


@pytest.fixture
def pose():
  random = np.random.default_rng(1)
  values = random.normal(size=(2, ghum.POSING_SIZE)).astype(np.float32)
  # Half a turn about z, as published code writes it.
  values[:, 3:9] = [-1, 0, 0, -1, 0, 0]
  return ghum.GhumPose(values, np.zeros([2, 16], np.float32))


def test_a_model_is_posed_by_its_own_values(pose):
  body = ghum.GhumBody(_StandIn(), SimpleNamespace)
  posed = body.pose(pose)
  expected = _StandIn.rest * [-1, -1, 1] + pose.posing_values[:, None, :3]
  np.testing.assert_allclose(posed.vertices, expected, atol=1e-5)
  assert posed.joints.shape == [2, 63, 3]
  assert body.faces().tolist() == [[0, 1, 2], [2, 3, 4]]
  assert len(ghum.JOINT_NAMES) == len(set(ghum.JOINT_NAMES)) == 63


def test_the_json_makes_a_round_trip(pose, tmp_path):
  path = tmp_path / "walk.json"
  path.write_text(ghum.to_json(pose))
  for found, expected in zip(ghum.read_json(path), pose, strict=True):
    np.testing.assert_array_equal(found, expected)


def test_published_layouts_are_read(pose, tmp_path):
  path = tmp_path / "pair.json"
  two = {k: [v.tolist(), (v + 1).tolist()] for k, v in pose._asdict().items()}
  path.write_text(json.dumps(two))  # no "gpp", two people
  found = ghum.read_json(path, person=1)
  np.testing.assert_allclose(found.body_code, pose.body_code + 1)
  one = {k: v[0].tolist() for k, v in pose._asdict().items()}
  path.write_text(json.dumps(one))  # one frame
  assert ghum.read_json(path).posing_values.shape == (1, 381)


@pytest.mark.parametrize(
  "text",
  [
    "{",
    "[]",
    "{}",
    '{"gpp": {"posing_values": [[1, 2]], "body_code": [[0]]}}',
    '{"posing_values": [["a"]], "body_code": [[0]]}',
  ],
)
def test_other_json_is_refused(tmp_path, text):
  path = tmp_path / "x.json"
  path.write_text(text)
  with pytest.raises(ghum.GhumError, match="x.json"):
    ghum.read_json(path)


def test_what_is_no_model_is_refused(pose):
  with pytest.raises(ghum.GhumError, match="no method pose"):
    ghum.GhumBody(object(), SimpleNamespace)
  body = ghum.GhumBody(_StandIn(), SimpleNamespace)
  with pytest.raises(ghum.GhumError, match="381"):
    body.pose(pose._replace(posing_values=pose.posing_values[:, :10]))
  with pytest.raises(ghum.GhumError, match="finite"):
    body.pose(pose._replace(body_code=pose.body_code * np.nan))
