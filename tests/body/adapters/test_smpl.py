"""SMPL, SMPL+H and SMPL-X: against a plain numpy version, and our interface."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hund_tf.body import joint_sets, keypoints, parts, poses, skeleton
from hund_tf.body.adapters import smpl_tables
from hund_tf.body.adapters.smpl import SmplBody, SmplParameters
from hund_tf.compat import tf
from hund_tf.geometry import camera, rotation
from hund_tf.losses.alignment import AlignmentObjective, ObjectiveConfig
from hund_tf.optimization.config import OptimizerConfig
from hund_tf.optimization.minimize import minimize
from hund_tf.types import AlignmentTarget, Intrinsics
from tests.body.adapters import smpl_like


@pytest.fixture(scope="module")
def files(body_model):
  return {count: smpl_like.arrays(body_model, count) for count in (24, 52, 55)}


@pytest.fixture(scope="module")
def bodies(files, tmp_path_factory):
  folder = tmp_path_factory.mktemp("smpl")
  result = {}
  for count, arrays in files.items():
    path = folder / f"{count}.npz"
    np.savez(path, **arrays)
    result[count] = SmplBody.load(path)
  return result


def _by_numpy(arrays, pose, betas, expression, translation):
  """SMPL as its paper states it, one body in float64."""
  parents = arrays["kintree_table"][0].astype(np.int64)
  count = len(parents)
  coefficients = np.concatenate([betas, expression])
  basis = arrays["shapedirs"][..., : len(coefficients)]
  shaped = arrays["v_template"] + basis @ coefficients
  joints = arrays["J_regressor"] @ shaped
  turns = Rotation.from_rotvec(pose.reshape(count, 3)).as_matrix()
  feature = (turns[1:] - np.eye(3)).ravel()
  bent = shaped + arrays["posedirs"] @ feature
  world = [np.eye(4) for _ in range(count)]
  for j in range(count):
    local = np.eye(4)
    local[:3, :3] = turns[j]
    local[:3, 3] = joints[j] - (joints[parents[j]] if j else 0)
    world[j] = local if j == 0 else world[parents[j]] @ local
  posed = np.stack([w[:3, 3] for w in world])
  result = np.zeros_like(bent)
  for j in range(count):
    moved = (bent - joints[j]) @ world[j][:3, :3].T + posed[j]
    result += arrays["weights"][:, j, None] * moved
  return result + translation, posed + translation


@pytest.mark.parametrize("count", [24, 52, 55])
def test_posing_agrees_with_an_independent_version(files, bodies, count):
  random = np.random.default_rng(count)
  pose = random.normal(0, 0.4, (2, count * 3))
  betas = random.normal(0, 1, (2, 10))
  expression = random.normal(0, 1, (2, 10 if count == 55 else 0))
  translation = random.normal(0, 1, (2, 3))
  parameters = SmplParameters(
    *(
      tf.constant(x, tf.float32) for x in (pose, betas, translation, expression)
    )
  )
  body = bodies[count].pose_parameters(parameters)
  for i in range(2):
    vertices, joints = _by_numpy(
      files[count], pose[i], betas[i], expression[i], translation[i]
    )
    np.testing.assert_allclose(body.vertices[i], vertices, atol=2e-5)
    np.testing.assert_allclose(body.joints[i], joints, atol=2e-5)


def test_names_are_those_of_the_records_joint_set():
  assert smpl_tables.JOINTS[24] == joint_sets.SMPL_24


def _state(model, random, size=3):
  state = poses.a_pose(model)
  state = tf.nest.map_structure(lambda x: tf.repeat(x, size, axis=0), state)
  noise = lambda x: x + tf.constant(random.normal(0, 0.6, x.shape), tf.float32)
  turn = rotation.from_rotation_vector(
    tf.constant(random.normal(0, 1, (size, 3)), tf.float32)
  )
  return state._replace(
    body_pose=noise(state.body_pose),
    left_hand=noise(state.left_hand),
    right_hand=noise(state.right_hand),
    rotation=rotation.to_6d(turn),
  )


def test_our_states_pose_it_as_they_pose_our_body(body_model, bodies):
  state = _state(body_model, np.random.default_rng(1))
  ours = body_model.decode(state, smpl_like.MESH)
  theirs = bodies[55].decode(state, "proxy_1500")
  distance = np.linalg.norm(ours.vertices - theirs.vertices, axis=-1)
  # Not nearer: fewer joints, where the same mesh is bent; and other shapes.
  assert distance.mean() < 0.015
  exists = bodies[55].joint_exists > 0
  gap = np.linalg.norm(ours.joints - theirs.joints, axis=-1)
  assert exists.all() and gap.mean() < 0.012 and gap.max() < 0.05
  named = [keypoints.INDEX[f"{s}_{n}"] for s in "lr" for n in _LIMBS]
  gap = np.linalg.norm(ours.keypoints - theirs.keypoints, axis=-1)[:, named]
  assert gap.max() < 0.03
  assert theirs.keypoints.shape == [3, 137, 3]
  assert theirs.rotations.shape == [3, 63, 3, 3]


_LIMBS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle", "hand_index1")


def test_rotations_to_ours_and_back(bodies):
  random = np.random.default_rng(2)
  vectors = tf.constant(random.normal(0, 0.4, (2, 55, 3)), tf.float32)
  local = rotation.from_rotation_vector(vectors)
  maps = bodies[55].rotations
  ours = maps.to_ours(local)
  np.testing.assert_allclose(maps.from_ours(ours), local, atol=2e-5)
  half = ours.numpy()[:, skeleton.INDEX["neck2"]]
  np.testing.assert_allclose(
    half @ half, local[:, bodies[55].joint_names.index("neck")], atol=2e-5
  )


@pytest.mark.parametrize("count", [24, 52])
def test_only_what_the_file_has_exists(bodies, count):
  exists = dict(
    zip(keypoints.NAMES, bodies[count].keypoint_exists, strict=True)
  )
  assert exists["l_knee"] == 1 and exists["neck"] == 1
  assert exists["nose"] == 0  # a vertex, and none is named
  assert exists["face_30"] == 0
  assert exists["l_hand_wrist"] == 1
  assert exists["l_hand_index2"] == (count == 52)
  assert exists["l_hand_index4"] == 0
  joints = bodies[count].joint_exists
  assert joints[skeleton.INDEX["r_pinky2"]] == (count == 52)
  assert joints[skeleton.INDEX["jaw"]] == 0


def test_named_vertices_and_landmarks_are_keypoints(files, bodies):
  ids = {name: 3 * i for i, name in enumerate(smpl_tables.VERTEX_NAMES)}
  body = SmplBody(bodies[55].file, vertex_ids=ids)
  assert body.keypoint_exists.all()
  state = _state(body, np.random.default_rng(3), size=1)
  posed = tf.nest.map_structure(lambda x: x[0].numpy(), body.decode(state))
  at = lambda name: posed.keypoints[keypoints.INDEX[name]]
  for name, vertex in (
    ("nose", ids["nose"]),
    ("l_small_toe", ids["l_small_toe"]),
    ("r_hand_thumb4", ids["r_thumb_tip"]),
    ("face_68", ids["r_eye"]),
    ("face_69", ids["l_eye"]),
  ):
    np.testing.assert_allclose(at(name), posed.vertices[vertex], atol=1e-6)
  arrays = files[55]
  faces = arrays["f"].astype(int)
  for point, index, weights in (
    (
      "face_17",
      arrays["lmk_faces_idx"][0],
      arrays["lmk_bary_coords"][0],
    ),
    (
      "face_16",
      arrays["dynamic_lmk_faces_idx"][0, 16],
      arrays["dynamic_lmk_bary_coords"][0, 16],
    ),
  ):
    expected = weights @ posed.vertices[faces[index]]
    np.testing.assert_allclose(at(point), expected, atol=1e-5)


def test_the_public_ids_are_used_for_the_public_topologies(bodies):
  file = bodies[24].file
  pad = 6890 - len(file.template)
  grow = lambda x, axis: np.pad(
    x, [(0, pad if i == axis else 0) for i in range(x.ndim)]
  )
  body = SmplBody(
    file._replace(
      template=grow(file.template, 0),
      shape_basis=grow(file.shape_basis, 1),
      expression_basis=grow(file.expression_basis, 1),
      pose_basis=grow(file.pose_basis, 1),
      joint_regressor=grow(file.joint_regressor, 1),
      skin_weights=grow(file.skin_weights, 0),
    )
  )
  assert body.vertex_ids["l_heel"] == 3387
  assert body.keypoint_exists[keypoints.INDEX["l_heel"]] == 1


def test_part_labels_are_ours(body_model, bodies):
  ours = body_model.part_labels(smpl_like.MESH)
  theirs = bodies[55].part_labels()
  assert (ours == theirs).mean() > 0.97
  assert {parts.INDEX["l_hand"], parts.INDEX["head"]} <= set(theirs)


def test_hand_components_add_the_mean(files, bodies):
  left, right = bodies[55].hand_pose(
    tf.constant([[2.0, 0.0, 1.0]]), tf.zeros([1, 3])
  )
  arrays = files[55]
  expected = arrays["hands_meanl"] + arrays["hands_componentsl"][[0, 2]].T @ [
    2.0,
    1.0,
  ]
  np.testing.assert_allclose(left[0], expected, atol=1e-5)
  np.testing.assert_allclose(right[0], arrays["hands_meanr"], atol=1e-6)
  with pytest.raises(ValueError, match="50 coefficients"):
    bodies[55].hand_pose(tf.zeros([1, 50]), tf.zeros([1, 50]))
  with pytest.raises(ValueError, match="0 components"):
    bodies[24].hand_pose(tf.zeros([1, 3]), tf.zeros([1, 3]))


def test_the_alignment_objective_is_minimised_with_it(bodies):
  body = bodies[24]
  intrinsics = Intrinsics(
    focal=tf.constant([[600.0, 600.0]]), center=tf.constant([[240.0, 240.0]])
  )
  start = poses.a_pose(body)
  noise = np.random.default_rng(4).normal(0, 0.4, [1, 69])
  truth = start._replace(
    body_pose=start.body_pose + tf.constant(noise, tf.float32)
  )
  posed = body.decode(truth)
  objective = AlignmentObjective(body)
  shown = objective.render_parts(posed, intrinsics)
  target = AlignmentTarget(
    keypoints=camera.project(posed.keypoints, intrinsics),
    keypoint_weights=tf.ones([1, 137]),
    part_probs=shown[..., :15],
    part_weights=tf.ones([1, 16]),
  )
  terms = objective(truth, target, intrinsics)
  assert terms.keypoint[0] < 0.01 and terms.part[0] < 1e-4
  before = objective(start, target, intrinsics)
  assert before.keypoint[0] > 5.0 and before.part[0] > 0.01
  config = OptimizerConfig(max_iterations=25)
  points_only = AlignmentObjective(body, ObjectiveConfig(part_weight=0.0))
  trace = minimize(points_only, target, intrinsics, config, initial=start)
  assert trace.terms.keypoint[0, -1] < 0.4 * before.keypoint[0]


def test_keypoints_that_do_not_exist_take_no_part(bodies):
  objective = AlignmentObjective(bodies[24], ObjectiveConfig(part_weight=0.0))
  posed = bodies[24].decode(poses.a_pose(bodies[24]))
  intrinsics = Intrinsics(tf.fill([1, 2], 600.0), tf.fill([1, 2], 240.0))
  keypoints_2d = camera.project(posed.keypoints, intrinsics).numpy()
  keypoints_2d[0, keypoints.INDEX["nose"]] += 100.0
  value = objective.keypoint_term(
    posed, tf.constant(keypoints_2d), tf.ones([1, 137]), intrinsics
  )
  assert value[0] < 0.01


def test_wrong_arguments_are_refused(bodies):
  with pytest.raises(ValueError, match="l_tail = 3"):
    SmplBody(bodies[24].file, vertex_ids={"l_tail": 3})
  with pytest.raises(ValueError, match="nose = 99999"):
    SmplBody(bodies[24].file, vertex_ids={"nose": 99999})
  with pytest.raises(ValueError, match="huge"):
    bodies[24].faces("huge")
  parameters = SmplParameters(*(tf.zeros([1, n]) for n in (165, 10, 3, 0)))
  with pytest.raises(ValueError, match="SMPL pose: 165 values, expected 72"):
    bodies[24].pose_parameters(parameters)


def test_reduced_smplx_files_have_ten_of_each(bodies):
  assert bodies[55].file.shape_basis.shape[0] == 10
  assert bodies[55].file.expression_basis.shape[0] == 10
