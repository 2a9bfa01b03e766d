"""Our people as SMPL's parameters, with files like SMPL's."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hund_tf import types
from hund_tf.body.adapters.smpl import SmplBody
from hund_tf.compat import tf
from hund_tf.retargeting import to_smpl
from hund_tf.retargeting.correspondence import Correspondence
from tests.body.adapters import smpl_like


@pytest.fixture(scope="module", name="bodies")
def _bodies(body_model, tmp_path_factory):
  """Bodies by their number of joints."""
  folder = tmp_path_factory.mktemp("smpl")
  result = {}
  for count in (24, 55):
    path = folder / f"{count}.npz"
    np.savez(path, **smpl_like.arrays(body_model, count))
    result[count] = SmplBody.load(path)
  return result


@pytest.fixture(scope="module", name="table")
def _table(body_model):
  """The stand-in's vertices are those of a reduced mesh of ours."""
  count = len(body_model.mesh_ids(smpl_like.MESH))
  corners = np.tile(np.arange(count)[:, None], 3)
  zeros, ones = np.zeros(count), np.ones(count)
  shares = np.tile([1.0, 0.0, 0.0], (count, 1))
  return Correspondence(smpl_like.MESH, count, corners, shares, ones, zeros)


@pytest.fixture(scope="module", name="person")
def _person(body_model):
  """A person of moderate pose and shape."""
  random = np.random.default_rng(2)
  draw = lambda size: 0.7 * random.normal(size=(1, size)).astype(np.float32)
  state = types.HumanState(*(draw(size) for size in types.STATE_DIMS))
  state = state._replace(expression=np.zeros([1, 20], np.float32))
  return types.BodyOutput(*(np.array(x)[0] for x in body_model.decode(state)))


@pytest.mark.parametrize("count", [24, 55])
def test_the_mesh_is_where_ours_is(body_model, bodies, table, person, count):
  smpl = bodies[count]
  fit = to_smpl.fit_smpl(smpl, body_model, person, table)
  out = smpl.pose_parameters(to_smpl.as_parameters(fit))
  ours = person.vertices[body_model.mesh_ids(smpl_like.MESH)]
  off = np.linalg.norm(out.vertices.numpy()[0] - ours, axis=-1)
  rms = 1e3 * np.sqrt(np.mean(off**2))
  assert fit.residual_mm == pytest.approx(rms, rel=0.01)
  assert fit.residual_mm < 25.0
  # Nothing near has a smaller sum of distances and prior.
  assert fit.betas.shape == (10,) and np.abs(fit.betas).max() > 0.1

  def cost(betas, translation):
    moved = fit._replace(betas=betas, translation=translation)
    found = smpl.pose_parameters(to_smpl.as_parameters(moved)).vertices
    square = np.sum((found.numpy()[0] - ours) ** 2) / len(ours)
    points = len([n for n in smpl.joint_names if n in smpl_names])
    return points * square / to_smpl._SIGMA**2 + np.sum(betas**2)

  smpl_names = bodies[24].joint_names
  least = cost(fit.betas, fit.translation)
  random = np.random.default_rng(0)
  for _ in range(5):
    betas = fit.betas + 0.2 * random.normal(size=10)
    shift = fit.translation + 0.003 * random.normal(size=3)
    assert cost(betas, shift) > least


def test_parameters_are_found_again(body_model, bodies, table):
  """From a mesh that SMPL made, with orientations off by some degrees."""
  smpl = bodies[55]
  random = np.random.default_rng(4)
  pose = random.normal(0, 0.2, (55, 3))
  pose[0] = [0.1, 2.8, 0.3]
  betas, place = random.normal(size=10), np.array([0.2, 0.4, 3.0])
  truth = to_smpl.SmplFit(pose, betas, place, 0.0)
  made = smpl.pose_parameters(to_smpl.as_parameters(truth))
  vertices = np.zeros([body_model.asset.num_vertices, 3], np.float32)
  vertices[body_model.mesh_ids(smpl_like.MESH)] = made.vertices[0].numpy()
  wrong = Rotation.from_rotvec(pose + random.normal(0, 0.05, pose.shape))
  ours = smpl.rotations.to_ours(
    tf.constant(wrong.as_matrix()[None], tf.float32)
  )[0].numpy()
  joints = np.tile(place, (63, 1))
  person = types.BodyOutput(vertices, joints, None, ours)
  fit = to_smpl.fit_smpl(smpl, body_model, person, table)
  assert fit.residual_mm < 2.0
  turned = Rotation.from_rotvec(fit.pose) * Rotation.from_rotvec(pose).inv()
  body = np.degrees(turned.magnitude())[:12]
  assert body.mean() < 3.0
  np.testing.assert_allclose(fit.translation, place, atol=0.01)
  assert np.abs(fit.betas - betas).mean() < 0.3


def test_joints_alone_give_lengths(body_model, bodies, person):
  smpl = bodies[55]
  fit = to_smpl.fit_smpl(smpl, body_model, person)
  ours = tf.constant(person.rotations[None])
  carried = Rotation.from_matrix(smpl.rotations.from_ours(ours)[0].numpy())
  turned = carried.inv() * Rotation.from_rotvec(fit.pose)
  assert np.degrees(turned.magnitude()).max() < 20.0
  # SMPL's definition of joints is not that of the stand-in.
  out = smpl.pose_parameters(to_smpl.as_parameters(fit))
  knee = smpl.joint_names.index("l_knee")
  assert 0.0 < fit.residual_mm < 40.0
  off = out.joints.numpy()[0, knee] - person.joints[3]
  assert np.linalg.norm(off) < 0.06


def test_files_have_the_names_of_smplx(body_model, bodies, person, tmp_path):
  smpl = bodies[55]
  fit = to_smpl.fit_smpl(smpl, body_model, person)
  path = tmp_path / "a.npz"
  to_smpl.write_smpl(path, smpl, [fit, fit])
  with np.load(path) as found:
    shapes = {name: found[name].shape for name in found}
    assert str(found["model"]) == "SMPL-X"
    np.testing.assert_allclose(
      found["left_hand_pose"][1].reshape(15, 3), fit.pose[25:40], atol=1e-6
    )
    assert found["residual_mm"][0] == pytest.approx(fit.residual_mm)
  assert shapes == {
    "model": (),
    "global_orient": (2, 3),
    "body_pose": (2, 63),
    "jaw_pose": (2, 3),
    "leye_pose": (2, 3),
    "reye_pose": (2, 3),
    "left_hand_pose": (2, 45),
    "right_hand_pose": (2, 45),
    "betas": (2, 10),
    "transl": (2, 3),
    "residual_mm": (2,),
  }
  to_smpl.write_smpl(
    path, bodies[24], [to_smpl.fit_smpl(bodies[24], body_model, person)]
  )
  with np.load(path) as found:
    assert found["body_pose"].shape == (1, 69) and "jaw_pose" not in found


def test_other_tables_are_refused(body_model, bodies, table, person):
  wrong = table._replace(source_vertices=6890)
  with pytest.raises(ValueError, match="of a mesh of 6890 vertices, but the"):
    to_smpl.fit_smpl(bodies[24], body_model, person, wrong)
  with pytest.raises(ValueError, match="nobody"):
    to_smpl.write_smpl("a.npz", bodies[24], [])
