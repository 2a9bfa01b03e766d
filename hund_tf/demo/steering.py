"""Corrections by clicks: which keypoints are to be elsewhere in the photo."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from hund_tf.api.model import PeopleModel
from hund_tf.api.results import People
from hund_tf.body import keypoints as keypoint_table

_DOT, _PICKED, _NEW = (255, 255, 255), (230, 40, 40), (40, 200, 90)


@dataclasses.dataclass(frozen=True)
class Moves:
  """What was clicked since people were shown."""

  picked: tuple[int, str] | None = None  # person and keypoint that is to move
  # Person, keypoint, and where it is to be, x and y, pixels of the photo.
  places: tuple[tuple[int, str, float, float], ...] = ()

  def of(self, person: int) -> dict[str, tuple[float, float]]:
    """The places of a person's keypoints by name; the last click counts."""
    return {name: (x, y) for i, name, x, y in self.places if i == person}


def clicked(moves: Moves, people: People, x: float, y: float) -> Moves:
  """What a click does: it picks a keypoint, or says where the picked one is.

  Args:
    moves: before.
    people: that are shown; the 25 keypoints of their bodies can be picked.
    x: of the click, pixels of the photo.
    y: of the click.
  """
  if not people:
    return moves
  if moves.picked is not None:
    return Moves(None, (*moves.places, (*moves.picked, float(x), float(y))))
  away = np.linalg.norm(_points(people) - [x, y], axis=-1)
  person, number = np.unravel_index(away.argmin(), away.shape)
  name = keypoint_table.NAMES[keypoint_table.BODY][number]
  return dataclasses.replace(moves, picked=(int(person), name))


def _points(people: People) -> np.ndarray:
  """`[N, 25, 2]` pixels."""
  body = keypoint_table.BODY
  return np.stack([person.keypoints_2d[body] for person in people])


def drawn(picture: np.ndarray, people: People, moves: Moves) -> np.ndarray:
  """A picture with the keypoints that can be clicked, and what was clicked.

  Args:
    picture: `[H, W, 3]` uint8 RGB, of the photo's size.
    people: that are in it.
    moves: since they were shown.

  Returns:
    `[H, W, 3]` uint8 RGB.
  """
  image = Image.fromarray(picture)
  draw = ImageDraw.Draw(image)
  size = max(2.0, max(picture.shape[:2]) / 250)
  for person in people:
    for x, y in person.keypoints_2d[keypoint_table.BODY]:
      draw.ellipse((x - size, y - size, x + size, y + size), fill=_DOT)
  place = lambda i, name: people[i].keypoints_2d[keypoint_table.INDEX[name]]
  for i, name, x, y in moves.places:
    draw.line((*place(i, name), x, y), _NEW, width=max(1, round(size / 2)))
    draw.ellipse((x - size, y - size, x + size, y + size), fill=_NEW)
  if moves.picked is not None:
    x, y = place(*moves.picked)
    size *= 2
    draw.ellipse((x - size, y - size, x + size, y + size), outline=_PICKED)
  return np.asarray(image)


def told(moves: Moves) -> str:
  """What was clicked, and what the next click does."""
  lines = [
    f"- {name} of person {i} to ({x:.0f}, {y:.0f})"
    for i, name, x, y in moves.places
  ]
  if moves.picked is None:
    lines.append("\nClick a keypoint to move it.")
  else:
    lines.append("\nClick where {1} of person {0} is.".format(*moves.picked))
  return "\n".join(lines)


def resume(
  model: PeopleModel,
  people: People,
  moves: Moves,
  focal_px: float | None = None,
  height_m: float | None = None,
  locked: Sequence[str] = (),
) -> People:
  """Goes on with the descents by what was corrected.

  Args:
    model: that found the people.
    people: so far.
    moves: keypoints to be elsewhere.
    focal_px: focal length, pixels, for everybody; None: as before.
    height_m: stature, metres, of those with moves, or of all if there are none.
    locked: joints of the same people that are to stay in place.

  Raises:
    ValueError: if nothing is corrected, or a value cannot be used.
  """
  if not people:
    raise ValueError("nobody to correct; give a photo of people first")
  if not (moves.places or focal_px or height_m):
    raise ValueError(
      "nothing is corrected; move a keypoint, or give a focal length or height"
    )
  meant = {i for i, *_ in moves.places} or set(range(len(people)))
  found = {}
  for i, person in enumerate(people):
    if i in meant:
      person = model.resume(
        person,
        keypoints=moves.of(i),
        locked=tuple(locked) or None,
        focal_px=focal_px,
        height_m=height_m,
      )
    elif focal_px:
      person = model.resume(person, focal_px=focal_px)
    found[i] = person
  return people.replaced(found)
