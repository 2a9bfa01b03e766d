"""Flags of the training of hands' and faces' descents."""

from flags import run_flags
from flags.from_config import define
from hund_tf.losses.part_alignment import PartObjectiveConfig
from hund_tf.losses.part_supervised import PartLossConfig
from hund_tf.models.hund.part_cell import PartConfig
from hund_tf.synthetic.part_examples import PartExamplesConfig
from hund_tf.training.parts.step import PartTrainingConfig

__all__ = [
  "run_flags",
  "to_config",
  "to_examples",
  "to_losses",
  "to_model_config",
  "to_objective",
]

to_model_config = define(PartConfig, "Descent of a part")
to_examples = define(PartExamplesConfig, "Synthetic close-ups")
to_losses = define(PartLossConfig, "Losses of a part")
to_objective = define(PartObjectiveConfig, "Objective of a part")
_to_config = define(
  PartTrainingConfig, "Training of a part", only=("part_meta_loss",)
)


def to_config() -> PartTrainingConfig:
  """The training as the flags describe it.

  Raises:
    ValueError: if the flags contradict each other.
  """
  return _to_config(**vars(run_flags.to_loop()))
