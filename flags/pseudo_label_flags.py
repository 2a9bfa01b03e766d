"""Flags of the pseudo-labels of photos; the photos are in `photo_flags`."""

from typing import NamedTuple

from flags import photo_flags
from flags.from_config import define
from hund_tf.datasets.pseudo_labels import LabelConfig, PhotoPeople
from hund_tf.photos import people

_to_labels = define(LabelConfig, "Pseudo-labels")


class Labelling(NamedTuple):
  """The photos and how their records are made."""

  source: PhotoPeople
  shards: int
  workers: int


def to_config(arguments: tuple[str, ...] = ()) -> Labelling:
  """The pseudo-labels as the flags describe them.

  Args:
    arguments: of the command line without a flag: more photos.

  Raises:
    ValueError: if there are no photos, or boxes or cameras cannot be read.
  """
  photos, labels = photo_flags.to_config(arguments), _to_labels()
  source = PhotoPeople(
    name=labels.name,
    patterns=tuple(photos.patterns()),
    finder=people.make_finder(photos.people),
    min_keypoints=labels.min_keypoints,
  )
  return Labelling(source, labels.shards, labels.workers)
