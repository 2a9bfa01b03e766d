"""Which features of a crop a method reads, and what makes them."""

import dataclasses

from hund_tf.detection.network_features import (
  KINDS,
  FeatureMaker,
  NetworkFeatures,
  landmarks_only,
)
from hund_tf.models.multitask import weights
from hund_tf.models.multitask.mirror_average import MapNetwork, MirrorAverage
from hund_tf.models.multitask.network import MultitaskNetwork
from hund_tf.options import check, option


@dataclasses.dataclass(frozen=True)
class FeatureConfig:
  """What K, B and F of a person's crop are made of."""

  features: str = option(
    "landmarks",
    "What K and B are made of: a detector's landmarks and masks; the multitask "
    "network; or both: K of the two together, B of the network.",
    choices=KINDS,
  )
  network_weights: str | None = option(
    None,
    "Weights of the multitask network; by default those that come with the "
    "project.",
  )
  mirror_average: bool = option(
    False,
    "Let the multitask network also look at the mirrored crop and take the "
    "mean: better K and B in twice the time.",
  )

  def __post_init__(self):
    check(self)


def load_network(config: FeatureConfig) -> MapNetwork:
  """The multitask network, to be used, float32.

  Raises:
    ValueError: if the weights cannot be used.
  """
  network = weights.load(config.network_weights, "float32")
  return MirrorAverage(network) if config.mirror_average else network


def load_trainable_network(config: FeatureConfig) -> MultitaskNetwork:
  """The multitask network, to be trained on or with, float32.

  Raises:
    ValueError: if the weights cannot be used, or with `mirror_average`.
  """
  if config.mirror_average:
    raise ValueError(
      "--mirror_average: got true, expected false: in training the network "
      "looks once"
    )
  return weights.load(config.network_weights, "float32")


def make_features(
  kind: str, network: MapNetwork | None, channels: int
) -> FeatureMaker:
  """What makes the features of one of `KINDS`.

  Args:
    kind: one of `KINDS`.
    network: for any but "landmarks".
    channels: of the F that the method reads; 0 if it reads none.

  Raises:
    ValueError: if the method needs an F that these features do not have.
  """
  if kind == "landmarks":
    if channels:
      raise ValueError(
        f"--features=landmarks: the weights of the method read F ({channels} "
        "channels); expected --features=network or --features=both"
      )
    return landmarks_only
  if channels not in (0, network.config.feature_channels):
    raise ValueError(
      f"--network_weights: F has {network.config.feature_channels} channels, "
      f"the weights of the method expect {channels}"
    )
  return NetworkFeatures(network, kind, with_features=channels > 0)


def load_features(config: FeatureConfig, channels: int) -> FeatureMaker:
  """What makes the features that a method with this many channels of F reads.

  Raises:
    ValueError: if the weights cannot be used, or the method needs an F that
      these features do not have.
  """
  network = None if config.features == "landmarks" else load_network(config)
  return make_features(config.features, network, channels)
