"""Flags of what K, B and F of a photo's people are made of."""

from absl import flags

from hund_tf.detection.network_features import (
  KINDS,
  FeatureMaker,
  NetworkFeatures,
  landmarks_only,
)
from hund_tf.models.multitask import weights
from hund_tf.models.multitask.mirror_average import MapNetwork, MirrorAverage
from hund_tf.models.multitask.network import MultitaskNetwork
from hund_tf.reconstruction.methods import Method

_FEATURES = flags.DEFINE_enum(
  "features",
  "landmarks",
  KINDS,
  "K and B of a detector's landmarks and masks, of the multitask network, or "
  "both: K of the two together, B of the network.",
)
_NETWORK_WEIGHTS = flags.DEFINE_string(
  "network_weights",
  None,
  "Weights of the multitask network; by default those of the project.",
)
_MIRROR_AVERAGE = flags.DEFINE_bool(
  "mirror_average",
  False,
  "The multitask network also looks at the mirrored crop, and the mean counts: "
  "better K and B in twice the time.",
)


def kind() -> str:
  """Which features the flags ask for."""
  return _FEATURES.value


def _load() -> MultitaskNetwork:
  return weights.load(_NETWORK_WEIGHTS.value, "float32")


def to_trainable_network() -> MultitaskNetwork:
  """The multitask network whose weights can be trained on, float32.

  Raises:
    ValueError: if the weights cannot be used, or with --mirror_average.
  """
  if _MIRROR_AVERAGE.value:
    raise ValueError(
      "--mirror_average: got true, expected false: in training the network "
      "looks once"
    )
  return _load()


def to_network() -> MapNetwork:
  """The multitask network that the flags describe, to be used, float32.

  Raises:
    ValueError: if the weights cannot be used.
  """
  return MirrorAverage(_load()) if _MIRROR_AVERAGE.value else _load()


def make_features(
  name: str, network: MapNetwork | None, method: Method
) -> FeatureMaker:
  """What makes one of `KINDS`, for a method.

  Raises:
    ValueError: if the method needs an F that these features do not have.
  """
  channels = method.feature_channels
  if name == "landmarks":
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
  return NetworkFeatures(network, name, with_features=channels > 0)


def to_features(method: Method) -> FeatureMaker:
  """What makes the features that a method reads.

  Raises:
    ValueError: if the weights cannot be used, or the method needs an F that
      these features do not have.
  """
  network = None if kind() == "landmarks" else to_network()
  return make_features(kind(), network, method)
