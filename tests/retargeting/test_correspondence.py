"""Correspondence with a SMPL-like mesh, computed from its file alone."""

import numpy as np
import pytest
import trimesh

from hund_tf.body.adapters.smpl import SmplBody, SmplParameters
from hund_tf.compat import tf
from hund_tf.geometry import rotation
from hund_tf.retargeting import correspondence
from hund_tf.retargeting.fit import (
  RetargetingConfig,
  RetargetingTarget,
)
from tests.body.adapters import smpl_like

_MESH = "proxy_1500"


@pytest.fixture(scope="module")
def source(body_model, tmp_path_factory):
  path = tmp_path_factory.mktemp("source") / "SMPL.npz"
  np.savez(path, **smpl_like.arrays(body_model, 24))
  return SmplBody.load(path)


@pytest.fixture(scope="module")
def retargeting(body_model):
  config = RetargetingConfig(batch_size=1, start_iterations=8, max_iterations=8)
  return correspondence.mesh_retargeting(body_model, _MESH, config)


@pytest.fixture(scope="module")
def table(source, retargeting):
  return correspondence.compute(retargeting, source, _MESH)


def test_equal_points_are_found(source, table):
  """The source was made of the same vertices: each finds itself, nearly."""
  assert table.weights.mean() > 0.95
  assert np.median(table.distance_mm[table.weights > 0]) < 3.0
  rest = source.file.template
  found = table.points(rest[None])[0]
  gap = np.linalg.norm(found - rest, axis=1)[table.weights > 0]
  assert np.median(gap) < 0.012
  np.testing.assert_allclose(table.barycentric.sum(axis=1), 1.0, atol=1e-4)


def test_a_fit_through_it_follows_the_other_body(
  body_model, source, table, retargeting
):
  random = np.random.default_rng(5)
  pose = np.zeros([1, 24, 3], np.float32)
  pose[:, 1:20] = random.normal(0, 0.15, (1, 19, 3))
  pose[:, 0] = [0.3, 2.0, 0.1]
  pose = tf.constant(pose.reshape(1, 72))
  posed = source.pose_parameters(
    SmplParameters(
      pose,
      tf.constant(random.normal(0, 1, (1, 10)), tf.float32),
      tf.constant([[0.1, 0.2, 3.0]]),
      tf.zeros([1, 0]),
    )
  )
  start = correspondence.state_from_parameters(
    body_model, source, pose, posed.joints[:, 0]
  )
  before = body_model.decode(start, _MESH)
  turned = rotation.from_6d(start.rotation)
  np.testing.assert_allclose(
    turned[0],
    rotation.from_rotation_vector(pose[:, :3])[0],
    atol=1e-5,
  )
  targets = table.points(posed.vertices.numpy())
  gap = np.linalg.norm(before.vertices - targets, axis=-1)
  assert gap.mean() < 0.08  # the start is near already
  result = retargeting(
    RetargetingTarget(
      np.concatenate([targets, np.zeros([1, 63, 3])], axis=1),
      np.concatenate([table.weights, np.zeros(63)])[None],
    ),
    start,
  )
  assert result.residual_mm[0] < 8.0


def test_closest_points_face_the_same_way():
  """Of a thin plate the nearer side is taken only if it faces along."""
  plate = trimesh.creation.box((2.0, 2.0, 0.02))
  plate = plate.subdivide().subdivide()
  point = np.array([[0.13, 0.21, 0.03], [0.13, 0.21, 0.03]])
  normal = np.array([[0.0, 0.0, 1.0], [0.0, 0.0, -1.0]])
  faces, barycentric, distance = correspondence.closest_points(
    plate, point, normal
  )
  found = np.einsum("nkc,nk->nc", plate.triangles[faces], barycentric)
  np.testing.assert_allclose(found[0], [0.13, 0.21, 0.01], atol=1e-9)
  assert distance[0] == pytest.approx(0.02)
  assert distance[1] > 0.039  # the other side, or none


def test_tables_are_files(tmp_path, table, source):
  path = tmp_path / "table.npz"
  correspondence.save(path, table)
  for found, expected in zip(correspondence.load(path), table, strict=True):
    np.testing.assert_array_equal(found, expected)
  with pytest.raises(
    correspondence.CorrespondenceError, match="10 vertices, expected 752"
  ):
    table.points(np.zeros([1, 10, 3]))
  for change, problem in (
    ({"corners": table.corners + 752}, "corners are not among"),
    ({"corners": table.corners * 1.0}, "not whole numbers"),
    ({"weights": table.weights[:-1]}, "corners has shape"),
  ):
    correspondence.save(path, table._replace(**change))
    with pytest.raises(correspondence.CorrespondenceError, match=problem):
      correspondence.load(path)
  correspondence.save(path, table)
  path.write_bytes(path.read_bytes()[:100])
  with pytest.raises(correspondence.CorrespondenceError, match="table.npz"):
    correspondence.load(path)
