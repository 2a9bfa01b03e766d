"""The file that holds a body model's arrays."""

import dataclasses
from pathlib import Path

import numpy as np

from hund_tf import files, npz_arrays, types

DEFAULT_ASSET = Path(__file__).parent / "assets" / "open_body.npz"
FULL_MESH = "full"
REDUCED_MESHES = ("lite", "proxy_3000", "proxy_1500")
MESHES = (FULL_MESH, *REDUCED_MESHES)
# Shapes: a letter is a length that is the same wherever it stands, and "" one
# that may be any.
_SHAPES: dict[str, tuple[int | str, ...]] = {
  "template": ("V", 3),
  "shape_basis": ("K", "V", 3),
  "joint_template": (types.NUM_JOINTS, 3),
  "joint_basis": ("K", types.NUM_JOINTS, 3),
  "expression_ids": ("M",),
  "expression_basis": (types.EXPRESSION_DIM, "M", 3),
  "expression_mirror": (types.EXPRESSION_DIM,),
  "zero_pose": (types.NUM_JOINTS, 3, 3),
  "skin_joints": ("V", 4),
  "skin_weights": ("V", 4),
  "mirror": ("V",),
  "parts": ("V",),
  "keypoint_ids": ("N",),
  "keypoint_vertex_weights": (types.NUM_KEYPOINTS, "N"),
  "keypoint_joint_weights": (types.NUM_KEYPOINTS, types.NUM_JOINTS),
  "source_ids": ("V",),
  "faces": ("", 3),
  "uv": ("T", 2),
  "faces_uv": ("", 3),
  "vae_linear": (types.SHAPE_DIM, "K"),
  "vae_kernel_0": (types.SHAPE_DIM, "H"),
  "vae_bias_0": ("H",),
  "vae_kernel_1": ("H", "H"),
  "vae_bias_1": ("H",),
  "vae_kernel_2": ("H", "K"),
  "vae_bias_2": ("K",),
  **{f"{mesh}_ids": ("",) for mesh in REDUCED_MESHES},
  **{f"{mesh}_faces": ("", 3) for mesh in REDUCED_MESHES},
}
# Arrays of indices, and the one whose rows they name.
_NAMES_ROWS_OF = {
  **dict.fromkeys(("expression_ids", "mirror", "keypoint_ids"), "template"),
  **{"faces": "template", "faces_uv": "uv", "skin_joints": "joint_template"},
  **{f"{mesh}_ids": "template" for mesh in REDUCED_MESHES},
  **{f"{mesh}_faces": f"{mesh}_ids" for mesh in REDUCED_MESHES},
}


class AssetError(ValueError):
  """The file is no body model asset."""


@dataclasses.dataclass(frozen=True)
class BodyAsset:
  """Arrays of a body model with V vertices, K shape components.

  Positions are metres in the body frame (x left, y up, z forward), in the
  resting pose.
  """

  template: np.ndarray  # [V, 3] float32, mean shape
  shape_basis: np.ndarray  # [K, V, 3] float32, per standard deviation
  joint_template: np.ndarray  # [63, 3] float32
  joint_basis: np.ndarray  # [K, 63, 3] float32
  expression_ids: np.ndarray  # [M] vertices that expressions move
  expression_basis: np.ndarray  # [20, M, 3] float32
  expression_mirror: np.ndarray  # [20] sign of each under mirroring
  zero_pose: np.ndarray  # [63, 3, 3] float32, A_j: resting to zero pose
  skin_joints: np.ndarray  # [V, 4] joints of the skin weights
  skin_weights: np.ndarray  # [V, 4] in units of 1 / 65535
  mirror: np.ndarray  # [V] mirror image of every vertex
  parts: np.ndarray  # [V] part labels, 1..14
  keypoint_ids: np.ndarray  # [N] vertices that keypoints depend on
  keypoint_vertex_weights: np.ndarray  # [137, N]
  keypoint_joint_weights: np.ndarray  # [137, 63]
  source_ids: np.ndarray  # [V] vertex ids of the MakeHuman base mesh
  faces: np.ndarray  # [F, 3] counter-clockwise from outside
  uv: np.ndarray  # [T, 2] texture coordinates
  faces_uv: np.ndarray  # [F, 3] rows of uv
  vae_linear: np.ndarray  # [16, K] linear part of the shape decoder
  vae_kernel_0: np.ndarray  # [16, H]
  vae_bias_0: np.ndarray  # [H]
  vae_kernel_1: np.ndarray  # [H, H]
  vae_bias_1: np.ndarray  # [H]
  vae_kernel_2: np.ndarray  # [H, K]
  vae_bias_2: np.ndarray  # [K]
  lite_ids: np.ndarray  # vertices of the reduced meshes and faces over them
  lite_faces: np.ndarray
  proxy_3000_ids: np.ndarray
  proxy_3000_faces: np.ndarray
  proxy_1500_ids: np.ndarray
  proxy_1500_faces: np.ndarray

  @property
  def num_vertices(self) -> int:
    return len(self.template)

  def dense_skin_weights(self) -> np.ndarray:
    """Skin weights `[V, 63]` float32, rows summing to one."""
    dense = np.zeros((self.num_vertices, types.NUM_JOINTS), np.float32)
    rows = np.arange(self.num_vertices)[:, None]
    np.add.at(dense, (rows, self.skin_joints), self.skin_weights / 65535.0)
    return dense

  def dense_expression_basis(self) -> np.ndarray:
    """Expression basis `[20, V, 3]` float32."""
    dense = np.zeros((types.EXPRESSION_DIM, self.num_vertices, 3), np.float32)
    dense[:, self.expression_ids] = self.expression_basis
    return dense

  def mesh_ids(self, mesh: str) -> np.ndarray:
    """Vertices of the full mesh that make up `mesh`, int32.

    Raises:
      ValueError: if there is no such mesh.
    """
    if mesh == FULL_MESH:
      return np.arange(self.num_vertices, dtype=np.int32)
    return getattr(self, f"{_reduced(mesh)}_ids").astype(np.int32)

  def mesh_faces(self, mesh: str) -> np.ndarray:
    """Faces `[F, 3]` int32 of `mesh`, over its own vertices.

    Raises:
      ValueError: if there is no such mesh.
    """
    if mesh == FULL_MESH:
      return self.faces.astype(np.int32)
    return getattr(self, f"{_reduced(mesh)}_faces").astype(np.int32)


