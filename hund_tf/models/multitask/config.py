"""Settings of the multitask network that sees F, K and B in a person crop."""

import dataclasses

from hund_tf.options import check, option

BACKBONES = ("resnet50v2", "plain", "blazepose")
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")


@dataclasses.dataclass(frozen=True)
class MultitaskConfig:
  """Size of the network; the defaults are those of the paper's.

  Its backbone is ResNet50 and it has 34M trainable parameters (Sec. 3). The
  stages follow the paper's reference [30]: every stage reads the features and
  what the stage before it said of K and B, and is supervised.
  """

  input_size: int = 480  # side of the square picture, pixels
  backbone: str = "resnet50v2"
  # Of the plain backbone: channels at strides 4, 8, 16 and 32, and residual
  # blocks at each.
  filters: tuple[int, ...] = (32, 64, 128, 192)
  blocks: tuple[int, ...] = (0, 1, 2, 2)
  feature_channels: int = 256  # of F
  # Of the decoder's finest map where F is a projection of it; else those of F.
  decoder_channels: int = 0
  stage_filters: int = 256  # of the convolutions of a stage
  stages: int = 4
  stage_convolutions: int = 3
  # Side of the maps that stages work on. The results are 60 x 60 always: with
  # coarser ones the last stage makes B from F and its own maps together, and
  # its K is enlarged (a peak's logits are smooth).
  stage_size: int = 60
  # Residual blocks before B where it is finer than the stages' maps, and their
  # channels; by default those of F.
  fine_blocks: int = 0
  fine_filters: int = 0
  # Whether the stages also read which person of the crop is meant: the BODY_25
  # of a detector's K, where there is one.
  guided: bool = False
  # Statistics of batch normalisation are those of the weights file (for a
  # backbone that was trained elsewhere, and small batches).
  frozen_statistics: bool = False
  precision: str = "float32"  # of the convolutions; heads are float32

  def __post_init__(self):
    for name, value, known in (
      ("backbone", self.backbone, BACKBONES),
      ("precision", self.precision, PRECISIONS),
    ):
      if value not in known:
        raise ValueError(
          f"{name}: got {value!r}, expected one of {', '.join(known)}"
        )
    if len(self.filters) != 4 or len(self.blocks) != 4:
      raise ValueError(
        f"filters {self.filters}, blocks {self.blocks}: expected four of each"
      )
    if self.stages < 1 or self.stage_size not in (30, 60):
      raise ValueError(
        f"stages {self.stages}, stage_size {self.stage_size}: expected at "
        "least one stage and maps of 30 or 60 cells"
      )


PAPER = MultitaskConfig()
SMALL = MultitaskConfig(
  input_size=240,
  backbone="plain",
  blocks=(0, 1, 3, 2),
  feature_channels=32,
  stage_filters=80,
  stages=2,
  stage_convolutions=1,
  stage_size=30,
  fine_blocks=1,
)
BLAZEPOSE = MultitaskConfig(
  input_size=256,
  backbone="blazepose",
  feature_channels=256,
  decoder_channels=64,
  stage_filters=96,
  stages=2,
  stage_convolutions=1,
  stage_size=30,
  fine_blocks=1,
  fine_filters=48,
  guided=True,
)
VARIANTS = {"paper": PAPER, "small": SMALL, "blazepose": BLAZEPOSE}


@dataclasses.dataclass(frozen=True)
class NewNetworkConfig:
  """A network that is to be trained."""

  network_variant: str = option(
    "small",
    "Kind of a new network: the paper's; a small one that trains on a CPU; or "
    "one on the encoder of MediaPipe's pose network, which knows photos.",
    choices=VARIANTS,
  )
  network_precision: str = option(
    "float32",
    "Precision of the network's convolutions; its heads and losses are "
    "float32.",
    choices=PRECISIONS,
  )
  backbone_weights: str | None = option(
    None,
    "ImageNet weights for a new network of the paper's size: the file "
    "resnet50v2_weights_tf_dim_ordering_tf_kernels_notop.h5. The statistics of "
    "its batch normalisation then stay as they are.",
  )

  def __post_init__(self):
    check(self)
    if self.backbone_weights and self.network_variant != "paper":
      raise ValueError(
        f"backbone_weights: --network_variant={self.network_variant} has no "
        "ResNet50V2; expected --network_variant=paper"
      )

  def to_config(self) -> MultitaskConfig:
    """Size and inputs of the network."""
    return dataclasses.replace(
      VARIANTS[self.network_variant],
      precision=self.network_precision,
      frozen_statistics=bool(self.backbone_weights),
    )
