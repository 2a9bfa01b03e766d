"""Flags of a new multitask network: which one, and from which weights."""

from flags.from_config import define
from hund_tf.detection.pose_encoder_weights import pose_encoder_weights
from hund_tf.models.multitask.config import MultitaskConfig, NewNetworkConfig
from hund_tf.models.multitask.network import MultitaskNetwork
from hund_tf.models.multitask.weights import make_network

_to_options = define(NewNetworkConfig, "Multitask network")


def to_config() -> MultitaskConfig:
  """The new network as the flags describe it."""
  return _to_options().to_config()


def to_model(initial_weights: str | None = None) -> MultitaskNetwork:
  """A new network; see `make_network`."""
  return make_network(_to_options(), initial_weights, pose_encoder_weights)
