"""What an adaptation is to: videos, and which photos are held out."""

import dataclasses

from hund_tf.options import check, option
from hund_tf.photos.listing import split_names


@dataclasses.dataclass(frozen=True)
class AdaptationInputs:
  """What is adapted to, beside the photos, and what of it is held out."""

  video: tuple[str, ...] = option(
    (), "Video whose frames are photos too.", repeated=True
  )
  frame_step: int = option(
    10, "Frames of --video from one that is taken to the next.", low=1
  )
  validation_images: tuple[str, ...] = option(
    (),
    "Photos to hold out, named as those of --images; all of --images are then "
    "trained on. Without it --validation_share of them are held out.",
    repeated=True,
  )
  validation_share: float = option(
    0.5,
    "Share of the photos, and of the end of each video, that is held out.",
    low=0.01,
    high=0.99,
  )

  def __post_init__(self):
    check(self)

  def separate(self) -> "AdaptationInputs":
    """The same with each of `validation_images` by itself, without commas."""
    names = (n for entry in self.validation_images for n in split_names(entry))
    return dataclasses.replace(self, validation_images=tuple(names))
