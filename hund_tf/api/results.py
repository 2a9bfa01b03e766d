"""What `hund_tf.load()(image)` gives: the people of a photo; see `person`."""

import dataclasses
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np

from hund_tf.api import scenes
from hund_tf.api.person import (
  Person,
  Photo,
  descents_of,
  draw_close_ups,
  draw_overlay,
  draw_stages,
  meshes_of,
)
from hund_tf.body.adapters.smpl import SmplBody
from hund_tf.export import meshes as mesh_export
from hund_tf.export import page, report
from hund_tf.photos.cameras import PhotoCamera
from hund_tf.photos.people import SeenPhoto
from hund_tf.photos.source import PhotoSource
from hund_tf.retargeting import correspondence, to_smpl
from hund_tf.retargeting.correspondence import Correspondence
from hund_tf.visualization import descent_pictures, overlay


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class People(Sequence[Person]):
  """The people of one photo: a sequence of `Person`, possibly empty.

  They come in the order of the boxes that were given, or else of the detector's
  confidence.

  Attributes:
    photo: the photo with its camera.
    method: name of the method that found them.
  """

  photo: Photo
  method: str
  _people: tuple[Person, ...]

  @overload
  def __getitem__(self, index: int) -> Person: ...

  @overload
  def __getitem__(self, index: slice) -> "People": ...

  def __getitem__(self, index):
    """One person, or, for a slice, some of them as `People`."""
    if isinstance(index, slice):
      return dataclasses.replace(self, _people=self._people[index])
    return self._people[index]

  def replaced(self, people: Mapping[int, Person]) -> "People":
    """These people, those of some numbers replaced.

    Raises:
      ValueError: if the people are then not all seen by one camera.
    """
    kept = list(self._people)
    for number, person in people.items():
      kept[number] = person
    photo = kept[0].photo if kept else self.photo
    for number, person in enumerate(kept):
      if not photo.same_camera(person.photo):
        raise ValueError(
          f"people: person {number} is seen by another camera than person 0; "
          "give the focal length to all of them"
        )
    return dataclasses.replace(self, photo=photo, _people=tuple(kept))

  def __len__(self) -> int:
    return len(self._people)

  def __iter__(self) -> Iterator[Person]:
    return iter(self._people)

  @property
  def image(self) -> np.ndarray:
    """The photo: `[H, W, 3]` uint8 RGB."""
    return self.photo.image

  @property
  def camera(self) -> PhotoCamera:
    """Intrinsics of the photo, pixels, and where they come from."""
    return self.photo.camera

  @property
  def path(self) -> Path | None:
    """The photo's file; None for an array."""
    return self.photo.path

  def save_glb(self, path: str | os.PathLike) -> None:
    """Writes everybody into one binary glTF: metres, y up.

    Raises:
      ValueError: if there is nobody, or the file cannot be written.
    """
    mesh_export.write_glb(path, meshes_of(self))

  def save_obj(self, path: str | os.PathLike) -> None:
    """Writes everybody into one Wavefront OBJ: metres, y up.

    Raises:
      ValueError: if there is nobody, or the file cannot be written.
    """
    mesh_export.write_obj(path, meshes_of(self))

  def save_rigged(self, path: str | os.PathLike, descent: bool = False) -> None:
    """Writes everybody with skeleton and skin as binary glTF.

    Camera and photo are part of the scene; `docs/guide/outputs.md` has more.

    Args:
      path: of the .glb file.
      descent: also animates the descents s_0 ... s_M.

    Raises:
      ValueError: if there is nobody, or the file cannot be written.
    """
    scenes.save_rigged(path, self, self.photo, descent)

  def save_usd(self, path: str | os.PathLike, descent: bool = False) -> None:
    """Writes everybody with skeleton and skin as USD, and the camera.

    Args:
      path: of the .usdc or .usda file.
      descent: also animates the descents s_0 ... s_M.

    Raises:
      ValueError: if there is nobody, or the file cannot be written.
      ImportError: without the extra `usd`.
    """
    scenes.save_usd(path, self, self.photo, descent)

  def overlay(self, image: np.ndarray | None = None) -> np.ndarray:
    """Everybody shaded over the photo: `[H, W, 3]` uint8 RGB.

    Args:
      image: `[H, W, 3]` uint8 RGB, of the photo's size, to draw on in place of
        the photo.
    """
    return draw_overlay(self, self.photo, image)

  def views(self) -> np.ndarray:
    """The photo, the overlay, and everybody from the front and turned.

    Returns:
      `[480, N, 3]` uint8 RGB.

    Raises:
      ValueError: if there is nobody.
    """
    if not self:
      raise ValueError("people: none, expected at least one")
    return overlay.draw_views(self.image, self.overlay(), meshes_of(self))

  def stages(self) -> np.ndarray:
    """Everybody's descent, a row for each; see `Person.stages`.

    Raises:
      ValueError: if there is nobody.
    """
    return draw_stages(self, self.photo)

  def close_ups(self) -> np.ndarray:
    """Everybody's faces and hands; see `Person.close_ups`.

    Raises:
      ValueError: if there is nobody.
    """
    return draw_close_ups(self, self.photo)

  def save_gif(self, path: str | os.PathLike) -> None:
    """Writes everybody's descent over the photo as an animation.

    Raises:
      ValueError: if there is nobody, or the file cannot be written.
    """
    frames = descent_pictures.draw_descent_frames(
      self.image, descents_of(self), self.camera.intrinsics
    )
    descent_pictures.write_animation(path, frames)

  def save_json(
    self, path: str | os.PathLike, source: PhotoSource | None = None
  ) -> None:
    """Writes everything but meshes and pictures: `docs/result_schema.md`.

    Args:
      path: of the file.
      source: the photo's file, its path as the result is to state it.

    Raises:
      ValueError: if a value is not finite, or the file cannot be written.
    """
    report.write_report(path, self._report(source))

  def save_smplx(
    self,
    path: str | os.PathLike,
    model: SmplBody | str | os.PathLike,
    table: Correspondence | str | os.PathLike | None = None,
  ) -> None:
    """Writes parameters of SMPL, SMPL+H or SMPL-X, as `docs/body_adapters.md`.

    Args:
      path: of the .npz file.
      model: the body, or its file.
      table: of `tools/make_correspondence.py`: which of its points are ours.

    Raises:
      ValueError: if there is nobody, or a file cannot be used.
    """
    if not isinstance(model, SmplBody):
      model = SmplBody.load(model)
    if table is not None and not isinstance(table, Correspondence):
      table = correspondence.load(Path(table))
    fits = [
      to_smpl.fit_smpl(model, person.body_model, person.fit.body, table)
      for person in self
    ]
    to_smpl.write_smpl(path, model, fits)

  def save_html(
    self, path: str | os.PathLike, source: PhotoSource | None = None
  ) -> None:
    """Writes photo, people in 3D and descent as a page for a browser.

    The file holds all that it shows, and opens without network.

    Args:
      path: of the .html file.
      source: as of `save_json`.

    Raises:
      ValueError: if there is nobody, or the file cannot be written.
    """
    glb = scenes.rigged_glb(path, self, self.photo, descent=True)
    page.write_page(path, self._report(source), glb)

  def _report(self, source: PhotoSource | None) -> dict[str, Any]:
    """The JSON result."""
    return report.build_report(
      SeenPhoto(
        str(self.path or "image"),
        self.path,
        self.image,
        self.camera,
        [],
        self.photo.empty_boxes,
        damage=self.photo.damage,
      ),
      self.method,
      [person.fit for person in self],
      source,
      include_trace=self.method.startswith("hund"),
    )

  def __repr__(self) -> str:
    height, width = self.image.shape[:2]
    source = "an array" if self.path is None else str(self.path)
    lines = [
      f"People({len(self)} in {source}, {width} x {height} px, "
      f"camera {self.camera.source}, method {self.method})"
    ]
    lines += [f"  {i}: {person!r}" for i, person in enumerate(self)]
    return "\n".join(lines)
