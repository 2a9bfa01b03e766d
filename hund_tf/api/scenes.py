"""Scenes of rigged people, camera and photo, written as GLB and as USD."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from hund_tf.body.model import BodyModel
from hund_tf.export import rig, rigged, usd
from hund_tf.files import atomic_path

if TYPE_CHECKING:
  from hund_tf.api.person import Person, Photo


class _Scene(NamedTuple):
  people: list[rig.RiggedPerson]
  body_model: BodyModel
  view: rigged.View


def save_rigged(
  path: str | os.PathLike,
  people: Sequence["Person"],
  photo: "Photo",
  descent: bool,
) -> None:
  """Writes a binary glTF; see `People.save_rigged`."""
  data = rigged_glb(path, people, photo, descent)
  with atomic_path(path) as temporary:
    temporary.write_bytes(data)


def rigged_glb(
  path: str | os.PathLike,
  people: Sequence["Person"],
  photo: "Photo",
  descent: bool,
) -> bytes:
  """The bytes of a binary glTF with skeletons, camera and photo.

  Raises:
    ValueError: if there is nobody; `path` is named.
  """
  scene = _scene(path, people, photo, descent)
  return rigged.rigged_glb(*scene, "descent", str(path))


def save_usd(
  path: str | os.PathLike,
  people: Sequence["Person"],
  photo: "Photo",
  descent: bool,
) -> None:
  """Writes a USD file; see `People.save_usd`."""
  usd.write_usd(path, *_scene(path, people, photo, descent))


def _scene(
  path: str | os.PathLike,
  people: Sequence["Person"],
  photo: "Photo",
  descent: bool,
) -> _Scene:
  if not people:
    raise ValueError(f"{path}: there is nobody to write")
  height, width = photo.image.shape[:2]
  body_model = people[0].body_model
  return _Scene(
    rig.of_results([person.fit for person in people], body_model, descent),
    body_model,
    rigged.View(photo.camera.intrinsics, width, height, photo.image),
  )
