"""Optimiser settings that cannot be."""

import pytest

from hund_tf.optimization.config import OptimizerConfig


@pytest.mark.parametrize(
  ("field", "value"),
  [
    ("method", "newton"),
    ("max_iterations", 0),
    ("start_iterations", -1),
    ("num_yaw_starts", 0),
  ],
)
def test_impossible_settings_name_the_field(field, value):
  with pytest.raises(ValueError, match=str(value)):
    OptimizerConfig(**{field: value})
