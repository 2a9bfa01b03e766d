"""Flags of the pseudo-labels of photos; the photos are in `photo_flags`."""

from dataclasses import dataclass

from absl import flags

from flags import photo_flags
from hund_tf.datasets.pseudo_labels import PhotoPeople
from hund_tf.photos import people

_MIN_KEYPOINTS = flags.DEFINE_integer(
  "min_keypoints",
  PhotoPeople.min_keypoints,
  "Keypoints of the body, of at most 25, that a person must show.",
  lower_bound=1,
  upper_bound=25,
)
_NAME = flags.DEFINE_string(
  "label_name", "photos", "Name of the dataset, and of its files."
)
_SHARDS = flags.DEFINE_integer(
  "label_shards", 16, "Files that the records are spread over.", lower_bound=1
)
_WORKERS = flags.DEFINE_integer(
  "label_workers", 1, "Processes that look for people.", lower_bound=1
)


@dataclass(frozen=True)
class LabelConfig:
  """The photos and how their records are made."""

  source: PhotoPeople
  shards: int
  workers: int


@flags.validator("label_name", "--label_name: expected a name of a file")
def _label_name(name: str) -> bool:
  return bool(name) and "/" not in name and not name.startswith(".")


def to_config(arguments: tuple[str, ...] = ()) -> LabelConfig:
  """The pseudo-labels as the flags describe them.

  Args:
    arguments: of the command line without a flag: more photos.

  Raises:
    ValueError: if there are no photos, or boxes or cameras cannot be read.
  """
  photos = photo_flags.to_config(arguments)
  source = PhotoPeople(
    name=_NAME.value,
    patterns=tuple(photos.patterns()),
    finder=people.make_finder(photos.people),
    min_keypoints=_MIN_KEYPOINTS.value,
  )
  return LabelConfig(source, _SHARDS.value, _WORKERS.value)
