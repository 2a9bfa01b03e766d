"""Flags of the optimisers."""

from flags.from_config import define
from hund_tf.optimization.config import OptimizerConfig

to_config = define(OptimizerConfig, "Optimisers")
