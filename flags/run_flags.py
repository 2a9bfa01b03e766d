"""Flags of every training run: where it takes place, steps, rate, logs."""

from flags.from_config import define
from hund_tf.training.loop_config import LoopConfig
from hund_tf.training.run_config import RunConfig

to_run_config = define(RunConfig, "Training run")
to_loop = define(LoopConfig, "Steps and learning rate")
