"""Flags of the body model."""

from absl import flags

from hund_tf.body.model import BodyModel

_SHAPE_DECODER = flags.DEFINE_enum(
  "shape_decoder",
  "vae",
  ["vae", "pca"],
  "How the 16 shape values become a body: the variational auto-encoder's "
  "decoder, or linear principal components.",
)


def to_model() -> BodyModel:
  """The body model as the flags describe it."""
  return BodyModel(shape_decoder=_SHAPE_DECODER.value)
