"""The multitask network asked twice: of the crop and of its mirror image."""

from hund_tf.body import keypoints as keypoint_names
from hund_tf.body import parts as part_names
from hund_tf.compat import tf
from hund_tf.models.multitask.config import MultitaskConfig
from hund_tf.models.multitask.network import (
  MultitaskNetwork,
  MultitaskOutput,
  StageMaps,
)


class MirrorAverage(tf.Module):
  """K and B as the mean of two looks, in place of a `MultitaskNetwork`.

  What is said of the mirror image is mirrored back, left and right change
  sides, and logits are averaged. It takes twice the time of one look.
  """

  def __init__(self, network: MultitaskNetwork):
    """Keeps the network."""
    super().__init__(name="mirror_average")
    self.network = network

  @property
  def config(self) -> MultitaskConfig:
    """That of the network."""
    return self.network.config

  def num_trainable(self) -> int:
    """That of the network."""
    return self.network.num_trainable()

  def __call__(
    self,
    images: tf.Tensor,
    guides: tf.Tensor | None = None,
    training: bool = False,
  ) -> MultitaskOutput:
    """Looks at person crops.

    Args:
      images: `[B, S, S, 3]` square crops, RGB in [0, 1].
      guides: as for the network.
      training: as for the network.

    Returns:
      F of the crops as they are, and the means of the last stage's maps.
    """
    count = tf.shape(images)[0]
    both = tf.concat([images, images[:, :, ::-1]], axis=0)
    if guides is not None:
      table = keypoint_names.MIRROR[: guides.shape[-1]]
      mirrored = tf.gather(guides[:, :, ::-1], table, axis=-1)
      guides = tf.concat([guides, mirrored], axis=0)
    output = self.network(both, guides, training=training)

    def mean(logits: tf.Tensor, table: tuple[int, ...]) -> tf.Tensor:
      mirrored = logits[count:, :, ::-1]
      return (logits[:count] + tf.gather(mirrored, table, axis=-1)) / 2.0

    last = output.stages[-1]
    maps = StageMaps(
      mean(last.heatmap_logits, keypoint_names.MIRROR),
      mean(last.part_logits, part_names.MIRROR),
    )
    return MultitaskOutput(output.features[:count], (maps,))


# What K, B and F can be asked of.
MapNetwork = MultitaskNetwork | MirrorAverage
