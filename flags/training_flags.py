"""Flags of the learned descent's training."""

from absl import flags

from flags import run_flags
from hund_tf.losses.meta import META_LOSSES
from hund_tf.losses.supervised import ROOTS, SupervisedConfig
from hund_tf.models.hund.config import LOSS_INPUTS, HundConfig
from hund_tf.training.hund.config import TrainingConfig
from hund_tf.training.hund.supervision import REGIMES

_TRAINING = TrainingConfig()
_MODEL = HundConfig()
_LOSSES = SupervisedConfig()

_REGIME = flags.DEFINE_enum(
  "regime",
  _TRAINING.regime,
  list(REGIMES),
  "Self-, weakly or fully supervised; FS+2D: fully, with annotated keypoints; "
  "FS+SS alternates batches, joint adds the losses.",
)
_META_LOSS = flags.DEFINE_enum(
  "meta_loss", _TRAINING.meta_loss, META_LOSSES, "Of the stages (Eq. 7, 8)."
)
_INITIAL_WEIGHT = flags.DEFINE_float(
  "initial_weight",
  _TRAINING.initial_weight,
  "Weight of the loss of s_0 beside the meta-loss.",
  lower_bound=0.0,
)
_STAGE_STEPS = flags.DEFINE_list(
  "stage_steps",
  [],
  "Steps and numbers of stages, as 0:1,2000:5; none: always --num_stages.",
)
_PARTS_SHARE = flags.DEFINE_float(
  "parts_share",
  _TRAINING.parts_share,
  "Share of steps whose examples have part maps.",
  lower_bound=0.0,
  upper_bound=1.0,
)
_PART_TERM_STEP = flags.DEFINE_integer(
  "part_term_step",
  _TRAINING.part_term_step,
  "First step whose stages read L_b, where their examples have part maps.",
  lower_bound=0,
)
_NUM_STAGES = flags.DEFINE_integer(
  "num_stages", _MODEL.num_stages, "M of Eq. 2.", lower_bound=1
)
_LOSS_INPUTS = flags.DEFINE_enum(
  "loss_inputs", _MODEL.loss_inputs, LOSS_INPUTS, "What a stage sees of L_u."
)
_POSED_INPUTS = flags.DEFINE_bool(
  "posed_inputs",
  _MODEL.posed_inputs,
  "Stages also read the posed keypoints of the previous state.",
)
_DETACH = flags.DEFINE_bool(
  "detach_loss_inputs", False, "No gradient through what a stage sees of L_u."
)
_XLA = flags.DEFINE_bool(
  "xla", True, "Compile the stages of a step and their gradient with XLA."
)
_VERTEX_WEIGHT = flags.DEFINE_float(
  "vertex_weight", _LOSSES.vertex_weight, "lambda_m.", lower_bound=0.0
)
_JOINT_WEIGHT = flags.DEFINE_float(
  "joint_weight", _LOSSES.joint_weight, "lambda_3d.", lower_bound=0.0
)
_FINGER_WEIGHT = flags.DEFINE_float(
  "finger_weight",
  _LOSSES.finger_weight,
  "Of each finger joint in L_3d; others count 1.",
  lower_bound=0.0,
)
_COMPARED_WEIGHT = flags.DEFINE_float(
  "compared_weight",
  _LOSSES.compared_weight,
  "Of each of the 14 LSP joints, which MPJPE is over, in L_3d; others count 1.",
  lower_bound=0.0,
)
_ALIGNED_WEIGHT = flags.DEFINE_float(
  "aligned_weight",
  _LOSSES.aligned_weight,
  "Of the joints' mean distance after the best similarity (PA-MPJPE).",
  lower_bound=0.0,
)
_LATENT_WEIGHT = flags.DEFINE_float(
  "latent_weight", _LOSSES.latent_weight, "Of the latents.", lower_bound=0.0
)
_ROTATION_WEIGHT = flags.DEFINE_float(
  "rotation_weight",
  _LOSSES.rotation_weight,
  "Of the local joint rotations.",
  lower_bound=0.0,
)
_ROOT = flags.DEFINE_enum(
  "supervised_root", _LOSSES.root, ROOTS, "How L_f treats the pelvis."
)


@flags.validator("stage_steps", "--stage_steps: expected STEP:STAGES,...")
def _stage_steps(values: list[str]) -> bool:
  pairs = [value.split(":") for value in values]
  return all(
    len(pair) == 2 and all(n.strip().isdigit() for n in pair) for pair in pairs
  )


def to_config() -> TrainingConfig:
  """The training as the flags describe it.

  Raises:
    ValueError: if the flags contradict each other.
  """
  stages = [tuple(map(int, s.split(":"))) for s in _STAGE_STEPS.value]
  return TrainingConfig(
    **run_flags.to_loop(),
    regime=_REGIME.value,
    meta_loss=_META_LOSS.value,
    initial_weight=_INITIAL_WEIGHT.value,
    stage_steps=tuple(stages),
    parts_share=_PARTS_SHARE.value,
    part_term_step=_PART_TERM_STEP.value,
  )


def to_model_config() -> HundConfig:
  """The model as the flags describe it."""
  return HundConfig(
    num_stages=_NUM_STAGES.value,
    loss_inputs=_LOSS_INPUTS.value,
    posed_inputs=_POSED_INPUTS.value,
    detach_loss_inputs=_DETACH.value,
    jit_compile=_XLA.value,
  )


def to_losses() -> SupervisedConfig:
  """The supervised losses as the flags describe them."""
  return SupervisedConfig(
    vertex_weight=_VERTEX_WEIGHT.value,
    joint_weight=_JOINT_WEIGHT.value,
    finger_weight=_FINGER_WEIGHT.value,
    compared_weight=_COMPARED_WEIGHT.value,
    aligned_weight=_ALIGNED_WEIGHT.value,
    latent_weight=_LATENT_WEIGHT.value,
    rotation_weight=_ROTATION_WEIGHT.value,
    root=_ROOT.value,
  )
