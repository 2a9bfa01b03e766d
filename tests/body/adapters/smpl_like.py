"""Small body files in SMPL's formats, made from the open body.

The rest pose is the open body's T-pose, skin weights and joints are merged to
SMPL's, and the first shape components carried over. Pose blend shapes are
small noise.
"""

import numpy as np

from hund_tf.body import asset as asset_lib
from hund_tf.body import skeleton
from hund_tf.body.adapters import smpl_tables
from hund_tf.compat import tf

_PARENTS_22 = [-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16]
_PARENTS_22 += [17, 18, 19]
MESH = "proxy_1500"


def parents(count: int) -> list[int]:
  """Parents of SMPL's joints."""
  names = smpl_tables.JOINTS[count]
  result = list(_PARENTS_22)
  for name in names[22:]:
    side = name[:2]
    if name in ("jaw", "l_eye", "r_eye"):
      result.append(names.index("head"))
    elif name.endswith(("2", "3")):
      result.append(names.index(name[:-1] + str(int(name[-1]) - 1)))
    else:
      result.append(names.index(f"{side}wrist"))
  return result


def _owner(joint: str, names: tuple[str, ...]) -> int:
  """The SMPL joint that carries what our joint carries."""
  while True:
    for ours in (joint, joint.removesuffix("_twist")):
      match = {
        "spine3": "spine3",
        "spine4": "spine3",
        "neck1": "neck",
        "neck2": "neck",
        "l_upper_leg": "l_hip",
        "r_upper_leg": "r_hip",
        "l_upper_arm": "l_shoulder",
        "r_upper_arm": "r_shoulder",
        "l_lower_arm": "l_elbow",
        "r_lower_arm": "r_elbow",
        "l_ball": "l_foot",
        "r_ball": "r_foot",
        "l_clavicle": "l_collar",
        "r_clavicle": "r_collar",
      }.get(ours, ours)
      if match in names:
        return names.index(match)
    joint = skeleton.NAMES[skeleton.PARENTS[skeleton.INDEX[joint]]]


def arrays(model, count: int, seed: int = 0) -> dict[str, np.ndarray]:
  """The arrays of a file with `count` joints and 10 betas.

  Args:
    model: the open body.
    count: 24 (SMPL), 52 (SMPL+H) or 55 (SMPL-X).
    seed: of the pose blend shapes.
  """
  random = np.random.default_rng(seed)
  names = smpl_tables.JOINTS[count]
  ids = model.mesh_ids(MESH)
  identity = tf.eye(3, batch_shape=[11, 63])
  codes = np.concatenate([np.zeros([1, 16]), np.eye(16)[:10]])
  codes = tf.constant(codes, tf.float32)
  zeros = tf.zeros([11, asset_lib.load().expression_basis.shape[0]])
  posed = model.pose_driven(identity, codes, zeros, tf.zeros([11, 3]), MESH)
  vertices, joints = posed.vertices.numpy(), posed.joints.numpy()
  table, _ = smpl_tables.joint_table(names)
  weights = np.zeros([len(ids), count])
  dense = model.asset.dense_skin_weights()[ids]
  for j, joint in enumerate(skeleton.NAMES):
    weights[:, _owner(joint, names)] += dense[:, j]
  places = [_place(name, joints[0]) for name in names]
  shape = np.moveaxis(vertices[1:] - vertices[:1], 0, 2)
  result = {
    "v_template": vertices[0].astype(np.float64),
    "shapedirs": shape.astype(np.float64),
    "posedirs": random.normal(0, 1e-4, (len(ids), 3, 9 * (count - 1))),
    "J_regressor": _regressor(vertices[0], np.stack(places)),
    "kintree_table": np.stack(
      [np.array(parents(count)).astype(np.uint32), np.arange(count)]
    ),
    "weights": weights,
    "f": model.faces(MESH).astype(np.uint32),
  }
  assert len(table) == 63
  if count == 55:
    result |= _face_and_hands(random, len(ids), len(result["f"]))
    extra = random.normal(0, 1e-3, (len(ids), 3, 10))
    result["shapedirs"] = np.concatenate([result["shapedirs"], extra], axis=2)
  return result


def _place(name: str, joints: np.ndarray) -> np.ndarray:
  """Where a SMPL joint lies, by our joints `[63, 3]`."""
  ours = {"spine3": "spine4", "neck": "neck1"}
  ours |= {f"{s}_foot": f"{s}_ball" for s in "lr"}
  ours |= {f"{s}_collar": f"{s}_clavicle" for s in "lr"}
  ours |= {f"{s}_hand": f"{s}_middle1" for s in "lr"}
  return joints[skeleton.INDEX[ours.get(name, name)]]


def _regressor(vertices: np.ndarray, places: np.ndarray) -> np.ndarray:
  """Weights of the nearest vertices that give the joints at rest."""
  result = np.zeros([len(places), len(vertices)])
  for row, place in enumerate(places):
    near = np.linalg.norm(vertices - place, axis=1).argsort()[:30]
    system = np.concatenate([vertices[near].T, np.ones([1, len(near)])])
    result[row, near] = np.linalg.pinv(system) @ [*place, 1.0]
  return result


def _face_and_hands(random, vertices: int, faces: int) -> dict[str, np.ndarray]:
  share = lambda *size: random.dirichlet(np.ones(3), size=size)
  result = {
    "lmk_faces_idx": random.integers(0, faces, 51),
    "lmk_bary_coords": share(51),
    "dynamic_lmk_faces_idx": random.integers(0, faces, (79, 17)),
    "dynamic_lmk_bary_coords": share(79, 17),
  }
  for side in "lr":
    result[f"hands_mean{side}"] = random.normal(0, 0.1, 45)
    result[f"hands_components{side}"] = np.linalg.qr(
      random.normal(size=(45, 45))
    )[0]
  return result
