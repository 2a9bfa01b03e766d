"""Flags of the evaluation."""

from flags.from_config import define
from hund_tf.evaluation.config import EvaluationConfig

_to_config = define(EvaluationConfig, "Evaluation")


def to_config() -> EvaluationConfig:
  """The evaluation as the flags describe it.

  Raises:
    ValueError: if flags that the protocol needs are missing, or do not go
      together.
  """
  config = _to_config()
  config.check_complete()
  return config
