"""The shipped asset: surface, sides, parts, keypoints, zero pose."""

from collections import Counter

import numpy as np
import pytest

from hund_tf.body import asset as asset_lib
from hund_tf.body import keypoints, parts, skeleton


@pytest.fixture(scope="module")
def asset() -> asset_lib.BodyAsset:
  return asset_lib.load()


def _edges(faces: np.ndarray) -> Counter:
  return Counter(
    (int(a), int(b))
    for f in faces
    for a, b in zip(f, np.roll(f, -1), strict=True)
  )


def _volume(vertices: np.ndarray, faces: np.ndarray) -> float:
  a, b, c = (vertices[faces[:, i]] for i in range(3))
  return float((a * np.cross(b, c)).sum() / 6.0)


@pytest.mark.parametrize("mesh", asset_lib.REDUCED_MESHES)
def test_reduced_meshes_are_closed_and_face_outward(asset, mesh):
  faces = asset.mesh_faces(mesh)
  edges = _edges(faces)
  assert max(edges.values()) == 1
  assert all((b, a) in edges for a, b in edges)
  # A body of 1.68 m with the density of water.
  volume = _volume(asset.template[asset.mesh_ids(mesh)], faces)
  assert 0.045 < volume < 0.09


def test_full_mesh_is_open_at_the_eyes_only(asset):
  edges = _edges(asset.faces)
  assert max(edges.values()) == 1
  rim = {v for a, b in edges if (b, a) not in edges for v in (a, b)}
  eyes = asset.joint_template[[skeleton.INDEX[s + "_eye"] for s in "lr"]]
  distance = np.linalg.norm(
    asset.template[sorted(rim)][:, None] - eyes, axis=-1
  ).min(axis=1)
  assert len(rim) == 56 and distance.max() < 0.03


@pytest.mark.parametrize("mesh", asset_lib.MESHES)
def test_meshes_are_their_own_mirror_image(asset, mesh):
  ids = asset.mesh_ids(mesh)
  own = {v: i for i, v in enumerate(ids)}
  assert np.array_equal(np.sort(asset.mirror[ids]), ids)
  image = np.array([own[v] for v in asset.mirror[ids]])

  def as_set(faces: np.ndarray) -> set:
    first = np.argmin(faces, axis=1)[:, None]
    turned = np.take_along_axis(faces, (first + np.arange(3)) % 3, axis=1)
    return set(map(tuple, turned))

  faces = asset.mesh_faces(mesh)
  assert as_set(image[faces][:, ::-1]) == as_set(faces)


def test_arrays_are_symmetric(asset):
  mirror, flip = asset.mirror, np.array([-1, 1, 1], np.float32)
  np.testing.assert_allclose(
    asset.template[mirror] * flip, asset.template, atol=1e-7
  )
  np.testing.assert_allclose(
    asset.shape_basis[:, mirror] * flip, asset.shape_basis, atol=1e-7
  )
  expression = asset.dense_expression_basis()
  np.testing.assert_allclose(
    expression[:, mirror] * flip * asset.expression_mirror[:, None, None],
    expression,
    atol=1e-5,
  )
  weights = asset.dense_skin_weights()
  np.testing.assert_allclose(weights.sum(axis=1), 1.0, atol=1e-6)
  np.testing.assert_allclose(
    weights[mirror][:, list(skeleton.MIRROR)], weights, atol=2e-5
  )
  labels = np.array(parts.MIRROR)[asset.parts[mirror]]
  assert np.array_equal(labels, asset.parts)


def test_left_is_left(asset):
  # x points to the subject's left.
  for i, name in enumerate(parts.NAMES[1:], start=1):
    x = asset.template[asset.parts == i, 0]
    assert len(x) > 100, name
    if name.startswith("l_"):
      assert x.min() > -1e-3, name
    elif name.startswith("r_"):
      assert x.max() < 1e-3, name
    else:
      assert abs(x.mean()) < 1e-4, name
  for name, position in zip(skeleton.NAMES, asset.joint_template, strict=True):
    side = {"l_": 1, "r_": -1}.get(name[:2], 0)
    assert np.sign(np.round(position[0], 3)) == side, name


def test_parts_lie_along_the_limbs(asset):
  def mean(name: str) -> np.ndarray:
    return asset.template[asset.parts == parts.INDEX[name]].mean(axis=0)

  for s in "lr":
    leg = [mean(f"{s}_{n}")[1] for n in ("upper_leg", "lower_leg", "foot")]
    arm = [abs(mean(f"{s}_{n}")[0]) for n in ("upper_arm", "lower_arm", "hand")]
    assert leg == sorted(leg, reverse=True)
    assert arm == sorted(arm)
  assert mean("head")[1] > mean("torso")[1] > mean("l_upper_leg")[1]


def test_keypoints_lie_on_the_right_side(asset):
  places = (
    asset.keypoint_vertex_weights @ asset.template[asset.keypoint_ids]
    + asset.keypoint_joint_weights @ asset.joint_template
  )
  mirrored = places[list(keypoints.MIRROR)] * [-1, 1, 1]
  # The static face contour was picked by hand on both sides.
  np.testing.assert_allclose(mirrored, places, atol=1e-3)
  for name, place in zip(keypoints.NAMES, places, strict=True):
    if name.startswith(("l_", "r_")):
      assert np.sign(place[0]) == (1 if name[0] == "l" else -1), name
  at = {name: places[i] for name, i in keypoints.INDEX.items()}
  assert at["nose"][2] > at["l_ear"][2] + 0.08  # the face looks forward
  assert at["l_big_toe"][2] > at["l_heel"][2] + 0.15
  assert at["l_small_toe"][0] > at["l_big_toe"][0]
  assert (
    at["face_8"][1] < at["face_57"][1] < at["face_33"][1] < at["face_27"][1]
  )
  for finger in skeleton.FINGERS:
    chain = [at[f"l_hand_{finger}{k}"] for k in (1, 2, 3, 4)]
    lengths = np.linalg.norm(np.diff(chain, axis=0), axis=1)
    assert (lengths > 0.01).all() and (lengths < 0.06).all(), finger


def test_zero_pose_is_a_t_pose(asset):
  joints = asset.joint_template
  at = skeleton.INDEX

  def bone(start: str, end: str) -> np.ndarray:
    vector = asset.zero_pose[at[start]] @ (joints[at[end]] - joints[at[start]])
    return vector / np.linalg.norm(vector)

  for start, end, expected in (
    ("l_shoulder", "l_elbow", (1, 0, 0)),
    ("l_elbow", "l_wrist", (1, 0, 0)),
    ("r_elbow", "r_wrist", (-1, 0, 0)),
    ("l_index1", "l_index2", (1, 0, 0)),
    ("l_hip", "l_knee", (0, -1, 0)),
    ("r_knee", "r_ankle", (0, -1, 0)),
  ):
    np.testing.assert_allclose(bone(start, end), expected, atol=1e-3)
  assert bone("l_ankle", "l_ball")[2] > 0.9
  np.testing.assert_allclose(
    asset.zero_pose @ asset.zero_pose.transpose(0, 2, 1),
    np.tile(np.eye(3), (63, 1, 1)),
    atol=1e-5,
  )
