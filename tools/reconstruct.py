"""Reconstructs the people of photos in 3D.

  python -m tools.reconstruct --output_dir=results photo.jpg ...

For each photo NAME.* it writes, as --save asks, NAME_overlay.png,
NAME_views.png, NAME_stages.png, NAME_parts.png, NAME_descent.gif, NAME.glb,
NAME.obj, NAME_rigged.glb, NAME_descent.glb, NAME.html, NAME.usdc,
NAME_descent.usdc, NAME_smplx.npz, NAME_0.bvh ... and NAME.json (see
docs/guide/outputs.md). They replace the results that were there before as a
whole; results.jsonl records what was made of which photo.
--skip_existing goes on where a run was stopped.
It exits with 1 if a photo failed; the other photos are done all the same.
"""

import sys
from collections.abc import Sequence

from flags import photo_flags, program
from flags.from_config import define
from hund_tf.cli import reconstruct

to_config = define(reconstruct.ReconstructConfig, "Reconstruction")


def main(argv: Sequence[str]) -> int:
  try:
    config = to_config(photos=photo_flags.to_config(argv[1:]))
  except ValueError as error:
    print(f"reconstruct: {error}", file=sys.stderr)
    return 1
  return reconstruct.run(config)


if __name__ == "__main__":
  program.run(main)
