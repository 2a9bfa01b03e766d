"""Flags of the photos, their cameras, and the people in them."""

from collections.abc import Sequence

from flags.from_config import define
from hund_tf.photos.people_config import PhotosConfig

_to_photos = define(PhotosConfig, "Photos")


def to_config(arguments: Sequence[str] = ()) -> PhotosConfig:
  """The photos as the flags describe them.

  Args:
    arguments: of the command line without a flag: more photos.
  """
  images = (*_to_photos().images, *arguments)
  return _to_photos(images=images)
