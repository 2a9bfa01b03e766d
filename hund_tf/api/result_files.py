"""The files that hold the results of a photo, by the names of their kinds."""

import dataclasses
import functools
from collections.abc import Collection
from pathlib import Path

from hund_tf import files
from hund_tf.api.results import People
from hund_tf.body.adapters.smpl import SmplBody
from hund_tf.export.bvh_people import BvhNames
from hund_tf.extras import load_extra
from hund_tf.options import check, option
from hund_tf.photos.source import PhotoSource
from hund_tf.retargeting import correspondence
from hund_tf.retargeting.correspondence import Correspondence

# What a kind's file is called after the stem of the photo.
ENDINGS = {
  "overlay": "_overlay.png",
  "views": "_views.png",
  "stages": "_stages.png",
  "parts": "_parts.png",
  "gif": "_descent.gif",
  "glb": ".glb",
  "obj": ".obj",
  "rigged": "_rigged.glb",
  "descent": "_descent.glb",
  "usd": ".usdc",
  "usd_descent": "_descent.usdc",
  "html": ".html",
  "smplx": "_smplx.npz",
  "bvh": ".bvh",  # of each person, whose number stands before it
  "json": ".json",
}
KINDS = tuple(ENDINGS)
_PICTURES = {"parts": "close_ups"}  # kinds whose method has another name
_OF_NOBODY = ("overlay", "json")  # there are the others only if there is anyone


@dataclasses.dataclass(frozen=True, kw_only=True)
class WritingConfig:
  """How results are written."""

  bvh_names: BvhNames = option(
    "hund",
    "Skeleton of BVH files: our 63 joints, or the 52 that Mixamo and CMU have.",
  )

  smpl_model: Path | None = option(
    None, "File of SMPL, SMPL+H or SMPL-X whose parameters `smplx` writes."
  )
  smpl_correspondence: Path | None = option(
    None,
    "Table of that file by tools/make_correspondence.py: its bodies follow our "
    "surface. Without one they follow our joints, which tell no girth.",
  )

  def __post_init__(self):
    check(self)


@functools.lru_cache(maxsize=1)
def load_smpl(config: WritingConfig) -> tuple[SmplBody, Correspondence | None]:
  """The body and the table that a configuration names.

  Raises:
    ValueError: if no body is named, or a file cannot be used.
  """
  if config.smpl_model is None:
    raise ValueError("save: smplx needs a file; give --smpl_model")
  table = config.smpl_correspondence
  return (
    SmplBody.load(config.smpl_model),
    None if table is None else correspondence.load(table),
  )


def prepare(kinds: Collection[str], config: WritingConfig) -> None:
  """Looks for all that some kinds need, before there are results.

  Raises:
    ValueError: if a file that one needs cannot be used.
    ImportError: if a package is missing.
  """
  if "smplx" in kinds:
    load_smpl(config)
  if not {"usd", "usd_descent"}.isdisjoint(kinds):
    load_extra("pxr", "usd")


def save(
  people: People,
  folder: Path,
  stem: str,
  kinds: Collection[str],
  source: PhotoSource | None = None,
  config: WritingConfig = WritingConfig(),
) -> None:
  """Writes results of a photo as files named after it.

  Args:
    people: of the photo.
    folder: for the files.
    stem: begins their names.
    kinds: some of `KINDS`; where nobody was found, only an overlay and a JSON
      are written.
    source: the photo's file, its path as the results are to state it.
    config: how some of them are written.

  Raises:
    ValueError: if a result is not finite or a file cannot be written.
  """
  for kind in sorted(kinds, key=KINDS.index, reverse=True):
    path = folder / f"{stem}{ENDINGS[kind]}"
    if not people and kind not in _OF_NOBODY:
      continue
    if kind == "json":  # first: it checks that everything is finite
      people.save_json(path, source)
    elif kind == "html":
      people.save_html(path, source)
    elif kind == "bvh":
      for i, person in enumerate(people):
        numbered = folder / f"{stem}_{i}{ENDINGS[kind]}"
        person.save_bvh(numbered, config.bvh_names)
    elif kind == "smplx":
      people.save_smplx(path, *load_smpl(config))
    elif kind == "descent":
      people.save_rigged(path, descent=True)
    elif kind == "usd_descent":
      people.save_usd(path, descent=True)
    elif kind in ("glb", "obj", "rigged", "usd", "gif"):
      getattr(people, f"save_{kind}")(path)
    else:
      draw = getattr(people, _PICTURES.get(kind, kind))
      files.write_png(path, draw())
