"""Rigged people in a binary glTF: skin, bones, expressions and motions.

The scene is that of `meshes`: y up, metres, the camera at the origin looks
along -z, and whoever faces it faces +z. Each person is a node with a skinned
mesh and the 63 joints below it; joints bear the rotations of the result as they
are (the pelvis's turned into this frame). The skin is the body model's own, of
four joints a vertex, so a viewer shows the vertices of the result.
"""

import io
import os
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from hund_tf.body import skeleton
from hund_tf.body.model import BodyModel
from hund_tf.export import rig
from hund_tf.export.gltf import TRIANGLES, VERTICES, GlbBuilder
from hund_tf.export.meshes import (
  CAMERA_TO_EXPORT,
  PERSON_COLORS,
  PersonMesh,
  linear_color,
  smooth_normals,
  split_seams,
)
from hund_tf.export.rig import Keys, RiggedPerson
from hund_tf.files import atomic_path
from hund_tf.types import EXPRESSION_DIM, Intrinsics

_PHOTO_SIDE = 1024  # pixels, at most, of the photo in the file
_HALF_STATURE = 1.0  # metres that nobody reaches behind the pelvis
_BEHIND = 0.5  # metres from the farthest person to the photo
NEAR = 0.05  # metres: the camera's near plane
_UNIT = 32767  # of a quaternion's int16 values


class View(NamedTuple):
  """The camera of a photo or video, and the picture to show behind people."""

  intrinsics: Intrinsics  # numpy fields [2], pixels
  width: int  # pixels
  height: int
  image: np.ndarray | None = None  # [height, width, 3] uint8 RGB


def write_rigged(
  path: str | os.PathLike,
  people: Sequence[RiggedPerson],
  body_model: BodyModel,
  view: View | None = None,
  animation: str = "motion",
) -> None:
  """Writes people with skin and bones, and their motions as one animation.

  Args:
    path: of the .glb file; replaced atomically.
    people: one or more.
    body_model: whose shapes and poses they have.
    view: adds the node `camera` and, with a picture, `photo`: the picture
      behind the people, where it covers exactly what the camera sees.
    animation: its name, if anybody has keys.

  Raises:
    ValueError: if there is nobody, or an array is not usable.
    OutputError: if the file cannot be written.
  """
  data = rigged_glb(people, body_model, view, animation, str(path))
  with atomic_path(path) as temporary:
    temporary.write_bytes(data)


def rigged_glb(
  people: Sequence[RiggedPerson],
  body_model: BodyModel,
  view: View | None = None,
  animation: str = "motion",
  name: str = "rigged people",
) -> bytes:
  """The bytes of what `write_rigged` writes; `name` begins its errors."""
  rig.check(name, people)
  glb = GlbBuilder()
  skin = _Skin(glb, body_model)
  roots, moved = [], []
  for i, person in enumerate(people):
    root, joints, mesh = _add_person(glb, skin, person, i)
    roots.append(root)
    if person.keys is not None:
      moved.append((person.keys, joints, mesh))
  if moved:
    tracks = _Tracks(glb)
    for keys, joints, mesh in moved:
      tracks.add(keys, joints, mesh)
    glb.add("animations", name=animation, **tracks.fields)
  if view is not None:
    roots += _add_view(glb, view, people)
  glb.tree["scene"] = glb.add("scenes", nodes=roots)
  return glb.data()


