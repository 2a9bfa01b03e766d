"""Draws the body's parts, shapes, poses, faces and hands into docs/images.

python -m tools.draw_body_model [--picture_dir=docs/images]
"""

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from flags import body_flags, program
from flags.from_config import define
from hund_tf import locks
from hund_tf.files import atomic_path
from hund_tf.options import option
from hund_tf.visualization import (
  body_pictures,
  gesture_sheet,
  keypoint_picture,
)


@dataclasses.dataclass(frozen=True)
class _Pictures:
  """Where the pictures go."""

  folder: str = option(
    "docs/images", "Folder to write the pictures to.", name="picture_dir"
  )


_to_config = define(_Pictures, "Pictures")


def _draw(folder: Path) -> None:
  model = body_flags.to_model()
  for name, draw in (
    ("body_parts", body_pictures.parts_picture),
    ("body_shapes", body_pictures.shapes_picture),
    ("body_poses", body_pictures.poses_picture),
    ("keypoints", keypoint_picture.keypoints_picture),
  ):
    image = Image.fromarray(draw(model)).quantize(256)
    with atomic_path(folder / f"{name}.png") as temporary:
      image.save(temporary, optimize=True)
    print(folder / f"{name}.png")
  for name, draw in (
    ("expressions", gesture_sheet.expressions_picture),
    ("gestures", gesture_sheet.gestures_picture),
  ):
    with atomic_path(folder / f"{name}.jpg") as temporary:
      Image.fromarray(draw(model)).save(temporary, "JPEG", quality=88)
    print(folder / f"{name}.jpg")


def main(argv: Sequence[str]) -> int:
  del argv
  folder = Path(_to_config().folder)
  try:
    with locks.only_writer(folder):
      _draw(folder)
  except (ValueError, OSError) as error:
    print(f"draw_body_model: {error}", file=sys.stderr)
    return 1
  return 0


if __name__ == "__main__":
  program.run(main)
