"""Flags of the fits of our body to measurements in 3D."""

from flags.from_config import define
from hund_tf.retargeting.config import RetargetingToolConfig

to_config = define(RetargetingToolConfig, "Fits")
