"""What `hund_tf.load()(image)` gives: the people of a photo, and what they do.

Everything stands in the camera frame of the photo: x right, y down, z forward,
metres, the camera at the origin. Pixels: x right, y down, pixel (0, 0) covers
[0, 1) x [0, 1). Left and right are the subject's own. All arrays are numpy.
"""

import dataclasses
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np

from hund_tf.body import keypoints, skeleton
from hund_tf.body.adapters.smpl import SmplBody
from hund_tf.body.model import BodyModel
from hund_tf.export import bvh_people, page, report, rig, rigged
from hund_tf.export import meshes as mesh_export
from hund_tf.files import atomic_path
from hund_tf.photos.cameras import PhotoCamera
from hund_tf.photos.people import SeenPhoto
from hund_tf.photos.source import PhotoSource
from hund_tf.reconstruction import reconstructor
from hund_tf.reconstruction.part_results import PartResult
from hund_tf.retargeting import correspondence, to_smpl
from hund_tf.retargeting.correspondence import Correspondence
from hund_tf.types import HumanState, RefinementState
from hund_tf.visualization import descent_pictures, overlay, part_pictures


@dataclasses.dataclass(frozen=True, eq=False)
class Photo:
  """A photo as it was reconstructed."""

  image: np.ndarray  # [H, W, 3] uint8 RGB, upright
  camera: PhotoCamera  # intrinsics, pixels, and where they come from
  path: Path | None = None  # of the file; None for an array
  empty_boxes: tuple[int, ...] = ()  # numbers, from 0, of the boxes that were
  # given and in which nobody was found
  damage: str = ""  # what in the file looks damaged; empty for nothing


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Person:
  """A person in 3D.

  Attributes:
    fit: what the reconstruction gave, in the form that the library uses inside.
    photo: in which the person was found.
    body_model: that the person's state belongs to.
  """

  fit: reconstructor.Person
  photo: Photo
  body_model: BodyModel

  @property
  def vertices(self) -> np.ndarray:
    """The mesh: `[12308, 3]` metres, camera frame."""
    return self.fit.body.vertices

  @property
  def faces(self) -> np.ndarray:
    """Its triangles: `[F, 3]` int32, counter-clockwise from outside."""
    return self.body_model.faces()

  @property
  def joints(self) -> np.ndarray:
    """`[63, 3]` metres, camera frame, in the order of `joint_names`."""
    return self.fit.body.joints

  @property
  def joint_names(self) -> tuple[str, ...]:
    """The 63 joints' names; `l_` and `r_` are the subject's own sides."""
    return tuple(skeleton.NAMES)

  @property
  def joint_parents(self) -> tuple[int, ...]:
    """The index `[63]` of each joint's parent; -1 for the pelvis."""
    return tuple(skeleton.PARENTS)

  @property
  def rotations(self) -> np.ndarray:
    """`[63, 3, 3]` of each joint against its parent.

    The first is the pelvis's: from the body frame to the camera frame.
    """
    return self.fit.body.rotations

  @property
  def keypoints(self) -> np.ndarray:
    """`[137, 3]` metres, camera frame, in the order of `keypoint_names`."""
    return self.fit.body.keypoints

  @property
  def keypoints_2d(self) -> np.ndarray:
    """`keypoints` projected into the photo: `[137, 2]` pixels."""
    return self.fit.keypoints_2d

  @property
  def detected_keypoints(self) -> np.ndarray:
    """What the detector saw: `[137, 3]` x, y (pixels) and confidence in [0, 1].

    A confidence of 0 stands for a keypoint that was not found.
    """
    return self.fit.detection.keypoints

  @property
  def keypoint_names(self) -> tuple[str, ...]:
    """The 137 keypoints' names: 25 of the body, 70 face, 21 of each hand."""
    return keypoints.NAMES

  @property
  def state(self) -> HumanState:
    """Latents of pose, hands, shape and expression, and where the body is."""
    return self.fit.state

  @property
  def trace(self) -> RefinementState:
    """States, loss terms and seconds of s_0 ... s_M, fields `[M+1, ...]`."""
    return self.fit.trace

  @property
  def box(self) -> np.ndarray:
    """`[4]` left, top, width, height in the photo, pixels."""
    return self.fit.detection.box

  @property
  def score(self) -> float:
    """The detector's confidence in [0, 1]."""
    return float(self.fit.detection.score)

  @property
  def quality(self) -> float | None:
    """How far the result can be trusted, in [0, 1]; None: not calibrated.

    It is the probability that the joints are off by less than 80 mm on average,
    apart from place, size and orientation.
    """
    return self.fit.quality

  @property
  def height_m(self) -> float | None:
    """Stature, metres, as it was given, or else as it is estimated.

    It is that of the body in a T-pose.
    """
    return self.fit.height_m

  @property
  def height_given(self) -> bool:
    """Whether the stature was given; else it is an estimate."""
    return self.fit.height_given

  @property
  def uncertainty(self) -> np.ndarray | None:
    """Expected error of each joint: `[63]` mm; None: not polished.

    Of its place against the pelvis, in the order of `joint_names`.
    """
    return self.fit.uncertainty

  @property
  def parts(self) -> tuple[PartResult, ...]:
    """Faces and hands that were asked for: whether each is used, or why not."""
    return self.fit.parts

  @property
  def gaze(self) -> np.ndarray | None:
    """Both eyes' turn in the head: `[2]`; None: not known.

    To the person's left and up, in fifths of a radian.
    """
    return self.fit.gaze

  def save_glb(self, path: str | os.PathLike) -> None:
    """Writes the mesh as binary glTF: metres, y up.

    Raises:
      ValueError: if the file cannot be written.
    """
    mesh_export.write_glb(path, _meshes([self]))

  def save_obj(self, path: str | os.PathLike) -> None:
    """Writes the mesh as Wavefront OBJ: metres, y up.

    Raises:
      ValueError: if the file cannot be written.
    """
    mesh_export.write_obj(path, _meshes([self]))

  def save_rigged(self, path: str | os.PathLike, descent: bool = False) -> None:
    """Writes the person with skeleton and skin; see `People.save_rigged`.

    Raises:
      ValueError: if the file cannot be written.
    """
    _save_rigged(path, [self], self.photo, descent)

  def save_bvh(
    self, path: str | os.PathLike, names: bvh_people.BvhNames = "hund"
  ) -> None:
    """Writes skeleton and pose as a motion file (BVH) of one frame.

    Args:
      path: of the .bvh file; metres, y up.
      names: "hund" for our 63 joints, "mixamo" for 52 by Mixamo's names.

    Raises:
      ValueError: if the file cannot be written.
    """
    (person,) = rig.of_results([self.fit], self.body_model)
    bvh_people.write_person(path, person, self.body_model, names)

  def overlay(self, image: np.ndarray | None = None) -> np.ndarray:
    """The person shaded over the photo: `[H, W, 3]` uint8 RGB.

    Args:
      image: `[H, W, 3]` uint8 RGB, of the photo's size, to draw on in place of
        the photo.
    """
    return _overlay([self], self.photo, image)

  def stages(self) -> np.ndarray:
    """The descent s_0 ... s_M over the crop, side by side.

    Returns:
      `[240, N, 3]` uint8 RGB; at the right end s_M is seen from the side, and
      the result over the face and either hand.
    """
    return _stages([self], self.photo)

  def close_ups(self) -> np.ndarray:
    """The face and either hand, a row for each: crop, states, and the result.

    Returns:
      `[H, N, 3]` uint8 RGB, pictures of 240 x 240; a part that is hardly seen
      has a line that says why.
    """
    return _close_ups([self], self.photo)

  def __repr__(self) -> str:
    left, top, width, height = (round(float(x)) for x in self.box)
    x, y, z = self.joints[0]
    quality = "none" if self.quality is None else f"{self.quality:.2f}"
    return (
      f"Person(box=[{left}, {top}, {width}, {height}] px, "
      f"score={self.score:.2f}, quality={quality}, "
      f"pelvis=[{x:.2f}, {y:.2f}, {z:.2f}] m, "
      f"height={self.height_m or float('nan'):.2f} m, "
      f"vertices {list(self.vertices.shape)}, "
      f"joints {list(self.joints.shape)}, "
      f"keypoints {list(self.keypoints.shape)})"
    )


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
    """These people, those of some numbers replaced."""
    kept = list(self._people)
    for number, person in people.items():
      kept[number] = person
    return dataclasses.replace(self, _people=tuple(kept))

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
    mesh_export.write_glb(path, _meshes(self))

  def save_obj(self, path: str | os.PathLike) -> None:
    """Writes everybody into one Wavefront OBJ: metres, y up.

    Raises:
      ValueError: if there is nobody, or the file cannot be written.
    """
    mesh_export.write_obj(path, _meshes(self))

  def save_rigged(self, path: str | os.PathLike, descent: bool = False) -> None:
    """Writes everybody with skeleton and skin as binary glTF.

    Camera and photo are part of the scene; `docs/guide/outputs.md` has more.

    Args:
      path: of the .glb file.
      descent: also animates the descents s_0 ... s_M.

    Raises:
      ValueError: if there is nobody, or the file cannot be written.
    """
    _save_rigged(path, self, self.photo, descent)

  def overlay(self, image: np.ndarray | None = None) -> np.ndarray:
    """Everybody shaded over the photo: `[H, W, 3]` uint8 RGB.

    Args:
      image: `[H, W, 3]` uint8 RGB, of the photo's size, to draw on in place of
        the photo.
    """
    return _overlay(self, self.photo, image)

  def views(self) -> np.ndarray:
    """The photo, the overlay, and everybody from the front and turned.

    Returns:
      `[480, N, 3]` uint8 RGB.

    Raises:
      ValueError: if there is nobody.
    """
    if not self:
      raise ValueError("people: none, expected at least one")
    return overlay.draw_views(self.image, self.overlay(), _meshes(self))

  def stages(self) -> np.ndarray:
    """Everybody's descent, a row for each; see `Person.stages`.

    Raises:
      ValueError: if there is nobody.
    """
    return _stages(self, self.photo)

  def close_ups(self) -> np.ndarray:
    """Everybody's faces and hands; see `Person.close_ups`.

    Raises:
      ValueError: if there is nobody.
    """
    return _close_ups(self, self.photo)

  def save_gif(self, path: str | os.PathLike) -> None:
    """Writes everybody's descent over the photo as an animation.

    Raises:
      ValueError: if there is nobody, or the file cannot be written.
    """
    frames = descent_pictures.draw_descent_frames(
      self.image, _descents(self), self.camera.intrinsics
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
    glb = _rigged_glb(path, self, self.photo, descent=True)
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


def _meshes(people: Sequence[Person]) -> list[mesh_export.PersonMesh]:
  return [
    mesh_export.PersonMesh(p.vertices, p.faces, None, *p.body_model.uv())
    for p in people
  ]


def _save_rigged(
  path: str | os.PathLike,
  people: Sequence[Person],
  photo: Photo,
  descent: bool,
) -> None:
  data = _rigged_glb(path, people, photo, descent)
  with atomic_path(path) as temporary:
    temporary.write_bytes(data)


def _rigged_glb(
  path: str | os.PathLike,
  people: Sequence[Person],
  photo: Photo,
  descent: bool,
) -> bytes:
  if not people:
    raise ValueError(f"{path}: there is nobody to write")
  height, width = photo.image.shape[:2]
  body_model = people[0].body_model
  return rigged.rigged_glb(
    rig.of_results([person.fit for person in people], body_model, descent),
    body_model,
    rigged.View(photo.camera.intrinsics, width, height, photo.image),
    "descent",
    str(path),
  )


def _overlay(
  people: Sequence[Person], photo: Photo, image: np.ndarray | None
) -> np.ndarray:
  if image is None:
    image = photo.image
  if np.shape(image) != photo.image.shape:
    raise ValueError(
      f"image: shape is {np.shape(image)}, expected that of the photo, "
      f"{photo.image.shape}"
    )
  return overlay.draw_overlay(image, _meshes(people), photo.camera.intrinsics)


def _stages(people: Sequence[Person], photo: Photo) -> np.ndarray:
  camera = photo.camera.intrinsics
  close_ups = [
    part_pictures.draw_close_ups(
      photo.image,
      person.fit,
      person.faces,
      camera,
      descent_pictures.person_color(i),
    )
    for i, person in enumerate(people)
  ]
  return descent_pictures.draw_stages(
    photo.image, _descents(people), camera, close_ups
  )


def _close_ups(people: Sequence[Person], photo: Photo) -> np.ndarray:
  return part_pictures.draw_parts(
    photo.image,
    [person.fit for person in people],
    [person.body_model for person in people],
    photo.camera.intrinsics,
  )


def _descents(people: Sequence[Person]) -> list[descent_pictures.Descent]:
  return [
    descent
    for person in people
    for descent in descent_pictures.decode_descents(
      [person.fit], person.body_model
    )
  ]
