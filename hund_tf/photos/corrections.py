"""What a user knows better of people than the detector, and their bodies."""

import dataclasses
import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hund_tf.body import keypoints, skeleton
from hund_tf.detection.anchors import box_iou
from hund_tf.json_text import is_number, shown, shown_key
from hund_tf.photos.by_photo import read_by_photo, value_of_photo
from hund_tf.photos.heights import HIGHEST, LOWEST

_EXAMPLE = (
  '{"photo.jpg": [{"person": 0, "keypoints": {"l_wrist": [312, 140]}}]}'
)
_KEYS = ("person", "box", "keypoints", "locked", "height_m")
_OVERLAP = 0.3  # least intersection over union of a box with a person's


@dataclasses.dataclass(frozen=True)
class Correction:
  """What is known better of one person."""

  # By name x and y, pixels of the photo; None: as the detector saw it.
  keypoints: Mapping[str, Sequence[float] | None] = dataclasses.field(
    default_factory=dict
  )
  locked: tuple[str, ...] | None = None  # joints that are to stay where they
  # are; None: those that were locked before
  height_m: float | None = None  # stature, metres

  def after(self, before: "Correction | None") -> "Correction":
    """This one, and what of an earlier one it does not change."""
    if before is None:
      before = Correction()
    places = {**before.keypoints, **self.keypoints}
    return Correction(
      {name: xy for name, xy in places.items() if xy is not None},
      before.locked if self.locked is None else self.locked,
      before.height_m if self.height_m is None else self.height_m,
    )

  def check(self, where: str, height: int, width: int) -> None:
    """Checks names and numbers against a photo.

    Args:
      where: begins messages.
      height: of the photo, pixels.
      width: of the photo, pixels.

    Raises:
      ValueError: if there is no such keypoint or joint, a place is not two
        numbers or is farther outside of the photo than its larger side, or the
        stature is not an adult's.
    """
    far = max(height, width)
    for name, place in self.keypoints.items():
      _check_name(where, "keypoint", name, keypoints.INDEX)
      if place is None:
        continue
      xy = place.tolist() if isinstance(place, np.ndarray) else place
      if (
        not isinstance(xy, Sequence)
        or isinstance(xy, str)
        or len(xy) != 2
        or not all(is_number(v) for v in xy)
        or not (-far <= xy[0] <= width + far and -far <= xy[1] <= height + far)
      ):
        raise ValueError(
          f"{where}: {name} {shown(xy)} is not a place in the photo; give "
          f"[x, y] in its {width} x {height} pixels"
        )
    for name in self.locked or ():
      _check_name(where, "joint", name, skeleton.INDEX)
    tall = self.height_m
    if tall is not None and not (is_number(tall) and LOWEST <= tall <= HIGHEST):
      raise ValueError(
        f"{where}: height {shown(tall)} is not an adult's in metres; give "
        f"{LOWEST} to {HIGHEST}"
      )


def _check_name(where: str, what: str, name: Any, known: Mapping) -> None:
  if isinstance(name, str) and name in known:
    return
  near = difflib.get_close_matches(str(name), list(known), 3) or list(known)[:3]
  raise ValueError(
    f"{where}: there is no {what} {shown(name)}; did you mean "
    f"{' or '.join(near)}? docs/guide/steering.md lists them"
  )


class UserCorrections(NamedTuple):
  """Corrections as given, not yet checked against a photo."""

  source: str  # for messages: the file
  by_photo: Mapping[str, Any]  # file name or path of a photo -> list of entries


def user_corrections(path: str) -> UserCorrections:
  """Reads a file of corrections; `docs/guide/steering.md` has its form.

  Raises:
    ValueError: if it cannot be read, or an entry is not one of a person.
  """
  content = read_by_photo(path, "corrections", _EXAMPLE)
  for photo, entries in content.items():
    where = f"{path}: {shown_key(photo)}"
    if not isinstance(entries, list):
      raise ValueError(
        f"{where}: {shown(entries)} is not a list of people; give {_EXAMPLE}"
      )
    for i, entry in enumerate(entries):
      _check_entry(f"{where}: entry {i}", entry)
  return UserCorrections(path, content)


def _check_entry(where: str, entry: Any) -> None:
  if not isinstance(entry, dict):
    raise ValueError(f"{where}: {shown(entry)} is no object; give {_EXAMPLE}")
  unknown = sorted(entry.keys() - set(_KEYS))
  if unknown:
    raise ValueError(
      f"{where}: has {shown_key(unknown[0])}; expected some of "
      f"{', '.join(_KEYS)}"
    )
  if ("person" in entry) == ("box" in entry):
    raise ValueError(
      f"{where}: says of nobody, or twice, who is meant; give person, the "
      "number in the results from 0, or box, [left, top, width, height]"
    )
  for key, kind in (("keypoints", dict), ("locked", list)):
    if key in entry and not isinstance(entry[key], kind):
      raise ValueError(
        f"{where}: {key} {shown(entry[key])} is of the wrong kind; give "
        f"{_EXAMPLE}"
      )


def corrections_of_photo(
  corrections: UserCorrections,
  photo: str | Path,
  boxes: Sequence[np.ndarray],
  height: int,
  width: int,
) -> dict[int, Correction]:
  """What is stated of the people of a photo, by their numbers.

  Args:
    corrections: of `user_corrections`.
    photo: path of the photo, by which the file names it.
    boxes: `[4]` of each person that was found, pixels.
    height: of the photo, pixels.
    width: of the photo, pixels.

  Raises:
    ValueError: naming the photo, if an entry is of nobody who was found, or
      says what cannot be.
  """
  found: dict[int, Correction] = {}
  entries = value_of_photo(corrections.by_photo, photo) or []
  for i, entry in enumerate(entries):
    where = f"{photo}: entry {i} in {corrections.source}"
    person = _meant(where, entry, boxes)
    locked = entry.get("locked")
    correction = Correction(
      entry.get("keypoints", {}),
      None if locked is None else tuple(locked),
      entry.get("height_m"),
    )
    correction.check(where, height, width)
    found[person] = correction.after(found.get(person))
  return found


def _meant(
  where: str, entry: Mapping[str, Any], boxes: Sequence[np.ndarray]
) -> int:
  """The number of the person whom an entry means."""
  if "person" in entry:
    number = entry["person"]
    whole = isinstance(number, int) and not isinstance(number, bool)
    if whole and 0 <= number < len(boxes):
      return number
    raise ValueError(
      f"{where}: person {shown(number)} is none of the {len(boxes)} people who "
      "were found, numbered from 0"
    )
  box = entry["box"]
  if (
    not isinstance(box, list)
    or len(box) != 4
    or not all(is_number(v) for v in box)
    or min(box[2:]) <= 0
  ):
    raise ValueError(
      f"{where}: box {shown(box)} is not [left, top, width, height] in pixels"
    )
  overlaps = box_iou([box], np.reshape(boxes, [-1, 4]))[0]
  if not len(boxes) or overlaps.max() < _OVERLAP:
    raise ValueError(
      f"{where}: nobody of the {len(boxes)} people who were found is in box "
      f"{shown(box)}"
    )
  return int(overlaps.argmax())
