"""Where everything is: the image's region, companions, things and light."""

from typing import NamedTuple

import numpy as np

from hund_tf.rendering.deferred import Lighting
from hund_tf.rendering.surfaces import Surface
from hund_tf.synthetic.images import props
from hund_tf.synthetic.images.people import Person

_NEAREST = 0.4  # metres to the nearest point of companions
_MIN_SIDE = 16.0  # photo pixels


class Region(NamedTuple):
  """The square of a photo that becomes the image."""

  box: np.ndarray  # [4] left, top, side, side, photo pixels
  intrinsics: np.ndarray  # [4] fx, fy, cx, cy of the image, pixels
  person: np.ndarray  # [4] left, top, width, height, image pixels
  photo: np.ndarray  # [4] left, top, right, bottom of what the image shows of
  # the photo, image pixels


def project(points: np.ndarray, intrinsics: np.ndarray) -> np.ndarray:
  """x, y in pixels and the depth of points [N, 3], metres, camera frame."""
  intrinsics = np.asarray(intrinsics, points.dtype)
  depth = points[:, 2:]
  xy = points[:, :2] / np.maximum(depth, 1e-3)
  return np.hstack([xy * intrinsics[:2] + intrinsics[2:], depth])


def find_region(person: Person, side: int, margin: float) -> Region:
  """The square around what the photo shows of a person.

  Args:
    person: in his photo.
    side: of the image, pixels.
    margin: side of the square, larger sides of the person's box.
  """
  outline = project(person.vertices, person.intrinsics)[:, :2]
  outline = np.clip(outline, 0.0, person.photo_size)
  low, high = outline.min(axis=0), outline.max(axis=0)
  extent = max(margin * float((high - low).max()), _MIN_SIDE)
  corner = (low + high - extent) / 2.0
  zoom = side / extent
  center = (person.intrinsics[2:] - corner) * zoom
  return Region(
    box=np.array([*corner, extent, extent]),
    intrinsics=np.concatenate([person.intrinsics[:2] * zoom, center]),
    person=np.concatenate([(low - corner) * zoom, (high - low) * zoom]),
    photo=np.clip(
      np.concatenate([-corner, person.photo_size - corner]) * zoom, 0.0, side
    ),
  )


def in_photo(points: np.ndarray, region: Region) -> np.ndarray:
  """Whether points [N, 2 or 3] in image pixels are in image and photo: [N]."""
  inside = (points[:, :2] >= region.photo[:2]) & (
    points[:, :2] < region.photo[2:]
  )
  return inside.all(axis=1)


def photo_mask(region: Region, side: int) -> np.ndarray:
  """Pixels whose centre lies inside the photo, [side, side] bool."""
  center = np.arange(side) + 0.5
  left, top, right, bottom = region.photo
  columns = (center >= left) & (center < right)
  rows = (center >= top) & (center < bottom)
  return rows[:, None] & columns


def beside(
  random: np.random.Generator, person: Person, other: Person, in_front: bool
) -> np.ndarray:
  """Vertices [V, 3] of another person who stands near the first.

  Both stand on the same floor; the other may be nearer to the camera, and in
  the way, if `in_front`.
  """
  own, vertices = person.vertices, other.vertices.copy()
  low, high = own.min(axis=0), own.max(axis=0)
  middle = (low + high) / 2.0
  distance = middle[2] * np.exp(random.uniform(-0.35 if in_front else 0.1, 0.8))
  width = max(high[0] - low[0], 0.5)
  shift = random.choice([-1.0, 1.0]) * random.uniform(0.4, 1.5) * width
  target = np.array([middle[0] * distance / middle[2] + shift, 0.0, distance])
  center = (vertices.min(axis=0) + vertices.max(axis=0)) / 2.0
  vertices += (target - center).astype(np.float32)
  vertices[:, 1] += high[1] - vertices[:, 1].max()
  nearest = vertices[:, 2].min()
  vertices[:, 2] += max(_NEAREST - nearest, 0.0)
  return vertices


def furniture(
  random: np.random.Generator, person: Person, region: Region
) -> Surface:
  """A thing on the floor or in the air, behind or beside the person."""
  high = person.vertices.max(axis=0)
  depth = high[2] + random.exponential(1.5) + 0.3
  scale = depth / region.intrinsics[0]
  pixel = random.uniform(-0.1, 1.1, 2) * 2 * region.intrinsics[2]
  size = random.uniform(0.25, 1.3)
  x = (pixel[0] - region.intrinsics[2]) * scale
  y = (pixel[1] - region.intrinsics[3]) * scale
  standing = random.random() < 0.7
  if standing:
    y = high[1] - size / 2
  center = np.array([x, y, depth])
  return props.sample_prop(random, center, size, upright=standing)


def occluder(
  random: np.random.Generator, person: Person, region: Region
) -> Surface:
  """A thing between the camera and a part of the person."""
  vertices = person.vertices
  depth = vertices[:, 2].min() * random.uniform(0.5, 0.9)
  scale = depth / region.intrinsics[0]
  left, top, width, height = region.person
  pixel = np.array([left, top]) + random.uniform(0.0, 1.0, 2) * (width, height)
  if random.random() < 0.5:  # a table, a counter, a plant
    pixel[1] = top + height * random.uniform(0.6, 1.1)
  size = max(width, height) * random.uniform(0.15, 0.5) * scale
  x, y = (pixel - region.intrinsics[2:]) * scale
  center = np.array([x, y, depth])
  return props.sample_prop(random, center, min(size, depth))


def sample_lighting(random: np.random.Generator) -> Lighting:
  """A lamp, the sun or a grey day, from above."""
  around = random.uniform(0, 2 * np.pi)
  height = np.arcsin(random.uniform(0.25, 0.95))
  direction = np.array(
    [
      np.cos(height) * np.cos(around),
      -np.sin(height),
      np.cos(height) * np.sin(around),
    ]
  )
  if random.random() < 0.7:  # mostly from the side of the camera
    direction[2] = -abs(direction[2])
  warm = random.normal(0.0, 0.12)
  tint = np.exp(np.array([warm, 0.0, -warm]))
  key = random.uniform(0.2, 1.6)
  sky = random.uniform(0.25, 0.7)
  return Lighting(
    direction=direction,
    color=key * tint,
    sky=sky * np.exp(random.normal(0, 0.06, 3)),
    ground=sky * random.uniform(0.3, 0.9) * np.exp(random.normal(0, 0.06, 3)),
    shadow=random.uniform(0.5, 1.0),
  )
