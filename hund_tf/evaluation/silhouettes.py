"""Protocol `silhouettes`: bodies against the masks of annotated people.

Of every annotated person whose shoulders, hips, knees and ankles can be seen
and whose mask is given as polygons: the area of the body's silhouette over that
of the mask, and the widths of torso and thighs over the mask's at the same
place. A width is how far a line across the limb runs inside the silhouette,
through the limb's middle; where it is longer than limbs are, as an arm or the
other leg lies beside it in the mask, it does not count.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from hund_tf.body import keypoints
from hund_tf.datasets.coco import CocoPerson
from hund_tf.evaluation import figures
from hund_tf.evaluation.figures import Row
from hund_tf.evaluation.photos_2d import paired_people
from hund_tf.photos.people import SeenPhoto
from hund_tf.reconstruction.reconstructor import Person
from hund_tf.rendering import zbuffer

_WHOLE = [
  keypoints.INDEX[f"{side}_{joint}"]
  for side in "lr"
  for joint in ("shoulder", "hip", "knee", "ankle")
]
# Ends of torso and thighs as means of keypoints, where lines run across them,
# and the length of a line, in lengths of the limb, beyond which it is not one.
_LIMBS = (
  ("torso width", ("l_hip", "r_hip"), ("l_shoulder", "r_shoulder"), 1.0),
  ("thigh width", ("l_hip",), ("l_knee",), 0.6),
  ("thigh width", ("r_hip",), ("r_knee",), 0.6),
)
_PLACES = (0.35, 0.5, 0.65)
_VISIBLE = 2
_STEP = 0.25  # pixels along a line


class PersonScore(NamedTuple):
  """Ratios of one person; NaN where there is nothing to compare."""

  image: str
  area: float  # NaN if the person was not found
  widths: dict[str, float]  # of "torso width" and "thigh width"


def mask_of(person: CocoPerson, height: int, width: int) -> np.ndarray:
  """The annotated mask `[H, W]` bool."""
  mask = np.zeros([height, width], np.uint8)
  cv2.fillPoly(mask, [np.round(p).astype(np.int32) for p in person.polygons], 1)
  return mask > 0


def silhouette_of(
  pixels: np.ndarray, faces: np.ndarray, height: int, width: int
) -> np.ndarray:
  """The silhouette `[H, W]` bool of a mesh.

  Args:
    pixels: `[V, 3]` photo pixels and depth in metres.
    faces: `[F, 3]` vertex indices.
    height: of the photo, pixels.
    width: of the photo, pixels.
  """
  return zbuffer.draw_faces(pixels, faces, height, width).face >= 0


def width_at(
  silhouette: np.ndarray, first: np.ndarray, last: np.ndarray, place: float
) -> float:
  """Length of the line inside a silhouette across a limb, pixels.

  Args:
    silhouette: `[H, W]` bool.
    first: `[2]` pixel of one end of the limb.
    last: `[2]` of the other end.
    place: of the line, from the first (0) to the last (1).

  Returns:
    NaN where the limb's middle is not inside.
  """
  along = last - first
  length = float(np.linalg.norm(along))
  if length < 1.0:
    return np.nan
  across = np.array([-along[1], along[0]]) / length
  middle = first + place * along
  total = 0.0
  for side in (1.0, -1.0):
    steps = np.arange(0.0, 2.0 * length, _STEP)
    places = np.floor(middle + side * steps[:, None] * across).astype(int)
    inside = np.all((places >= 0) & (places < silhouette.shape[::-1]), axis=1)
    inside[inside] = silhouette[places[inside, 1], places[inside, 0]]
    if not inside[0]:
      return np.nan
    total += _STEP * (len(steps) if inside.all() else int(np.argmin(inside)))
  return total


def _widths(silhouette: np.ndarray, points: np.ndarray) -> np.ndarray:
  """`[limbs, places]` in lengths of the limbs; NaN where there is none."""
  rows = []
  for _, *ends, longest in _LIMBS:
    first, last = (
      points[[keypoints.INDEX[name] for name in names]].mean(axis=0)
      for names in ends
    )
    limit = longest * np.linalg.norm(last - first)
    found = [width_at(silhouette, first, last, place) for place in _PLACES]
    rows.append([np.nan if width > limit else width for width in found])
  return np.array(rows)


def compare(
  person: CocoPerson, mask: np.ndarray, body: np.ndarray, points: np.ndarray
) -> PersonScore:
  """Ratios of a body's silhouette to a mask.

  Args:
    person: annotated.
    mask: `[H, W]` bool, of the person.
    body: `[H, W]` bool, the silhouette.
    points: `[137, 2]` the body's keypoints, photo pixels.
  """
  ratios = _widths(body, points) / _widths(mask, person.keypoints)
  widths = {}
  for name in dict.fromkeys(limb[0] for limb in _LIMBS):
    rows = ratios[[limb[0] == name for limb in _LIMBS]]
    known = rows[np.isfinite(rows)]
    widths[name] = float(known.mean()) if len(known) else np.nan
  area = float(body.sum() / max(mask.sum(), 1))
  return PersonScore(person.image.name, area, widths)


def _is_whole(person: CocoPerson) -> bool:
  return bool(person.polygons) and bool(
    np.all(person.visibility[_WHOLE] >= _VISIBLE)
  )


def evaluate(
  people: Iterable[CocoPerson],
  find: Callable[[Path], SeenPhoto],
  reconstruct: Callable[..., list[Person]],
  faces: np.ndarray,
  min_height: float = 60.0,
) -> list[PersonScore]:
  """Compares every whole annotated person of a set of photos.

  Args:
    people: annotations, of any number of photos.
    find: from a photo's path to who is seen in it; a `Finder`.
    reconstruct: from detections, intrinsics and the photo to people; a
      `Reconstructor`.
    faces: `[F, 3]` of the full mesh.
    min_height: people whose box is lower (pixels) are left out.
  """
  scores = []
  whole = [person for person in people if _is_whole(person)]
  pairs = paired_people(whole, find, reconstruct, len(_WHOLE), min_height)
  for person, found, seen in pairs:
    if found is None:
      nothing = {limb[0]: np.nan for limb in _LIMBS}
      scores.append(PersonScore(person.image.name, np.nan, nothing))
      continue
    height, width = seen.image.shape[:2]
    vertices = found.body.vertices
    camera = seen.camera.intrinsics
    flat = vertices[:, :2] / vertices[:, 2:] * np.asarray(camera.focal)
    pixels = np.concatenate(
      [flat + np.asarray(camera.center), vertices[:, 2:]], axis=1
    )
    body = silhouette_of(pixels, faces, height, width)
    mask = mask_of(person, height, width)
    scores.append(compare(person, mask, body, found.keypoints_2d))
  return scores


def summarize(scores: list[PersonScore]) -> list[Row]:
  """One row for each ratio, with the number of people it is of."""
  values = {"area": np.array([score.area for score in scores])}
  for name in dict.fromkeys(limb[0] for limb in _LIMBS):
    values[name] = np.array([score.widths[name] for score in scores])
  return [
    Row(
      name,
      {"people": len(scores), "compared": int(np.isfinite(of).sum())},
      {"body over mask": figures.mean(of)},
    )
    for name, of in values.items()
  ]


def run(scores: list[PersonScore], folder: Path) -> str:
  """Writes `silhouettes.csv` and `silhouettes.json`; returns what to print.

  Raises:
    OutputError: if a file cannot be written.
  """
  rows = summarize(scores)
  about = {
    "protocol": "silhouettes",
    "people": [
      {
        "image": score.image,
        "area": figures.rounded(score.area),
        **{name: figures.rounded(x) for name, x in score.widths.items()},
      }
      for score in scores
    ],
  }
  figures.write(rows, about, folder, "silhouettes")
  return figures.markdown(rows)
