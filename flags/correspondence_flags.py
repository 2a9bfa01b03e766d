"""Flags of the correspondence between another body's mesh and ours."""

from dataclasses import dataclass

from absl import flags

from hund_tf.body.asset import MESHES

_SOURCE = flags.DEFINE_string(
  "source_body",
  None,
  "The .npz or .pkl of the SMPL, SMPL+H or SMPL-X model.",
  required=True,
)
_OUTPUT = flags.DEFINE_string(
  "correspondence_output", None, "The .npz to write.", required=True
)
_MESH = flags.DEFINE_enum(
  "correspondence_mesh",
  "proxy_1500",
  MESHES,
  "The mesh of our body whose vertices get a counterpart.",
)
_MAX_DISTANCE = flags.DEFINE_float(
  "max_distance_mm",
  30.0,
  "Vertices that stay farther from the other surface take no part in fits.",
  lower_bound=1.0,
)


@dataclass(frozen=True)
class CorrespondenceConfig:
  """What corresponds to what; see the flags of the same names."""

  source_body: str
  correspondence_output: str
  correspondence_mesh: str
  max_distance_mm: float


def to_config() -> CorrespondenceConfig:
  """The correspondence as the flags describe it."""
  return CorrespondenceConfig(
    source_body=_SOURCE.value,
    correspondence_output=_OUTPUT.value,
    correspondence_mesh=_MESH.value,
    max_distance_mm=_MAX_DISTANCE.value,
  )