class _Skin:
  """What all people share: triangles, skin weights, textures, expressions."""

  def __init__(self, glb: GlbBuilder, body_model: BodyModel):
    asset = body_model.asset
    self.body_model = body_model
    self.faces = body_model.faces()
    mesh = PersonMesh(asset.template, self.faces, None, *body_model.uv())
    corners, self.source, uvs = split_seams(mesh)
    self.indices = glb.array(corners.astype(np.uint16).ravel(), TRIANGLES)
    weights = asset.skin_weights[self.source].astype(np.uint16)
    joints = np.where(weights > 0, asset.skin_joints[self.source], 0)
    self.attributes = {
      # glTF has the origin of textures at their top left.
      "TEXCOORD_0": glb.array(
        (np.array([0, 1]) + np.array([1, -1]) * uvs).astype(np.float32),
        VERTICES,
      ),
      "JOINTS_0": glb.array(joints.astype(np.uint8), VERTICES),
      "WEIGHTS_0": glb.array(weights, VERTICES, normalized=True),
    }
    row_of = np.full(len(asset.template), -1)
    row_of[asset.expression_ids] = np.arange(len(asset.expression_ids))
    rows = np.flatnonzero(row_of[self.source] >= 0)
    basis = asset.expression_basis[:, row_of[self.source[rows]]]
    view = glb.view(rows.astype(np.uint16).tobytes())
    self.targets = [
      {"POSITION": glb.sparse(view, moved.astype(np.float32), len(self.source))}
      for moved in basis
    ]


def _add_person(
  glb: GlbBuilder, skin: _Skin, person: RiggedPerson, number: int
) -> tuple[int, list[int], int]:
  """Adds a person; returns the indices of its node, joints and mesh node."""
  name = person.name or f"person_{number}"
  color = person.color or PERSON_COLORS[number % len(PERSON_COLORS)]
  material = glb.add(
    "materials",
    name=name,
    pbrMetallicRoughness={
      "baseColorFactor": [*linear_color(color), 1.0],
      "metallicFactor": 0.0,
      "roughnessFactor": 0.7,
    },
  )
  shape = np.asarray(person.shape, np.float32)
  neutral = np.zeros((1, EXPRESSION_DIM), np.float32)
  rest = np.asarray(skin.body_model.rest_vertices(shape[None], neutral))[0]
  normals = smooth_normals(rest, skin.faces)
  primitive = {
    "attributes": {
      "POSITION": glb.array(
        rest[skin.source].astype(np.float32), VERTICES, bounds=True
      ),
      "NORMAL": glb.array(normals[skin.source].astype(np.float32), VERTICES),
      **skin.attributes,
    },
    "indices": skin.indices,
    "material": material,
    "targets": skin.targets,
  }
  names = [f"expression_{k}" for k in range(EXPRESSION_DIM)]
  mesh = glb.add(
    "meshes",
    name=name,
    primitives=[primitive],
    weights=np.asarray(person.expression, np.float64).tolist(),
    extras={"targetNames": names},
  )
  joints = _add_joints(glb, skin.body_model, person)
  matrices = rig.inverse_bind_matrices(skin.body_model, shape)
  columns = matrices.transpose(0, 2, 1).reshape(-1, 16).astype(np.float32)
  bound = glb.add(
    "skins",
    name=name,
    joints=joints,
    skeleton=joints[0],
    inverseBindMatrices=glb.array(columns),
  )
  body = glb.add("nodes", name=f"{name}_body", mesh=mesh, skin=bound)
  root = glb.add("nodes", name=name, children=[joints[0], body])
  return root, joints, body


def _add_joints(
  glb: GlbBuilder, body_model: BodyModel, person: RiggedPerson
) -> list[int]:
  """Adds the nodes of the 63 joints in their order."""
  pose = rig.placed(person.rotations[None], person.translation[None])
  places = rig.bones(body_model, person.shape[None])[0].astype(np.float64)
  places[0] = pose.translations[0]
  first = len(glb.tree.get("nodes", []))
  turns = rig.quaternions(pose.rotations)[0]
  for j, name in enumerate(skeleton.NAMES):
    below = [first + k for k, p in enumerate(skeleton.PARENTS) if p == j]
    glb.add(
      "nodes",
      name=name,
      translation=places[j].tolist(),
      rotation=turns[j].tolist(),
      children=below or None,
    )
  return list(range(first, first + len(skeleton.NAMES)))


