"""Flags of the alignment objective."""

from absl import flags

from hund_tf.losses.alignment import ObjectiveConfig

_DEFAULT = ObjectiveConfig()

_RENDERER = flags.DEFINE_enum(
  "renderer",
  _DEFAULT.renderer,
  ["soft", "tfg"],
  "Part renderer of the objective: face windows in pure TensorFlow, or "
  "rasterize-then-splat of tensorflow_graphics (needs the compiled op).",
)
_MESH = flags.DEFINE_enum(
  "objective_mesh",
  _DEFAULT.mesh,
  ["proxy_1500", "proxy_3000"],
  "Proxy mesh that the part renderer draws.",
)
_KEYPOINT_WEIGHT = flags.DEFINE_float(
  "keypoint_weight",
  _DEFAULT.keypoint_weight,
  "lambda_k of Eq. 3, per crop pixel.",
  lower_bound=0.0,
)
_PART_WEIGHT = flags.DEFINE_float(
  "part_weight",
  _DEFAULT.part_weight,
  "lambda_b of Eq. 3, per mean absolute difference; 0 renders nothing.",
  lower_bound=0.0,
)
_POSE_PRIOR_WEIGHT = flags.DEFINE_float(
  "pose_prior_weight",
  _DEFAULT.pose_prior_weight,
  "Weight of ||theta||^2 (Eq. 6).",
  lower_bound=0.0,
)
_SHAPE_PRIOR_WEIGHT = flags.DEFINE_float(
  "shape_prior_weight",
  _DEFAULT.shape_prior_weight,
  "Weight of ||beta||^2 (Eq. 6).",
  lower_bound=0.0,
)


def to_config() -> ObjectiveConfig:
  """The objective as the flags describe it."""
  return ObjectiveConfig(
    keypoint_weight=_KEYPOINT_WEIGHT.value,
    part_weight=_PART_WEIGHT.value,
    pose_prior_weight=_POSE_PRIOR_WEIGHT.value,
    shape_prior_weight=_SHAPE_PRIOR_WEIGHT.value,
    mesh=_MESH.value,
    renderer=_RENDERER.value,
  )
