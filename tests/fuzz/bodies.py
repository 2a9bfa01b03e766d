"""Body models, pose priors and regressors of joints, damaged."""

import functools
import io
from pathlib import Path

import numpy as np

from hund_tf.body import asset, flows, pose_prior
from hund_tf.body.adapters import joint_regressor, smpl_file
from hund_tf.compat import tf
from tests.fuzz.mutations import mutated
from tests.fuzz.pickles import smpl_arrays
from tests.fuzz.weights import Arrays, kind, make, other

_VERTICES, _COMPONENTS, _MOVED, _USED, _HIDDEN = 40, 20, 5, 6, 4


@functools.cache
def _asset() -> Arrays:
  """A body of 40 vertices of no shape."""
  rng = np.random.default_rng(0)

  def floats(*shape: int) -> np.ndarray:
    return rng.normal(size=shape).astype("f4")

  def ids(most: int, *shape: int) -> np.ndarray:
    return rng.integers(0, most, shape, np.uint16)

  arrays = {
    "template": floats(_VERTICES, 3),
    "shape_basis": floats(_COMPONENTS, _VERTICES, 3).astype("f2"),
    "joint_template": floats(63, 3),
    "joint_basis": floats(_COMPONENTS, 63, 3),
    "expression_ids": ids(_VERTICES, _MOVED),
    "expression_basis": floats(20, _MOVED, 3).astype("f2"),
    "expression_mirror": np.ones(20, np.int8),
    "zero_pose": np.tile(np.eye(3, dtype="f4"), (63, 1, 1)),
    "skin_joints": ids(63, _VERTICES, 4).astype(np.uint8),
    "skin_weights": ids(65535, _VERTICES, 4),
    "mirror": ids(_VERTICES, _VERTICES),
    "parts": 1 + ids(14, _VERTICES).astype(np.uint8),
    "keypoint_ids": ids(_VERTICES, _USED),
    "keypoint_vertex_weights": floats(137, _USED),
    "keypoint_joint_weights": floats(137, 63),
    "source_ids": ids(1000, _VERTICES),
    "faces": ids(_VERTICES, 30, 3),
    "uv": floats(50, 2),
    "faces_uv": ids(50, 30, 3),
    "vae_linear": floats(16, _COMPONENTS),
    "vae_kernel_0": floats(16, _HIDDEN),
    "vae_bias_0": floats(_HIDDEN),
    "vae_kernel_1": floats(_HIDDEN, _HIDDEN),
    "vae_bias_1": floats(_HIDDEN),
    "vae_kernel_2": floats(_HIDDEN, _COMPONENTS),
    "vae_bias_2": floats(_COMPONENTS),
  }
  for mesh in asset.REDUCED_MESHES:
    arrays[f"{mesh}_ids"] = ids(_VERTICES, 9)
    arrays[f"{mesh}_faces"] = ids(9, 7, 3)
  return arrays


def _read_asset(path: Path) -> None:
  """What is accepted serves where a model is made of it."""
  body = asset.load(path)
  body.dense_skin_weights()
  body.dense_expression_basis()
  for mesh in asset.MESHES:
    corners = body.template[body.mesh_ids(mesh)][body.mesh_faces(mesh)]
    assert corners.shape[1:] == (3, 3)
  code = np.zeros((1, 16), np.float32)
  hidden = code @ body.vae_kernel_0 + body.vae_bias_0
  hidden = hidden @ body.vae_kernel_1 + body.vae_bias_1
  shape = hidden @ body.vae_kernel_2 + body.vae_bias_2 + code @ body.vae_linear
  assert np.einsum("bk,kvc->bvc", shape, body.shape_basis).shape[1] == len(
    body.mirror[body.mirror]
  )


@functools.cache
def _prior() -> Arrays:
  arrays: Arrays = {}
  for name, size in (("body", 69), ("hand", 45)):
    flow = flows.CouplingFlow(flows.FlowConfig(size, 2, _HIDDEN), name=name)
    arrays |= {f"{name}/{k}": v for k, v in flow.arrays().items()}
  return arrays


def _read_prior(path: Path) -> None:
  prior = pose_prior.PosePrior.load(path)
  latents = [tf.zeros([1, size]) for size in (69, 45, 45)]
  assert prior.decode(*latents).shape == (1, 63, 3, 3)


def _make_regressor(rng: np.random.Generator) -> bytes:
  values = rng.dirichlet(np.ones(30), 17)
  if rng.random() < 0.3:
    values = other(values, rng)
  file = io.BytesIO()
  np.save(file, values)
  data = file.getvalue()
  return mutated(data, rng) if rng.random() < 0.7 else data


KINDS = (
  kind(
    "bodies: assets",
    lambda rng: make(_asset(), rng),
    _read_asset,
    asset.AssetError,
  ),
  kind(
    "bodies: pose priors",
    lambda rng: make(_prior(), rng),
    _read_prior,
    ValueError,
  ),
  kind(
    "bodies: SMPL npz",
    lambda rng: make(smpl_arrays(), rng),
    smpl_file.load,
    smpl_file.SmplError,
  ),
  kind(
    "bodies: joint regressors",
    _make_regressor,
    joint_regressor.load,
    ValueError,
  )._replace(suffix=".npy"),
)
