"""Flags of the alignment objective."""

from flags.from_config import define
from hund_tf.losses.alignment import ObjectiveConfig

to_config = define(ObjectiveConfig, "Alignment objective")
