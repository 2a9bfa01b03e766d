"""What the page does, without gradio: photos in, pictures and files out."""

import dataclasses
import html
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hund_tf.api.model import PeopleModel
from hund_tf.api.person import Person
from hund_tf.api.results import People
from hund_tf.photos.source import source_of
from hund_tf.visualization import descent_pictures

MAX_PEOPLE = 8  # of a photo; more are left out
_NOBODY = "Nobody was found in this photo."


@dataclasses.dataclass(frozen=True, eq=False)
class Shown:
  """What the page shows of a photo."""

  people: People
  overlay: np.ndarray  # [H, W, 3] uint8 RGB, of the photo's size
  stages: tuple[np.ndarray, ...]  # [h, w, 3] each, s_0 ... s_M; empty: nobody
  files: tuple[Path, ...]  # JSON and, unless there is nobody, GLB
  scene: str  # HTML of the people in 3D
  words: str  # Markdown


def reconstruct(
  model: PeopleModel,
  photo: str | Path,
  folder: str | Path,
  focal_px: float | None = None,
  height_m: float | None = None,
) -> Shown:
  """Reconstructs the people of a photo.

  Args:
    model: of `hund_tf.load`.
    photo: file of the photo.
    folder: a folder of its own for the files is made in it.
    focal_px: focal length, pixels; None: as the file says, or a guess.
    height_m: stature of everybody, metres; None: not known.

  Raises:
    ValueError: if the photo or a number cannot be used.
  """
  people = model(
    photo, focal_px=focal_px, height_m=height_m, max_people=MAX_PEOPLE
  )
  return show(people, folder)


def show(people: People, folder: str | Path) -> Shown:
  """Draws people, and writes their files into a new folder in `folder`."""
  own = Path(tempfile.mkdtemp(dir=folder))
  source = None
  if people.path is not None:
    source = source_of(people.path)._replace(path=people.path.name)
  report = own / "people.json"
  people.save_json(report, source)
  if not people:
    return Shown(people, people.image, (), (report,), "", _NOBODY)
  scene, page = own / "people.glb", own / "people.html"
  people.save_rigged(scene, descent=True)
  people.save_html(page, source)
  frames = descent_pictures.draw_descent_frames(
    people.image,
    descent_pictures.decode_descents(
      [person.fit for person in people], people[0].body_model
    ),
    people.camera.intrinsics,
  )
  return Shown(
    people,
    people.overlay(),
    tuple(frames),
    (report, scene),
    framed(page.read_text(encoding="utf-8")),
    described(people),
  )


def framed(page: str) -> str:
  """HTML that shows a page in a frame, which can do nothing to the outside."""
  return (
    '<iframe title="People in 3D" sandbox="allow-scripts allow-downloads" '
    'style="width: 100%; height: 900px; border: 0" '
    f'srcdoc="{html.escape(page)}"></iframe>'
  )


def described(people: Sequence[Person]) -> str:
  """A line of Markdown for each person."""
  lines = []
  for i, person in enumerate(people):
    given = "given" if person.height_given else "estimated"
    parts = [f"{person.joints[0, 2]:.1f} m away"]
    if person.height_m is not None:
      parts.append(f"{person.height_m:.2f} m tall ({given})")
    if person.quality is not None:
      parts.append(f"quality {person.quality:.2f}")
    lines.append(f"- person {i}: {', '.join(parts)}")
  return "\n".join(lines)
