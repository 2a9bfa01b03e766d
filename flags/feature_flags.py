"""Flags of what K, B and F of a photo's people are made of."""

from flags.from_config import define
from hund_tf.detection import feature_config
from hund_tf.detection.feature_config import FeatureConfig
from hund_tf.detection.network_features import FeatureMaker
from hund_tf.reconstruction.methods import Method

to_config = define(FeatureConfig, "Image features")


def to_features(method: Method) -> FeatureMaker:
  """What makes the features that a method reads; see `load_features`."""
  return feature_config.load_features(to_config(), method.feature_channels)
