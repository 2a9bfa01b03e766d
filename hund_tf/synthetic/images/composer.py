"""One image: people, clothes, things, light and camera, with exact labels."""

import dataclasses
from typing import NamedTuple

import cv2
import numpy as np

from hund_tf.options import option
from hund_tf.records.schema import UNKNOWN_PART, PersonRecord
from hund_tf.rendering import deferred, shadows
from hund_tf.rendering.surfaces import Surface, join
from hund_tf.rendering.zbuffer import draw_faces, vertex_normals
from hund_tf.synthetic.images import (
  backgrounds,
  camera_effects,
  labels,
  placement,
  props,
  skirts,
)
from hund_tf.synthetic.images.appearance import sample_appearance
from hund_tf.synthetic.images.body_surface import BodySurface
from hund_tf.synthetic.images.camera_effects import CameraConfig
from hund_tf.synthetic.images.people import Person
from hund_tf.types import NUM_PARTS

DATASET = "synthetic_images"
_MIN_SEEN = 5  # body keypoints that must be seen, else nothing hides the person


@dataclasses.dataclass(frozen=True)
class ImageConfig:
  """What is in the images; shares are in [0, 1]."""

  side: int = option(
    480, "Side of the images, pixels.", name="image_size", low=32, high=2048
  )
  margin: float = 1.3  # side of the image, larger sides of the person's box
  companions: float = option(
    0.25, "Share of images with 1 to 3 other people.", low=0.0, high=1.0
  )
  occluders: float = option(
    0.3,
    "Share of images with things in front of the person.",
    low=0.0,
    high=1.0,
  )
  furniture: float = 0.5  # share with things around the person
  camera: CameraConfig = CameraConfig()

  def __post_init__(self):
    if self.side < 32:
      raise ValueError(f"side: {self.side} pixels, expected at least 32")


class _Cast(NamedTuple):
  """All surfaces of an image; the person's come first."""

  surfaces: list[Surface]
  parts: np.ndarray  # [V] of all vertices, 0 but for the person
  own: int  # number of the person's surfaces


