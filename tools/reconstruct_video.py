"""Reconstructs the people of a video in 3D.

  python -m tools.reconstruct_video --output_dir=results clip.mp4

It does what `hund video` does: see docs/guide/video.md. It exits with 1 if the
video cannot be used.
"""

import sys
from collections.abc import Sequence

from flags import program
from flags.from_config import define
from hund_tf.cli import video

_to_config = define(video.VideoConfig, "Video")


def main(argv: Sequence[str]) -> int:
  if len(argv) > 2:
    print(f"video: got {len(argv) - 1} videos, expected one", file=sys.stderr)
    return 1
  given = {"clip": argv[1]} if len(argv) == 2 else {}
  try:
    config = _to_config(**given)
  except ValueError as error:
    print(f"video: {error}", file=sys.stderr)
    return 1
  return video.run(config)


if __name__ == "__main__":
  program.run(main)
