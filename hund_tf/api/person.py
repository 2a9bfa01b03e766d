"""A person whom `hund_tf.load()(image)` finds, and what several ones share.

Everything stands in the camera frame of the photo: x right, y down, z forward,
metres, the camera at the origin. Pixels: x right, y down, pixel (0, 0) covers
[0, 1) x [0, 1). Left and right are the subject's own. All arrays are numpy.
"""

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hund_tf.api import scenes
from hund_tf.body import keypoints, skeleton
from hund_tf.body.model import BodyModel
from hund_tf.export import bvh_people, rig
from hund_tf.export import meshes as mesh_export
from hund_tf.photos.cameras import PhotoCamera
from hund_tf.reconstruction import reconstructor
from hund_tf.reconstruction.part_results import PartResult
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

  def same_camera(self, other: "Photo") -> bool:
    """Whether another one has the same intrinsics."""
    ours, theirs = self.camera.intrinsics, other.camera.intrinsics
    return all(map(np.array_equal, ours, theirs))


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
    mesh_export.write_glb(path, meshes_of([self]))

  def save_obj(self, path: str | os.PathLike) -> None:
    """Writes the mesh as Wavefront OBJ: metres, y up.

    Raises:
      ValueError: if the file cannot be written.
    """
    mesh_export.write_obj(path, meshes_of([self]))

  def save_rigged(self, path: str | os.PathLike, descent: bool = False) -> None:
    """Writes the person with skeleton and skin; see `People.save_rigged`.

    Raises:
      ValueError: if the file cannot be written.
    """
    scenes.save_rigged(path, [self], self.photo, descent)

  def save_usd(self, path: str | os.PathLike, descent: bool = False) -> None:
    """Writes the person as USD; see `People.save_usd`.

    Raises:
      ValueError: if the file cannot be written.
    """
    scenes.save_usd(path, [self], self.photo, descent)

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
    return draw_overlay([self], self.photo, image)

  def stages(self) -> np.ndarray:
    """The descent s_0 ... s_M over the crop, side by side.

    Returns:
      `[240, N, 3]` uint8 RGB; at the right end s_M is seen from the side, and
      the result over the face and either hand.
    """
    return draw_stages([self], self.photo)

  def close_ups(self) -> np.ndarray:
    """The face and either hand, a row for each: crop, states, and the result.

    Returns:
      `[H, N, 3]` uint8 RGB, pictures of 240 x 240; a part that is hardly seen
      has a line that says why.
    """
    return draw_close_ups([self], self.photo)

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


def meshes_of(people: Sequence[Person]) -> list[mesh_export.PersonMesh]:
  """Everybody's mesh, with texture coordinates."""
  return [
    mesh_export.PersonMesh(p.vertices, p.faces, None, *p.body_model.uv())
    for p in people
  ]


def draw_overlay(
  people: Sequence[Person], photo: Photo, image: np.ndarray | None
) -> np.ndarray:
  """Everybody shaded over the photo, or another picture of its size."""
  if image is None:
    image = photo.image
  if np.shape(image) != photo.image.shape:
    raise ValueError(
      f"image: shape is {np.shape(image)}, expected that of the photo, "
      f"{photo.image.shape}"
    )
  return overlay.draw_overlay(image, meshes_of(people), photo.camera.intrinsics)


def draw_stages(people: Sequence[Person], photo: Photo) -> np.ndarray:
  """A row of states for each; see `Person.stages`."""
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
    photo.image, descents_of(people), camera, close_ups
  )


def draw_close_ups(people: Sequence[Person], photo: Photo) -> np.ndarray:
  """Rows of faces and hands; see `Person.close_ups`."""
  return part_pictures.draw_parts(
    photo.image,
    [person.fit for person in people],
    [person.body_model for person in people],
    photo.camera.intrinsics,
  )


def descents_of(people: Sequence[Person]) -> list[descent_pictures.Descent]:
  """The bodies of everybody's states."""
  return [
    descent
    for person in people
    for descent in descent_pictures.decode_descents(
      [person.fit], person.body_model
    )
  ]