class _Tracks:
  """The channels of an animation."""

  def __init__(self, glb: GlbBuilder):
    self._glb = glb
    self.fields: dict[str, list[dict[str, Any]]] = {
      "samplers": [],
      "channels": [],
    }

  def add(self, keys: Keys, joints: list[int], mesh: int) -> None:
    """Adds a person's motion; rotations are int16, within 0.004 degrees."""
    glb = self._glb
    times = glb.array(np.asarray(keys.times, np.float32), bounds=True)
    pose = rig.placed(keys.rotations, keys.translations)
    turns = np.round(rig.quaternions(pose.rotations) * _UNIT).astype(np.int16)
    for j, node in enumerate(joints):
      output = glb.array(turns[:, j], normalized=True)
      self._channel(times, output, node, "rotation")
      if keys.bones is not None and j:
        moved = np.asarray(keys.bones[:, j], np.float32)
        self._channel(times, glb.array(moved), node, "translation")
    moved = pose.translations.astype(np.float32)
    self._channel(times, glb.array(moved), joints[0], "translation")
    if keys.expressions is not None:
      values = np.asarray(keys.expressions, np.float32).ravel()
      self._channel(times, glb.array(values), mesh, "weights")

  def _channel(self, times: int, output: int, node: int, path: str) -> None:
    samplers = self.fields["samplers"]
    samplers.append(
      {"input": times, "output": output, "interpolation": "LINEAR"}
    )
    self.fields["channels"].append(
      {"sampler": len(samplers) - 1, "target": {"node": node, "path": path}}
    )


def _add_view(
  glb: GlbBuilder, view: View, people: Sequence[RiggedPerson]
) -> list[int]:
  """Adds the camera and the picture behind the people; returns their nodes."""
  focal = np.asarray(view.intrinsics.focal, np.float64)
  tangents = np.array([view.width, view.height]) / focal
  camera = glb.add(
    "cameras",
    name="camera",
    type="perspective",
    perspective={
      "yfov": float(2.0 * np.arctan(tangents[1] / 2.0)),
      "aspectRatio": float(tangents[0] / tangents[1]),
      "znear": NEAR,
    },
  )
  nodes = [glb.add("nodes", name="camera", camera=camera)]
  if view.image is not None:
    mesh = _add_photo(glb, view, view.image, behind(people))
    nodes.append(glb.add("nodes", name="photo", mesh=mesh))
  return nodes


def behind(people: Sequence[RiggedPerson]) -> float:
  """A depth behind all people, also in motion: where the picture is, metres."""
  places = [p.translation[None] for p in people]
  places += [p.keys.translations for p in people if p.keys is not None]
  pelvis = float(np.concatenate(places)[:, 2].max())
  return pelvis + _HALF_STATURE + _BEHIND


def _add_photo(
  glb: GlbBuilder, view: View, image: np.ndarray, depth: float
) -> int:
  """Adds the mesh of the picture, so deep in the scene; returns its index."""
  center = np.asarray(view.intrinsics.center, np.float64)
  focal = np.asarray(view.intrinsics.focal, np.float64)
  corners = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, 0.0]])
  rays = (corners * [view.width, view.height] - center) / focal
  places = np.column_stack([rays, np.ones(4)]) * depth @ CAMERA_TO_EXPORT
  picture = Image.fromarray(image)
  picture.thumbnail((_PHOTO_SIDE, _PHOTO_SIDE))
  buffer = io.BytesIO()
  picture.save(buffer, "JPEG", quality=85)
  source = glb.add(
    "images",
    name="photo",
    mimeType="image/jpeg",
    bufferView=glb.view(buffer.getvalue()),
  )
  edges = glb.add("samplers", wrapS=33071, wrapT=33071)  # clamped
  texture = glb.add("textures", source=source, sampler=edges)
  glb.tree["extensionsUsed"] = ["KHR_materials_unlit"]
  material = glb.add(
    "materials",
    name="photo",
    pbrMetallicRoughness={
      "baseColorTexture": {"index": texture},
      "metallicFactor": 0.0,
    },
    doubleSided=True,
    extensions={"KHR_materials_unlit": {}},
  )
  primitive = {
    "attributes": {
      "POSITION": glb.array(places.astype(np.float32), VERTICES, bounds=True),
      "TEXCOORD_0": glb.array(corners.astype(np.float32), VERTICES),
    },
    "indices": glb.array(np.array([0, 1, 2, 0, 2, 3], np.uint16), TRIANGLES),
    "material": material,
  }
  return glb.add("meshes", name="photo", primitives=[primitive])
