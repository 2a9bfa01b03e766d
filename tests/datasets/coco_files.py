"""Small datasets in COCO's format, made by tests.

On the photos every joint is a disc, red for the subject's left, blue for the
right and green for the nose, so that a record's pixels tell whether its
keypoints lie where they should.
"""

import json
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from hund_tf.body.keypoints import COCO_NAMES

SIZE = (330, 250)  # width, height of the photos
COLORS = {"l": (255, 0, 0), "r": (0, 0, 255), "n": (0, 255, 0)}
_RADIUS = 4


def person(number: int, image_id: int, **extra) -> dict:
  """An annotated person; all joints are seen."""
  rng = np.random.default_rng(number)
  left, top = rng.uniform([5, 5], [30, 60])
  left += 160 * (number % 2)  # beside the next one
  grid = np.stack(np.meshgrid(np.arange(5), np.arange(4)), -1).reshape(-1, 2)
  points = np.ones((17, 3)) * 2
  order = rng.permutation(20)[:17]
  points[:, :2] = grid[order] * [26, 40] + [left + 12.3, top + 14.6]
  return {
    "id": number,
    "image_id": image_id,
    "category_id": 1,
    "iscrowd": 0,
    "num_keypoints": 17,
    "bbox": [left, top, 128.4, 150.2],
    "keypoints": points.ravel().tolist(),
  } | extra


def draw_photo(path: Path, people: list[dict]) -> None:
  """Writes the photo of some people."""
  image = Image.new("RGB", SIZE, (120, 120, 120))
  draw = ImageDraw.Draw(image)
  for row in people:
    points = np.reshape(row["keypoints"], (17, 3))
    for name, (x, y, _) in zip(COCO_NAMES, points, strict=True):
      # Pillow draws pixel (i, j) for the point (i + 0.5, j + 0.5).
      x, y = x - 0.5, y - 0.5
      box = [x - _RADIUS, y - _RADIUS, x + _RADIUS, y + _RADIUS]
      draw.ellipse(box, COLORS[name[0]])
  image.save(path, quality=95, subsampling=0)


def write(folder: Path, people: list[dict], split: str = "val") -> Path:
  """Writes annotations and photos as COCO 2017 lays them out.

  Returns:
    The annotation file.
  """
  photos = folder / f"{split}2017"
  photos.mkdir(parents=True, exist_ok=True)
  (folder / "annotations").mkdir(exist_ok=True)
  numbers = sorted({row["image_id"] for row in people})
  images = []
  for number in numbers:
    name = f"{number:012d}.jpg"
    draw_photo(
      photos / name, [row for row in people if row["image_id"] == number]
    )
    images.append(
      {"id": number, "file_name": name, "width": SIZE[0], "height": SIZE[1]}
    )
  path = folder / "annotations" / f"person_keypoints_{split}2017.json"
  path.write_text(json.dumps({"images": images, "annotations": people}))
  return path
