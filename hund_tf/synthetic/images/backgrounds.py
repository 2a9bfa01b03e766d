"""What is behind people: procedural rooms and streets, or the user's photos."""

import glob
from pathlib import Path

import cv2
import numpy as np

from hund_tf.synthetic.images import colors

_SRGB = colors.to_linear(np.arange(256))  # linear value of each sRGB value


def find_photos(pattern: str) -> tuple[str, ...]:
  """Paths that match a glob, sorted.

  Raises:
    ValueError: if there is none.
  """
  paths = sorted(path for path in glob.glob(pattern) if Path(path).is_file())
  if not paths:
    raise ValueError(
      f"backgrounds {pattern!r}: no file matches; give a glob of photos "
      "without people, such as 'photos/*.jpg'"
    )
  return tuple(paths)


def photo_background(
  random: np.random.Generator, path: str, side: int
) -> np.ndarray:
  """A random square of a photo, [side, side, 3] float32 linear RGB.

  Raises:
    ValueError: if the file is not an image.
  """
  image = cv2.imread(path, cv2.IMREAD_COLOR)
  if image is None:
    raise ValueError(f"background {path}: cannot be read; give JPEG or PNG")
  height, width = image.shape[:2]
  extent = max(int(min(height, width) * random.uniform(0.4, 1.0)), 1)
  top = random.integers(0, height - extent + 1)
  left = random.integers(0, width - extent + 1)
  square = image[top : top + extent, left : left + extent, ::-1]
  square = cv2.resize(square, (side, side), interpolation=cv2.INTER_AREA)
  if random.random() < 0.5:
    square = square[:, ::-1]
  return _SRGB[square]


def procedural_background(
  random: np.random.Generator, side: int, intrinsics: np.ndarray, floor: float
) -> np.ndarray:
  """A wall or a view, a floor in perspective and clutter.

  Args:
    random: stream.
    side: pixels.
    intrinsics: [4] fx, fy, cx, cy, pixels.
    floor: y of the floor, metres, camera frame.

  Returns:
    [side, side, 3] float32 linear RGB.
  """
  image = _wall(random, side)
  _clutter(random, image, int(random.integers(0, 25)))
  _floor(random, image, intrinsics, floor)
  if random.random() < 0.5:
    _clutter(random, image, int(random.integers(0, 8)))
  blur = random.choice([0.0, random.uniform(0.5, max(side / 60, 0.6))])
  if blur > 0.0:
    image = cv2.GaussianBlur(image, (0, 0), blur)
  return _SRGB[np.clip(image, 0, 255).astype(np.uint8)]


def _rgb(random: np.random.Generator) -> np.ndarray:
  """A colour in sRGB [0, 255], often greyish."""
  grey = random.uniform(20.0, 245.0)
  return np.clip(grey + random.normal(0, random.uniform(5, 70), 3), 0, 255)


def _noise(
  random: np.random.Generator, side: int, cells: int, channels: int = 1
) -> np.ndarray:
  """Smooth noise of zero mean and unit deviation, [side, side, channels]."""
  grid = random.standard_normal((cells, cells, channels)).astype(np.float32)
  large = cv2.resize(grid, (side, side), interpolation=cv2.INTER_CUBIC)
  return large.reshape(side, side, channels)


def _wall(random: np.random.Generator, side: int) -> np.ndarray:
  """A gradient with stains, foliage or both, sRGB [0, 255] float32."""
  start, end = _rgb(random), _rgb(random)
  if random.random() < 0.5:
    end = start * random.uniform(0.7, 1.2)
  share = np.linspace(0.0, 1.0, side, dtype=np.float32)[:, None, None]
  if random.random() < 0.3:
    share = share.transpose(1, 0, 2)
  image = ((1 - share) * start + share * end).astype(np.float32)
  image = np.broadcast_to(image, (side, side, 3)).copy()
  strong = random.random() < 0.4  # foliage, crowds, rubble
  for cells in (4, 10, 28, 80):
    amount = random.uniform(0.0, 28.0 if strong else 8.0)
    image += amount * _noise(random, side, cells, 3 if strong else 1)
  return image


