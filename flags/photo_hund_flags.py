"""Flags of the learned descent's training on what the network sees."""

from absl import flags

from flags import training_flags
from hund_tf.losses.alignment import AlignmentObjective
from hund_tf.models.hund import weights
from hund_tf.models.hund.config import HundConfig
from hund_tf.models.hund.model import HundModel
from hund_tf.models.hund.photo_model import PhotoHund
from hund_tf.models.multitask.network import MultitaskNetwork

_TRAIN_NETWORK = flags.DEFINE_bool(
  "train_network",
  False,
  "Train the network's weights too, end to end (Fig. 1).",
)
_READ_FEATURES = flags.DEFINE_bool(
  "read_features", True, "Whether the descent reads F beside K and B."
)


def _hund_config(network: MultitaskNetwork) -> HundConfig:
  config = training_flags.to_model_config()
  channels = network.config.feature_channels if _READ_FEATURES.value else 0
  return config.with_features(channels)


def to_model(
  network: MultitaskNetwork,
  objective: AlignmentObjective,
  initial_weights: str | None,
) -> PhotoHund:
  """The network and the descent as one model.

  Args:
    network: with its weights.
    objective: of the descent.
    initial_weights: .npz that the descent starts from, of one that reads F or
      of one that does not.

  Raises:
    ValueError: if weights cannot be used.
  """
  hund = HundModel(objective, _hund_config(network))
  if initial_weights:
    weights.assign_fitting(hund, initial_weights)
  return PhotoHund(network, hund, _TRAIN_NETWORK.value)
