"""Public datasets by name, found in a folder laid out as they are published."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from hund_tf.data.datasets.coco import CocoPeople
from hund_tf.data.datasets.densepose import DensePose
from hund_tf.data.datasets.open_images import OpenImages
from hund_tf.data.datasets.source import DatasetSource


@dataclass(frozen=True)
class Place:
  """Where a dataset is and what of it is meant."""

  root: str  # its folder
  split: str = ""  # "": the dataset's first
  annotations: str = ""  # file of annotations, if not the published one
  photo_dir: str = ""  # folder of photos, if not the published one
  # Further settings of a reader of photos: only_present, margin, max_side.
  photo_settings: dict = field(default_factory=dict)


@dataclass(frozen=True)
class _Layout:
  """Published names of a dataset's files, below its folder."""

  reader: Callable[..., DatasetSource]
  splits: dict[str, tuple[str, str]]  # annotations, photos; the first is used
  settings: dict = field(default_factory=dict)


_LAYOUTS = {
  "coco": _Layout(
    CocoPeople,
    {
      s: (f"annotations/person_keypoints_{s}2017.json", f"{s}2017")
      for s in ("train", "val")
    },
  ),
  "coco_wholebody": _Layout(
    CocoPeople,
    {
      s: (f"annotations/coco_wholebody_{s}_v1.0.json", f"{s}2017")
      for s in ("train", "val")
    },
    {"name": "coco_wholebody"},
  ),
  "densepose": _Layout(
    DensePose,
    {
      s: (f"annotations/densepose_coco_2014_{s}.json", f"{photos}2014")
      for s, photos in (
        ("train", "train"),
        ("minival", "val"),
        ("valminusminival", "val"),
      )
    },
  ),
  "openimages": _Layout(
    OpenImages,
    {
      "train": ("oidv6-train-annotations-bbox.csv", "train"),
      "validation": ("validation-annotations-bbox.csv", "validation"),
      "test": ("test-annotations-bbox.csv", "test"),
    },
  ),
}
DATASETS = tuple(_LAYOUTS)


def _photo_dataset(name: str, place: Place) -> DatasetSource:
  layout = _LAYOUTS[name]
  split = place.split or next(iter(layout.splits))
  known = layout.splits.get(split)
  if known is None:
    raise ValueError(
      f"{name}: there is no split {split!r}, expected one of "
      f"{', '.join(layout.splits)}"
    )
  root = Path(place.root).expanduser()
  annotations = Path(place.annotations or root / known[0]).expanduser()
  photos = Path(place.photo_dir or root / known[1]).expanduser()
  if not annotations.is_file():
    raise ValueError(
      f"{annotations}: there is no such file; {name} is expected as "
      f"{known[0]} and {known[1]}/ below --data_dir, or give --annotations"
    )
  if not photos.is_dir():
    raise ValueError(
      f"{photos}: there is no such folder of photos; {name} is expected as "
      f"{known[0]} and {known[1]}/ below --data_dir, or give --photo_dir"
    )
  return layout.reader(
    annotations=str(annotations),
    photo_dir=str(photos),
    **layout.settings,
    **place.photo_settings,
  )


def open_dataset(name: str, place: Place) -> DatasetSource:
  """The reader of a dataset.

  Args:
    name: of `DATASETS`.
    place: where it is.

  Raises:
    ValueError: if a file or folder is missing, or the split is unknown; tells
      the layout.
  """
  return _photo_dataset(name, place)