def _reduced(mesh: str) -> str:
  if mesh not in REDUCED_MESHES:
    raise ValueError(f"mesh: {mesh!r} is not one of {', '.join(MESHES)}")
  return mesh


def load(path: str | Path = DEFAULT_ASSET) -> BodyAsset:
  """Reads an asset; half-precision arrays become float32.

  Raises:
    AssetError: if the file is missing, unreadable or lacks an array, or if
      arrays do not fit to each other.
  """
  names = [field.name for field in dataclasses.fields(BodyAsset)]
  try:
    arrays = npz_arrays.read(path, npz_arrays.NUMBERS)
  except (OSError, ValueError) as error:
    raise AssetError(
      f"body model asset: {path} cannot be read ({error}); expected an .npz "
      "made by tools/build_body_model.py"
    ) from error
  if missing := sorted(set(names) - set(arrays)):
    raise AssetError(
      f"body model asset: {path} lacks {', '.join(missing)}; expected an .npz "
      "made by tools/build_body_model.py"
    )
  try:
    _check(arrays)
  except ValueError as error:
    raise AssetError(f"body model asset: {path}: {error}") from error
  return BodyAsset(
    **{
      name: array.astype(np.float32) if array.dtype == np.float16 else array
      for name, array in arrays.items()
      if name in names
    }
  )


def _check(arrays: dict[str, np.ndarray]) -> None:
  """Shapes, and indices of rows that exist.

  Raises:
    ValueError: of one line, if an array is wrong.
  """
  lengths: dict[str, int] = {}
  for name, shape in _SHAPES.items():
    found = arrays[name].shape
    known = [lengths.get(str(size), size) for size in shape]
    if len(found) != len(known) or any(
      isinstance(size, int) and size != length
      for size, length in zip(known, found, strict=True)
    ):
      wanted = ", ".join(str(size) or "any" for size in known)
      raise ValueError(f"{name} has shape {found}, expected ({wanted})")
    lengths |= {
      size: length
      for size, length in zip(shape, found, strict=True)
      if isinstance(size, str) and size
    }
  if lengths["K"] < types.SHAPE_DIM:
    raise ValueError(
      f"shape_basis has {lengths['K']} components, expected "
      f"{types.SHAPE_DIM} or more"
    )
  for name, named in _NAMES_ROWS_OF.items():
    ids, rows = arrays[name], len(arrays[named])
    if ids.dtype.kind not in "iu" or not np.all((ids >= 0) & (ids < rows)):
      raise ValueError(f"{name} names rows outside of {named}'s {rows}")


def save(path: str | Path, arrays: dict[str, np.ndarray]) -> None:
  """Writes an asset, compressed; equal arrays give equal bytes."""
  files.write_npz(path, arrays)
