"""Reconstructs many photos into a folder, and tells what became of each."""

import collections
import contextlib
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from hund_tf import files
from hund_tf.api import result_files
from hund_tf.api.model import PeopleModel
from hund_tf.api.result_files import WritingConfig
from hund_tf.api.results import People
from hund_tf.export.result_folder import Entry, ResultFolder
from hund_tf.photos import people
from hund_tf.photos.by_photo import unmatched_keys, value_of_photo
from hund_tf.photos.corrections import UserCorrections, corrections_of_photo
from hund_tf.photos.listing import list_photos
from hund_tf.photos.loading import PhotoWarning

_AS_IS = WritingConfig()


class Counts(NamedTuple):
  """What became of the photos."""

  done: int = 0
  skipped: int = 0  # their results were there
  failed: int = 0
  people: int = 0


class Reconstruction:
  """Reconstructs photos into one folder."""

  def __init__(
    self,
    finder: people.Finder,
    model: PeopleModel,
    folder: ResultFolder,
    save: Sequence[str],
    settings: str = "",
    skip_existing: bool = False,
    writing: WritingConfig = _AS_IS,
    corrections: UserCorrections | None = None,
  ):
    """Keeps the parts.

    Args:
      finder: finds the people of a photo.
      model: reconstructs them.
      folder: for the results.
      save: kinds of results, of `result_files.KINDS`.
      settings: what else the results depend on, in words that differ where the
        results may.
      skip_existing: leaves out photos whose results are there: complete, of the
        same file, made with the same settings.
      writing: how results are written.
      corrections: of people who were found.
    """
    self._finder, self._model = finder, model
    self._folder, self._save = folder, tuple(sorted(set(save)))
    self._settings, self._skip = settings, skip_existing
    self._writing, self._corrections = writing, corrections
    self._seconds = collections.Counter[str]()  # by step
    self._counts = collections.Counter[str]()

  def run(self, patterns: Sequence[str]) -> Counts:
    """Does all photos that files, globs and folders name.

    One that fails is named on the standard error, and the others are done all
    the same.

    Raises:
      KeyboardInterrupt: the photo at hand is then left out whole.
    """
    listing = list_photos(patterns, self._folder.path, self._folder.names())
    unused = self._finder.unused_keys(listing.paths)
    if self._corrections is not None:
      unused += [
        f"corrections are given for {key!r}, which is no photo here"
        for key in unmatched_keys(self._corrections.by_photo, listing.paths)
      ]
    for line in (*listing.left_out, *unused):
      say(f"note: {line}")
    for error in listing.errors:
      say(str(error))
    self._counts["failed"] += len(listing.errors)
    stems = files.unique_stems(listing.paths)
    with tqdm(total=len(stems), unit="photo", file=sys.stderr) as bar:
      photos = zip(listing.paths, stems, strict=True)
      for path, stem, entry, seen in self._detected(photos, bar.update):
        with self._reported(path):
          self._photo(path, stem, entry, seen)
        bar.update()
    return self.counts

  @property
  def counts(self) -> Counts:
    """What became of the photos so far."""
    return Counts(**self._counts)

  def seconds_per_person(self) -> str:
    """The time of each step, in words; empty if there was nobody."""
    number = self._counts["people"]
    if not number:
      return ""
    steps = (f"{k} {v / number:.2f}" for k, v in self._seconds.items())
    return f"seconds per person: {', '.join(steps)}"

  @contextlib.contextmanager
  def _reported(self, path: Path) -> Iterator[None]:
    """Names a photo that fails in the block, and goes on."""
    try:
      yield
    except ValueError as error:
      say(people.named(error, path))
      self._counts["failed"] += 1

  def _detected(
    self, photos: Iterable[tuple[Path, str]], left_out: Callable[[], object]
  ) -> Iterator[tuple[Path, str, Entry, people.SeenPhoto | ValueError]]:
    """The photos that are to be done and who is seen in them.

    Args:
      photos: path and name of the results of each.
      left_out: called for each photo that fails early, or has its results.
    """
    pending: collections.deque[tuple[Path, str, Entry]] = collections.deque()

    def paths() -> Iterator[tuple[Path, Path]]:
      for path, stem in photos:
        with self._reported(path):
          stated = f"{self._settings} {self._save} {self._finder.stated(path)}"
          if self._corrections is not None:
            own = value_of_photo(self._corrections.by_photo, path)
            stated += "" if own is None else f" {own}"
          entry = self._folder.entry(stem, path, stated)
          if not (self._skip and self._folder.holds(entry)):
            pending.append((path, stem, entry))
            yield path, path
            continue
          self._counts["skipped"] += 1
        left_out()

    seen = self._finder.many(paths())
    while True:
      with self._timed("detection"), warnings.catch_warnings():
        warnings.simplefilter("ignore", PhotoWarning)  # said with its photo
        found = next(seen, None)
      if found is None:
        return
      yield *pending.popleft(), found

  def _photo(
    self,
    path: Path,
    stem: str,
    entry: Entry,
    seen: people.SeenPhoto | ValueError,
  ) -> None:
    """Does one photo.

    Raises:
      ValueError: if the photo, its boxes, its camera or a result fails.
    """
    if isinstance(seen, ValueError):
      raise seen
    with self._timed(self._model.method):
      found = self._model.fit(seen)
      if self._corrections is not None:
        found = self._corrected(found, path)
    with (
      self._timed("drawing and writing"),
      self._folder.replace(entry, people=len(found)) as place,
    ):
      result_files.save(
        found, place, stem, self._save, entry.source, self._writing
      )
    self._counts["done"] += 1
    self._counts["people"] += len(found)
    if seen.camera.problem:
      say(f"note: {path}: {seen.camera.problem}; f = max(H, W) is assumed")
    if seen.damage:
      say(f"warning: {path}: may be damaged: {seen.damage}")
    if seen.left_out:
      say(f"{path}: {seen.left_out} more people were seen (--max_people)")
    for number in seen.empty_boxes:
      say(f"{path}: nobody found in box {number + 1}")
    if not found and not seen.empty_boxes:
      say(
        f"{path}: no person found; give a photo that shows most of a person, "
        "or --boxes"
      )

  def _corrected(self, found: People, path: Path) -> People:
    """The people of a photo, of whom some are corrected.

    Raises:
      ValueError: if a correction cannot be of one of them.
    """
    stated = corrections_of_photo(
      self._corrections,
      path,
      [person.box for person in found],
      *found.image.shape[:2],
    )
    return found.replaced(
      {i: self._model.corrected(found[i], one) for i, one in stated.items()}
    )

  @contextlib.contextmanager
  def _timed(self, step: str) -> Iterator[None]:
    """Adds the seconds of the block to those of a step."""
    begin = time.perf_counter()
    yield
    self._seconds[step] += time.perf_counter() - begin


def say(line: str) -> None:
  """Prints a line beside the progress bar."""
  line = line.encode("utf-8", "backslashreplace").decode("utf-8")
  tqdm.write(line, file=sys.stderr)