def _clutter(
  random: np.random.Generator, image: np.ndarray, count: int
) -> None:
  """Draws windows, furniture, poles, signs and blobs."""
  side = len(image)
  for _ in range(count):
    color = _rgb(random).tolist()
    center = random.uniform(-0.1, 1.1, 2) * side
    extent = side * np.exp(random.uniform(np.log(0.02), np.log(0.5), 2))
    low = tuple((center - extent / 2).astype(int).tolist())
    high = tuple((center + extent / 2).astype(int).tolist())
    kind = random.integers(6)
    if kind <= 1:
      cv2.rectangle(image, low, high, color, -1)
      if random.random() < 0.5:
        cv2.rectangle(image, low, high, _rgb(random).tolist(), 2)
    elif kind == 2:
      ends = (random.uniform(-0.2, 1.2, (2, 2)) * side).astype(int).tolist()
      wide = int(random.integers(1, max(side // 25, 2)))
      cv2.line(image, *map(tuple, ends), color, wide, cv2.LINE_AA)
    elif kind == 3:
      axes = tuple((extent / 2).astype(int).tolist())
      turn = random.uniform(0, 180)
      middle = tuple(center.astype(int).tolist())
      cv2.ellipse(image, middle, axes, turn, 0, 360, color, -1, cv2.LINE_AA)
    elif kind == 4:
      points = center + random.normal(0, 0.4, (5, 2)) * extent
      cv2.fillPoly(image, [points.astype(np.int32)], color, cv2.LINE_AA)
    else:
      _grid(random, image, low, high, color)


def _grid(random, image, low, high, color) -> None:
  """Rows and columns of windows, shelves, keys or tiles."""
  columns, rows = random.integers(2, 8, 2)
  width, height = (high[0] - low[0]) / columns, (high[1] - low[1]) / rows
  share = random.uniform(0.4, 0.9)
  for row in range(rows):
    for column in range(columns):
      x, y = low[0] + column * width, low[1] + row * height
      corner = int(x + share * width), int(y + share * height)
      cv2.rectangle(image, (int(x), int(y)), corner, color, -1)


def _floor(
  random: np.random.Generator,
  image: np.ndarray,
  intrinsics: np.ndarray,
  floor: float,
) -> None:
  """Draws a level floor below the horizon, with a pattern in perspective."""
  side = len(image)
  fx, fy, cx, cy = intrinsics
  reach = random.uniform(4.0, 40.0)  # metres to where the wall stands
  horizon = cy + fy * max(floor, 0.05) / reach
  first = int(np.clip(np.ceil(horizon), 0, side))
  if first >= side or random.random() < 0.12:
    return
  rows = np.arange(first, side, dtype=np.float32)[:, None] + 0.5
  depth = fy * max(floor, 0.05) / np.maximum(rows - cy, 1e-3)
  x = (np.arange(side, dtype=np.float32) + 0.5 - cx) / fx * depth
  tile = random.uniform(0.15, 1.2)
  u = (x + random.uniform(0, 9)) / tile
  v = np.broadcast_to((depth + random.uniform(0, 9)) / tile, u.shape)
  kind = random.choice(["plain", "checks", "planks", "tiles"])
  color, second = _rgb(random), _rgb(random)
  if kind == "checks":
    share = (np.floor(u) + np.floor(v)) % 2
  elif kind == "planks":
    share = np.abs(np.sin(np.floor(3 * u) * 12.9898)) * 0.4
  elif kind == "tiles":
    share = ((u % 1 < 0.05) | (v % 1 < 0.05)).astype(np.float32)
  else:
    share = np.zeros_like(u)
  fade = np.exp(-depth / random.uniform(5.0, 30.0))
  share = (share * fade)[..., None].astype(np.float32)
  ground = (1 - share) * color + share * second
  for cells in (8, 60):
    noise = _noise(random, side, cells)[first:]
    ground += random.uniform(0.0, 14.0) * noise
  image[first:] = ground
