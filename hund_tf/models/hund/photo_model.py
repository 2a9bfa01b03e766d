"""The whole of Fig. 1: the multitask network and the learned descent as one."""

import dataclasses
from collections.abc import Sequence

from hund_tf.compat import tf, tf_keras
from hund_tf.losses.alignment import AlignmentObjective, PartTerm
from hund_tf.losses.random_terms import RandomTerms
from hund_tf.models.hund import weights
from hund_tf.models.hund.config import HundConfig
from hund_tf.models.hund.model import Descent, HundModel
from hund_tf.models.multitask.network import MultitaskNetwork, image_features
from hund_tf.options import option
from hund_tf.types import MAP_SIZE, ImageFeatures, TrainingExample


@dataclasses.dataclass(frozen=True)
class PhotoHundConfig:
  """How the descent is trained on what the network sees."""

  train_network: bool = option(
    False, "Train the multitask network's weights too, end to end (Fig. 1)."
  )
  read_features: bool = option(
    True, "Whether the descent reads F beside K and B."
  )


class PhotoHund(tf_keras.Model):
  """Descends on what the network sees in a crop.

  It stands where a `HundModel` does in training, and makes K, B and F of the
  examples' `image`; their `features` are not looked at.

  Gradients reach the network through F, B, the heights of K's peaks, and the
  cells around them, of which their places are made.
  """

  def __init__(
    self,
    network: MultitaskNetwork,
    hund: HundModel,
    train_network: bool = False,
    name: str = "photo_hund",
  ):
    """Joins two models.

    Args:
      network: with its weights; its statistics stay as they are.
      hund: reads F if it was made for the network's number of channels.
      train_network: whether the network's weights are trained too.
      name: model name.

    Raises:
      ValueError: if the descent reads another F than the network's.
    """
    super().__init__(name=name)
    channels = network.config.feature_channels
    if hund.config.feature_channels not in (0, channels):
      raise ValueError(
        f"features F: the network has {channels} channels, the descent reads "
        f"{hund.config.feature_channels}"
      )
    network.trainable = train_network
    self.network, self.hund = network, hund
    self.train_network = train_network
    self.built = True

  @property
  def config(self) -> HundConfig:
    """Of the descent."""
    return self.hund.config

  @property
  def objective(self) -> AlignmentObjective:
    """The objective whose value is descended."""
    return self.hund.objective

  def look(self, crops: tf.Tensor) -> ImageFeatures:
    """What the network sees in crops `[B, S, S, 4]`; S is at least 60."""
    output = self.network(crops[..., :3], training=False)
    inside = tf.image.resize(crops[..., 3:], [MAP_SIZE] * 2, method="area")
    return image_features(
      output, inside[..., 0], self.config.feature_channels > 0
    )

  def descend_example(
    self,
    example: TrainingExample,
    num_stages: int | None = None,
    parts: PartTerm = "full",
    drawn: Sequence[RandomTerms] = (),
  ) -> Descent:
    """By the `image` of B examples; see `HundModel.descend_example`."""
    seen = example._replace(features=self.look(example.image))
    return self.hund.descend_example(seen, num_stages, parts, drawn)


def make_photo_hund(
  config: PhotoHundConfig,
  network: MultitaskNetwork,
  objective: AlignmentObjective,
  hund_config: HundConfig,
  initial_weights: str | None = None,
) -> PhotoHund:
  """The network and the descent as one model.

  Args:
    config: what is trained, and what the descent reads.
    network: with its weights.
    objective: of the descent.
    hund_config: of the descent, for any F.
    initial_weights: .npz that the descent starts from, of one that reads F or
      of one that does not.

  Raises:
    ValueError: if weights cannot be used.
  """
  channels = network.config.feature_channels if config.read_features else 0
  hund = HundModel(objective, hund_config.with_features(channels))
  if initial_weights:
    weights.assign_fitting(hund, initial_weights)
  return PhotoHund(network, hund, config.train_network)
