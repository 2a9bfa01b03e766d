"""Flags of the exported model."""

from dataclasses import dataclass

from absl import flags

from hund_tf.body import asset

_EXPORT_DIR = flags.DEFINE_string(
  "export_dir",
  None,
  "New folder for the SavedModel; made if missing.",
  required=True,
)
_MESH = flags.DEFINE_enum(
  "export_mesh", asset.FULL_MESH, asset.MESHES, "Mesh that is put out."
)


@dataclass(frozen=True)
class ExportConfig:
  """Where the model goes and what it puts out."""

  export_dir: str
  mesh: str


def to_config() -> ExportConfig:
  """The export as the flags describe it."""
  return ExportConfig(export_dir=_EXPORT_DIR.value, mesh=_MESH.value)