class Composer:
  """Makes images of posed people."""

  def __init__(
    self,
    body: BodySurface,
    mesh_ids: np.ndarray,
    config: ImageConfig,
    photos: tuple[str, ...] = (),
  ):
    """Prepares the composer.

    Args:
      body: fields of the body.
      mesh_ids: vertices of `schema.MESH` in the full mesh.
      config: what is in the images.
      photos: paths of background photos; none: all are procedural.
    """
    self._body = body
    self._mesh_ids = mesh_ids
    self._config = config
    self._photos = photos

  def compose(
    self,
    random: np.random.Generator,
    people: list[Person],
    index: int,
    key: str,
    frame: int,
  ) -> PersonRecord:
    """The image of `people[index]`; the others may keep them company.

    Raises:
      ValueError: if a background photo cannot be read.
    """
    person = people[index]
    region = placement.find_region(
      person, self._config.side, self._config.margin
    )
    start = random.bit_generator.state
    for crowded in (True, False):
      random.bit_generator.state = start
      cast = self._cast(random, people, index, region, crowded)
      scene = join(cast.surfaces)
      side = self._config.side
      samples = placement.project(scene.vertices, 2.0 * region.intrinsics)
      seen = draw_faces(samples, scene.faces, 2 * side, 2 * side)
      keypoints = placement.project(person.keypoints, region.intrinsics)
      visible = labels.visible_keypoints(
        seen, scene.face_surface < cast.own, keypoints, self._body.tolerances
      )
      visible &= placement.in_photo(keypoints, region)
      if visible[:25].sum() >= _MIN_SEEN:
        break
    picture = self._picture(random, scene, seen, person, region)
    part_labels = labels.part_map(seen, scene.faces, cast.parts)
    part_labels[~placement.photo_mask(region, side)] = UNKNOWN_PART
    record = PersonRecord(key, DATASET, frame=frame, image=picture)
    return self._labelled(
      record, person, region, keypoints, visible, part_labels
    )

  def _cast(self, random, people, index, region, crowded) -> _Cast:
    """Surfaces of everybody and everything."""
    config, person = self._config, people[index]
    surfaces, vertex_parts = self._dressed(random, person, person.vertices)
    own = len(surfaces)
    there = person.boxes[np.isfinite(person.boxes).all(axis=(1, 2))]
    surfaces += [props.box_of(random, corners) for corners in there]
    company = random.random() < config.companions
    if company:
      for _ in range(random.choice([1, 2, 3], p=[0.6, 0.3, 0.1])):
        other = people[(index + random.integers(1, len(people))) % len(people)]
        moved = placement.beside(random, person, other, crowded)
        surfaces += self._dressed(random, other, moved)[0]
    if random.random() < config.furniture:
      for _ in range(random.integers(1, 5)):
        surfaces.append(placement.furniture(random, person, region))
    if crowded and random.random() < config.occluders:
      for _ in range(random.choice([1, 2], p=[0.7, 0.3])):
        surfaces.append(placement.occluder(random, person, region))
    count = sum(len(surface.vertices) for surface in surfaces)
    padded = np.zeros(count, np.uint8)
    padded[: len(vertex_parts)] = vertex_parts
    return _Cast(surfaces, padded, own)

  def _dressed(self, random, person, vertices):
    """Surfaces of a person, and the parts of their vertices."""
    body = self._body
    looks = sample_appearance(random, body)
    normals = vertex_normals(vertices, body.faces)
    worn = vertices + looks.offset[:, None] * normals
    surfaces = [
      Surface(
        worn,
        body.faces,
        vertex_normals(worn, body.faces),
        body.rest,
        looks.layers,
        looks.materials,
      )
    ]
    vertex_parts = body.parts
    if looks.skirt is not None:
      skirt, more = skirts.make_skirt(body, looks.skirt, person.rest, vertices)
      surfaces.append(skirt)
      vertex_parts = np.concatenate([vertex_parts, more])
    return surfaces, vertex_parts

  def _picture(self, random, scene, seen, person, region) -> np.ndarray:
    """The photo, black beyond its border; [side, side, 3] uint8."""
    side = self._config.side
    floor = float(person.vertices[:, 1].max())
    if self._photos:
      path = self._photos[random.integers(len(self._photos))]
      behind = backgrounds.photo_background(random, path, side)
    else:
      behind = backgrounds.procedural_background(
        random, side, region.intrinsics, floor
      )
    lighting = placement.sample_lighting(random)
    if random.random() < 0.7:
      shadow = shadows.floor_shadow(
        scene, region.intrinsics, lighting.direction, floor, side, side
      )
      soft = cv2.GaussianBlur(shadow.astype(np.float32), (0, 0), side / 160)
      below = (np.arange(side) > region.intrinsics[3])[:, None]
      dark = 0.7 * lighting.shadow * soft * below
      behind = behind * (1.0 - dark[..., None])
    linear = deferred.shade(seen, scene, region.intrinsics, lighting, behind)
    picture = camera_effects.develop(random, linear, self._config.camera)
    picture[~placement.photo_mask(region, side)] = 0
    return camera_effects.encode_jpeg(random, picture, self._config.camera)

  def _labelled(
    self, record, person, region, keypoints, visible, part_labels
  ) -> PersonRecord:
    """The record with everything that is known of the person."""
    weight = placement.in_photo(keypoints, region)[:, None]
    annotated = np.hstack([keypoints[:, :2], np.ones_like(weight)])
    return record._replace(
      image_size=np.array([self._config.side] * 2, np.float32),
      photo_box=region.box,
      intrinsics=region.intrinsics,
      intrinsics_weight=1.0,
      box=region.person,
      keypoints=np.where(weight, annotated, 0.0),
      visibility=visible,
      part_labels=labels.encode_png(part_labels),
      part_weights=np.ones(NUM_PARTS + 1),
      state=person.state,
      state_weight=1.0,
      body_joints=person.joints,
      vertices=person.vertices[self._mesh_ids],
    )
