"""Which photos an adaptation is trained on, and which it is judged by."""

from collections.abc import Sequence
from typing import NamedTuple

from hund_tf.training.adaptation.inputs import AdaptationInputs
from hund_tf.training.adaptation.photo_batches import SeenPerson
from hund_tf.training.adaptation.photo_people import Photo, PhotoPeople


class PhotoParts(NamedTuple):
  """Photos to train on and photos to judge by."""

  trained: list[Photo]
  held_out: list[Photo]

  def people(self) -> tuple[list[SeenPerson], list[SeenPerson]]:
    """The people of both parts."""
    trained, judged = (
      [person for photo in part for person in photo.people] for part in self
    )
    return trained, judged


def hold_out(keys: Sequence[str], share: float) -> list[bool]:
  """Which photos are held out; those of the same key stay together.

  The choice depends on the keys alone, not on their order.

  Args:
    keys: of the photos, of their pixels.
    share: of the different keys to hold out, in (0, 1); at least one and not
      all of them.

  Returns:
    One entry for each photo; nothing is held out of fewer than two keys.
  """
  ranked = sorted(set(keys))
  chosen = set(ranked[: _part(len(ranked), share)])
  return [key in chosen for key in keys]


def hold_out_end(frames: int, share: float) -> list[bool]:
  """Which frames of a video are held out: the last ones, as one block.

  Frames that follow one another are nearly the same picture, so they must not
  be dealt out one by one.

  Args:
    frames: number of frames, in the order of the video.
    share: to hold out, in (0, 1); at least one frame and not all.

  Returns:
    One entry for each frame; nothing is held out of fewer than two.
  """
  first = frames - _part(frames, share)
  return [frame >= first for frame in range(frames)]


def _part(count: int, share: float) -> int:
  """How many of `count` things a share is, some and not all."""
  return min(max(round(share * count), 1), count - 1) if count > 1 else 0


def divide(
  pictures: Sequence[Photo], videos: Sequence[Sequence[Photo]], share: float
) -> PhotoParts:
  """Divides photos by their pixels, and each video in two pieces.

  Args:
    pictures: photos with people.
    videos: frames with people, in the order of each video.
    share: of the photos and of each video to hold out, in (0, 1).

  Returns:
    Both parts; the same picture is never in both.
  """
  chosen = [hold_out([photo.key for photo in pictures], share)]
  chosen += [hold_out_end(len(frames), share) for frames in videos]
  trained, judged = [], []
  for part, held in zip((pictures, *videos), chosen, strict=True):
    for photo, is_held in zip(part, held, strict=True):
      (judged if is_held else trained).append(photo)
  # Frames of a still picture, or a video given twice.
  known = {photo.key for photo in trained}
  judged = [photo for photo in judged if photo.key not in known]
  return PhotoParts(trained, judged)


def collect(
  finder: PhotoPeople, photos: Sequence[str], inputs: AdaptationInputs
) -> PhotoParts:
  """Finds people in photos and videos, and divides the photos.

  Args:
    finder: of the people.
    photos: files, globs and folders.
    inputs: the videos, and what is held out.

  Raises:
    ValueError: if there is nobody to train on or to judge by, or a photo is in
      both parts.
  """
  pictures = finder.photos(photos)
  frames = [finder.frames(path, inputs.frame_step) for path in inputs.video]
  if inputs.validation_images:
    trained = [photo for part in (pictures, *frames) for photo in part]
    parts = PhotoParts(trained, finder.photos(inputs.validation_images))
    if {p.key for p in parts.trained} & {p.key for p in parts.held_out}:
      raise ValueError(
        "--validation_images: a photo of it is trained on too; give others"
      )
  else:
    parts = divide(pictures, frames, inputs.validation_share)
  counts = len(parts.trained), len(parts.held_out)
  if not any(counts):
    raise ValueError(
      f"no person found in {finder.count} photos; give photos that show most "
      "of a person, or --boxes"
    )
  if not all(counts):
    raise ValueError(
      f"{counts[0]} photos with people to train on and {counts[1]} to judge "
      "by, expected one of each; give at least two different photos that show "
      "people, or --validation_images"
    )
  return parts
