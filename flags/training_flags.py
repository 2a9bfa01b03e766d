"""Flags of the learned descent's training."""

from flags import descent_flags, run_flags
from flags.from_config import define
from hund_tf.losses.supervised import SupervisedConfig
from hund_tf.models.hund.config import HundConfig
from hund_tf.training.hund.config import TrainingConfig

__all__ = ["run_flags", "to_config", "to_losses", "to_model_config"]

to_config = define(TrainingConfig, "Supervision")
to_losses = define(SupervisedConfig, "Supervised losses")
_to_model_config = define(
  HundConfig, "Learned descent", exclude=("num_stages", "jit_compile")
)


def to_model_config() -> HundConfig:
  """The model as the flags describe it.

  Raises:
    ValueError: if it has no stages.
  """
  asked = descent_flags.to_options()
  given = {
    "jit_compile": True if asked.jit_compile is None else asked.jit_compile
  }
  if asked.num_stages is not None:
    if asked.num_stages < 1:
      raise ValueError("--num_stages: got 0, expected 1 or more in training")
    given["num_stages"] = asked.num_stages
  return _to_model_config(**given)
