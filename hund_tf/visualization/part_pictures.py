"""Close-ups of people's faces and hands (the last columns of Fig. 6)."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.reconstruction.attention import Region, attend
from hund_tf.reconstruction.reconstructor import Person
from hund_tf.types import Intrinsics
from hund_tf.visualization.descent_pictures import (
  SIDE,
  decode_states,
  person_color,
  shown_states,
)
from hund_tf.visualization.stage_row import (
  draw_crop_row,
  labelled,
  padded_rows,
)

_MAX_STAGES = 8  # states of a row, the result among them
_LINE = 30  # pixels, height of a row of words
_GREY = (90, 90, 90)


def draw_close_ups(
  image: np.ndarray,
  person: Person,
  faces: np.ndarray,
  intrinsics: Intrinsics,
  color: np.ndarray,
) -> list[np.ndarray]:
  """The body over the face, the left and the right hand of a person.

  Args:
    image: `[H, W, 3]` uint8 RGB.
    person: of whom the full mesh is drawn.
    faces: `[F, 3]` of the mesh.
    intrinsics: of the photo, fields `[2]`, pixels.
    color: of the body, `[3]` RGB in [0, 1].

  Returns:
    Three pictures `[240, 240, 3]` uint8 RGB; in place of a part that is hardly
    seen they say why.
  """
  pictures = []
  for region in attend(person.detection, image.shape[:2]):
    if region.reason:
      pictures.append(_words(f"{_named(region)}:\n{region.reason}", SIDE))
      continue
    vertices = [person.body.vertices]
    _, picture = draw_crop_row(
      image, region.box, SIDE, vertices, faces, color, intrinsics
    )
    pictures.append(labelled(picture, _named(region)))
  return pictures


def draw_parts(
  image: np.ndarray,
  people: Sequence[Person],
  body_models: Sequence[BodyModel],
  intrinsics: Intrinsics,
) -> np.ndarray:
  """A row for each face and hand: the crop, states over it, and the result.

  Args:
    image: `[H, W, 3]` uint8 RGB.
    people: at least one.
    body_models: of each of them.
    intrinsics: of the photo, fields `[2]`, pixels.

  Returns:
    `[H, N, 3]` uint8 RGB, pictures of 240 x 240; a part that is hardly seen has
    a line that says why.

  Raises:
    ValueError: if there is nobody.
  """
  if not people:
    raise ValueError("people: none, expected at least one")
  rows = []
  for i, (person, model) in enumerate(zip(people, body_models, strict=True)):
    shown = shown_states(len(person.trace.seconds), _MAX_STAGES)[:-1]
    states = tf.nest.map_structure(
      lambda x, shown=shown: x[shown], person.trace.state
    )
    bodies = [*decode_states(model, states, "full")] if shown else []
    bodies.append(person.body.vertices)
    words = [*(f"s{state}" for state in shown), "result"]
    for region in attend(person.detection, image.shape[:2]):
      name = f"person {i}, {_named(region)}"
      if region.reason:
        width = SIDE * (1 + len(bodies))
        rows.append([_words(f"{name}: {region.reason}", _LINE, width)])
        continue
      pictures = draw_crop_row(
        image,
        region.box,
        SIDE,
        bodies,
        model.faces(),
        person_color(i),
        intrinsics,
      )
      labels = [name, *words]
      rows.append(
        [labelled(x, text) for x, text in zip(pictures, labels, strict=True)]
      )
  return padded_rows(rows)


def _named(region: Region) -> str:
  return region.name.replace("_", " ")


def _words(text: str, height: int, width: int = SIDE) -> np.ndarray:
  """Grey words on white `[height, width, 3]`, broken where they are long."""
  picture = Image.new("RGB", (width, height), "white")
  draw, font = ImageDraw.Draw(picture), ImageFont.load_default(14)
  lines = [""]
  for word in text.replace("\n", " \n ").split(" "):
    longer = f"{lines[-1]} {word}".strip(" ")
    if word == "\n" or draw.textlength(longer, font=font) > width - 10:
      lines.append(word.strip())
    else:
      lines[-1] = longer
  draw.multiline_text((5, 5), "\n".join(lines), fill=_GREY, font=font)
  return np.asarray(picture)
