"""Draws the body's parts, shapes, poses and keypoints into docs/images.

python -m tools.draw_body_model [--output_dir=docs/images]
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from absl import app, flags
from PIL import Image

from flags import body_flags
from hund_tf.files import atomic_path
from hund_tf.visualization import body_pictures, keypoint_picture

_OUTPUT_DIR = flags.DEFINE_string(
  "output_dir", "docs/images", "Folder to write the four pictures to."
)


def main(argv: Sequence[str]) -> int:
  del argv
  folder = Path(_OUTPUT_DIR.value)
  try:
    folder.mkdir(parents=True, exist_ok=True)
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
  except OSError as error:
    print(f"draw_body_model: {error}", file=sys.stderr)
    return 1
  return 0


if __name__ == "__main__":
  app.run(main)
