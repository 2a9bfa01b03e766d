"""The learned descent, called with photos of any form."""

import dataclasses
import functools
import glob
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np

from hund_tf import files
from hund_tf.api import related
from hund_tf.api.person import Person, Photo
from hund_tf.api.results import People
from hund_tf.body.model import BodyModel
from hund_tf.detection.interface import PersonDetector
from hund_tf.losses.pair_terms import PairTerm
from hund_tf.losses.terms import Term
from hund_tf.photos import cameras
from hund_tf.photos.corrections import Correction
from hund_tf.photos.listing import list_photos
from hund_tf.photos.people import Finder, SeenPhoto, make_finder
from hund_tf.photos.people_config import PeopleConfig
from hund_tf.reconstruction.reconstructor import Reconstructor

ImageLike = str | os.PathLike | np.ndarray
Boxes = Sequence[Sequence[float]] | Mapping[str, Sequence[Sequence[float]]]

Heights = float | Sequence[float | None] | Mapping[str, Any]


class PeopleModel:
  """Photos in, people in 3D out; `hund_tf.load` makes it."""

  def __init__(
    self,
    detector: PersonDetector,
    reconstructor: Reconstructor,
    body_model: BodyModel,
    method: str,
    with_terms: Callable[[tuple[Term, ...]], Reconstructor] | None = None,
  ):
    """Keeps the parts.

    Args:
      detector: finds people and their landmarks.
      reconstructor: fits the body model to them.
      body_model: that it fits.
      method: name of the method, for the results.
      with_terms: makes a reconstructor of other terms, for `resume`.
    """
    self.body_model = body_model
    self.method = method
    self._with_terms = with_terms and functools.lru_cache(2)(with_terms)
    self._detector = detector
    self._reconstructor = reconstructor

  @overload
  def __call__(self, images: np.ndarray, **options: Any) -> People: ...

  @overload
  def __call__(self, images: str | os.PathLike, **options: Any) -> Any: ...

  @overload
  def __call__(
    self, images: Sequence[ImageLike], **options: Any
  ) -> list[People]: ...

  def __call__(  # pyright: ignore[reportInconsistentOverload]
    self,
    images: ImageLike | Sequence[ImageLike],
    *,
    focal_px: float | None = None,
    fov_degrees: float | None = None,
    intrinsics: Sequence[float] | Mapping[str, Sequence[float]] | None = None,
    boxes: Boxes | None = None,
    max_people: int | None = None,
    height_m: Heights | None = None,
  ) -> People | list[People] | Iterator[People]:
    """Finds the people of photos and reconstructs them.

    Args:
      images: a photo: the path of a file, or an array `[H, W, 3]` uint8 RGB;
        a list of photos; or a folder or a glob pattern of photos.
      focal_px: focal length of the camera, pixels.
      fov_degrees: field of view over the larger side of the photo, degrees.
        Without `focal_px`, `fov_degrees` and `intrinsics` the focal length is
        that of the file's EXIF or else max(H, W), and the centre that of the
        photo.
      intrinsics: fx, fy, cx, cy in pixels, or these for each photo by its file
        name.
      boxes: people `[N, 4]` left, top, width, height in pixels, in place of
        searching the photo; or these for each photo by its file name.
      max_people: at most so many people of a photo.
      height_m: stature, metres, where it is known: one of everybody, a list in
        the order of the boxes or of the results (None: not known), or these for
        each photo by its file name. Size and distance follow it.

    Returns:
      `People` for a photo, a list of them for a list, an iterator over them for
      a folder or a pattern; the iterator does the photos as they are asked for,
      a few at a time, and leaves out one that cannot be used, with a warning.

    Raises:
      ValueError: if a photo, its camera, a box or a height cannot be used, or
        there is no such file.
    """
    stated = PeopleConfig(
      boxes=boxes,
      max_people=max_people,
      intrinsics=intrinsics,
      focal_px=focal_px,
      fov_degrees=fov_degrees,
      height_m=height_m,
    )
    finder = make_finder(stated, self._detector)
    if isinstance(images, list | tuple):
      return [self._fit(seen) for seen in self._seen(images, finder)]
    if isinstance(images, str | os.PathLike) and _is_many(images):
      listing = list_photos([images])
      if listing.errors:
        raise listing.errors[0]
      return self._people_of_files(listing.paths, finder)
    (people,) = (self._fit(seen) for seen in self._seen([images], finder))
    return people

  def _people_of_files(
    self, paths: Sequence[Path], finder: Finder
  ) -> Iterator[People]:
    for seen in self._seen(paths, finder):
      try:
        people = self._fit(seen)
      except ValueError as error:
        warnings.warn(f"left out: {error}", stacklevel=2)
        continue
      yield people

  def _seen(
    self, images: Iterable[ImageLike], finder: Finder
  ) -> Iterator[SeenPhoto | ValueError]:
    """Who is seen in photos, or why one cannot be used."""
    return finder.many(
      (image if isinstance(image, np.ndarray) else files.expand(image), "image")
      for image in images
    )

  def _fit(self, seen: SeenPhoto | ValueError) -> People:
    if isinstance(seen, ValueError):
      raise seen
    return self.fit(seen)

  def fit(self, seen: SeenPhoto) -> People:
    """Reconstructs the people that a `Finder` saw in a photo."""
    fits = self._reconstructor(
      seen.detections, seen.camera.intrinsics, seen.image, seen.heights
    )
    photo = Photo(
      seen.image, seen.camera, seen.path, seen.empty_boxes, seen.damage
    )
    people = tuple(Person(fit, photo, self.body_model) for fit in fits)
    return People(photo, self.method, people)

  def resume(
    self,
    person: Person,
    *,
    keypoints: Mapping[str, Sequence[float] | None] | None = None,
    locked: Sequence[str] | None = None,
    focal_px: float | None = None,
    height_m: float | None = None,
    terms: Sequence[Term] | None = None,
    num_stages: int = 0,
  ) -> Person:
    """Goes on with a person's descent by what is known better.

    What was corrected by earlier calls for this person stays so.

    Args:
      person: of this model's results.
      keypoints: by names of `person.keypoint_names` where they are, x and y in
        pixels of the photo; None: where the detector saw it after all. Fingers
        and face stay as they are unless one of theirs is among them.
      locked: names of `person.joint_names` that are to stay where they are in
        3D, before size and distance follow a height.
      focal_px: focal length of the camera, pixels.
      height_m: stature, metres.
      terms: in place of those that the model was loaded with.
      num_stages: further stages of the descent before the polish. Corrections
        need none (`docs/guide/steering.md`); terms that give mere values do.

    Returns:
      The person; `person.trace` has the rows of the descent before, too.

    Raises:
      ValueError: if a name, a place or a number cannot be, or the model is not
        the learned descent with its polish.
    """
    correction = Correction(
      keypoints or {}, None if locked is None else tuple(locked), height_m
    )
    return self.corrected(person, correction, focal_px, terms, num_stages)

  def corrected(
    self,
    person: Person,
    correction: Correction,
    focal_px: float | None = None,
    terms: Sequence[Term] | None = None,
    num_stages: int = 0,
  ) -> Person:
    """As `resume`, of a `Correction`."""
    photo = person.photo
    size = photo.image.shape[:2]
    correction.check("resume", *size)
    before = photo.camera.intrinsics
    if focal_px is not None:
      options = cameras.camera_options(focal_px=focal_px)
      stated = cameras.photo_camera(options, "resume", *size)
      kept = stated.intrinsics._replace(center=before.center)
      photo = dataclasses.replace(
        photo, camera=stated._replace(intrinsics=kept)
      )
    reconstructor = self._reconstructor
    if terms is not None:
      if self._with_terms is None:
        raise ValueError("terms: this model was not made by hund_tf.load")
      reconstructor = self._with_terms(tuple(terms))
    now = photo.camera.intrinsics
    if num_stages < 0:
      raise ValueError(f"num_stages: got {num_stages}, expected 0 or more")
    fit = reconstructor.resume(
      person.fit, before, now, photo.image, correction, num_stages
    )
    return Person(fit, photo, self.body_model)

  @overload
  def relate(self, people: People, terms: Sequence[PairTerm]) -> People: ...

  @overload
  def relate(
    self, people: Sequence[Person], terms: Sequence[PairTerm]
  ) -> list[Person]: ...

  def relate(
    self, people: Sequence[Person], terms: Sequence[PairTerm]
  ) -> People | list[Person]:
    """Goes on with people of one photo by terms that relate two of them.

    All of them are polished together, so that both of a pair give way, who is
    known less well by more. What was corrected of them stays; terms of an
    earlier call count only if they are given again.

    Args:
      people: of this model's results, two at least.
      terms: with the pairs of people that each is of.

    Returns:
      The people in the same order, as `People` if they were given as such;
      those whom no term relates are the same as before.

    Raises:
      ValueError: if they are not of one photo and camera, a pair is not of two
        of them, a term gives no residuals, or the model is not the learned
        descent with its polish.
    """
    return related.relate(self._reconstructor, people, terms)

  def __repr__(self) -> str:
    return f"PeopleModel(method={self.method!r})"


def _is_many(images: str | os.PathLike) -> bool:
  """Whether a path names a folder, or is a pattern that is no file's name."""
  path = files.expand(images)
  if files.exists(path):
    return path.is_dir()
  return glob.has_magic(str(path))
