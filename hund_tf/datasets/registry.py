"""Public datasets by name, found in a folder laid out as they are published."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path

from hund_tf.datasets.coco import CocoPeople
from hund_tf.datasets.densepose import DensePose
from hund_tf.datasets.freihand import FreiHand
from hund_tf.datasets.human36m.reader import Human36M
from hund_tf.datasets.interhand import InterHand
from hund_tf.datasets.open_images import OpenImages
from hund_tf.datasets.part_photos import PartPhotos
from hund_tf.datasets.source import DatasetSource
from hund_tf.datasets.threedpw.reader import ThreeDPW
from hund_tf.datasets.threedpw.smpl_joints import SmplFiles
from hund_tf.options import REQUIRED, option, options_of
from hund_tf.records.regions import DEFAULT_MARGIN, DEFAULT_MAX_SIDE


@dataclass(frozen=True)
class Place:
  """Where a dataset is, and what of it is meant."""

  root: str = option(
    REQUIRED,
    "Folder of the dataset, laid out as docs/datasets/README.md tells.",
    name="data_dir",
  )
  split: str = option(
    "", "Split of the dataset; by default its training split."
  )
  margin: float = option(
    DEFAULT_MARGIN,
    "Side of the stored region over the longer side of the person's box.",
    name="region_margin",
    low=1.0,
    high=4.0,
  )
  max_side: int = option(
    DEFAULT_MAX_SIDE,
    "Largest side of a stored region, pixels; larger ones are made smaller.",
    name="region_max_side",
    low=32,
  )
  # Of annotated photos only:
  annotations: str = option(
    "",
    "File of annotations, if it is not the published one below --data_dir.",
    name="data_annotations",
  )
  photo_dir: str = option(
    "",
    "Folder of the photos, if it is not the published one below --data_dir.",
    name="data_photos",
  )
  only_present: bool = option(
    False,
    "Leave out photos that are not in the folder, as of a partial download, "
    "instead of counting them as damaged.",
  )
  # Of Human3.6M only:
  frame_step: int = option(
    5,
    "Human3.6M: frames of a video from one that is kept to the next.",
    name="h36m_frame_step",
    low=1,
  )
  with_images: bool = option(
    True, "Human3.6M: store images; without them poses alone will do."
  )
  # Of 3DPW only:
  smpl: SmplFiles | None = None  # the user's models, for the tables' joints


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
  "freihand": _Layout(
    FreiHand,
    {s: (f"{s}_K.json", f"{s}/rgb") for s in ("training", "evaluation")},
  ),
  "freihand_coco": _Layout(
    PartPhotos,
    {
      s: (f"annotations/freihand_{s}.json", ".")
      for s in ("train", "val", "test")
    },
    {"name": "freihand_coco"},
  ),
  "interhand": _Layout(
    InterHand,
    {
      s: (f"annotations/{s}/InterHand2.6M_{s}_data.json", f"images/{s}")
      for s in ("train", "val", "test")
    },
  ),
  "300w": _Layout(
    PartPhotos,
    {
      s: (f"annotations/face_landmarks_300w_{s}.json", "images")
      for s in ("train", "valid", "test")
    },
    {"name": "300w"},
  ),
}
_PHOTO_FIELDS = ("annotations", "photo_dir", "only_present")
_VIDEO_FIELDS = ("frame_step", "with_images")
DATASETS = ("h36m", "3dpw", *_LAYOUTS)


def _refuse(name: str, place: Place, unused: tuple[str, ...]) -> None:
  """Raises ValueError if a setting is given that means nothing here."""
  names = {one.path[0]: one.name for one in options_of(Place)}
  for item in fields(Place):
    if item.name in unused and getattr(place, item.name) != item.default:
      option_name = names.get(item.name, item.name)
      raise ValueError(f"--{option_name}: means nothing for --dataset={name}")


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
      f"{known[0]} and {known[1]}/ below --data_dir, or give --data_annotations"
    )
  if not photos.is_dir():
    raise ValueError(
      f"{photos}: there is no such folder of photos; {name} is expected as "
      f"{known[0]} and {known[1]}/ below --data_dir, or give --data_photos"
    )
  return layout.reader(
    annotations=str(annotations),
    photo_dir=str(photos),
    only_present=place.only_present,
    margin=place.margin,
    max_side=place.max_side,
    **layout.settings,
  )


def open_dataset(name: str, place: Place) -> DatasetSource:
  """The reader of a dataset.

  Args:
    name: of `DATASETS`.
    place: where it is.

  Raises:
    ValueError: if a file or folder is missing, the split is unknown, or a
      setting is given that means nothing for the dataset.
  """
  if name == "h36m":
    _refuse(name, place, (*_PHOTO_FIELDS, "smpl"))
    return Human36M(
      root=place.root,
      split=place.split or "train",
      frame_step=place.frame_step,
      image_margin=place.margin,
      max_side=place.max_side,
      with_images=place.with_images,
    )
  _refuse(name, place, _VIDEO_FIELDS)
  if name == "3dpw":
    _refuse(name, place, _PHOTO_FIELDS)
    return ThreeDPW(
      smpl=place.smpl,
      root=place.root,
      split=place.split or "train",
      image_margin=place.margin,
      max_side=place.max_side,
    )
  _refuse(name, place, ("smpl",))
  return _photo_dataset(name, place)
