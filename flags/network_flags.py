"""Flags of the multitask network: which one, and from which weights."""

import dataclasses

from absl import flags

from hund_tf.models.multitask import weights
from hund_tf.models.multitask.config import (
  PRECISIONS,
  VARIANTS,
  MultitaskConfig,
)
from hund_tf.models.multitask.network import MultitaskNetwork

_VARIANT = flags.DEFINE_enum(
  "network_variant",
  "small",
  list(VARIANTS),
  "Size of a new network: the paper's, or one that trains on a CPU.",
)
_PRECISION = flags.DEFINE_enum(
  "network_precision",
  "float32",
  PRECISIONS,
  "Of the network's convolutions; its heads and losses are float32.",
)
_BACKBONE = flags.DEFINE_string(
  "backbone_weights",
  None,
  "ImageNet weights for a new network of the paper's size: the file "
  "resnet50v2_weights_tf_dim_ordering_tf_kernels_notop.h5. The statistics of "
  "its batch normalisation then stay as they are.",
)


def to_config() -> MultitaskConfig:
  """The new network as the flags describe it.

  Raises:
    ValueError: if there are backbone weights for a network without a ResNet.
  """
  config = VARIANTS[_VARIANT.value]
  if _BACKBONE.value and config.backbone != "resnet50v2":
    raise ValueError(
      f"--backbone_weights: --network_variant={_VARIANT.value} has no "
      "ResNet50V2; expected --network_variant=paper"
    )
  return dataclasses.replace(
    config,
    precision=_PRECISION.value,
    frozen_statistics=bool(_BACKBONE.value),
  )


def to_model(initial_weights: str | None = None) -> MultitaskNetwork:
  """A new network.

  Args:
    initial_weights: .npz that it starts from; what it lacks is new.

  Raises:
    ValueError: if weights cannot be used.
  """
  model = MultitaskNetwork(to_config())
  if _BACKBONE.value:
    model.backbone.load_weights(_BACKBONE.value)
  if initial_weights:
    new = weights.assign(model, initial_weights)
    if new:
      print(f"{initial_weights}: lacks {new} of the network's variables")
  return model
