"""Shows what the synthetic training examples look like and how fast they come.

  python -m tools.preview_synthetic --sheet=synthetic.png \\
    [--synthetic_mocap_dir=MOCAP] [--pose_file=poses.npz] [--detector_noise=1]

Each example is drawn as truth, detected keypoints (over their heatmaps) and
part maps; the subject's left is warm, the right cold. `--sheet_pose_sets` draws
people of the named sets of poses instead (docs/pose_sets.md).
"""

import dataclasses
import sys

import numpy as np
from absl import app

from flags import body_flags, program, synthetic_flags
from flags.from_config import define
from hund_tf import files
from hund_tf.compat import tf
from hund_tf.options import check, option
from hund_tf.synthetic import examples as synthetic
from hund_tf.synthetic.pose_sets import PoseSets
from hund_tf.visualization import example_sheet, pose_set_sheet
from hund_tf.visualization.sheet_config import SheetConfig


@dataclasses.dataclass(frozen=True)
class _Preview(SheetConfig):
  """A sheet of examples, and a measurement of their speed."""

  seed: int = option(0, "Seed of the examples.", name="sheet_seed")
  sheet_pose_sets: int = option(
    0,
    "People of each named set of poses to draw, as bodies; 0 draws examples.",
    low=0,
  )
  batch_size: int = option(
    32, "Examples of a timed batch.", name="timed_batch_size", low=1
  )
  batches: int = option(
    10, "Number of batches to time; 0 times none.", name="timed_batches", low=0
  )

  def __post_init__(self):
    check(self)


_to_preview = define(_Preview, "Preview")


def main(argv: list[str]) -> int:
  if len(argv) > 1:
    raise app.UsageError(f"unexpected arguments {argv[1:]}")
  preview, config = _to_preview(), synthetic_flags.to_config()
  with tf.device("CPU:0"):
    body_model = body_flags.to_model()
  try:
    if preview.sheet_pose_sets:
      sets = PoseSets(body_model, held_out=True)
      picture = pose_set_sheet.draw(
        body_model, sets, preview.sheet_pose_sets, preview.seed
      )
      files.write_png(preview.sheet, picture)
      print(f"wrote {preview.sheet}")
      return 0
    poses = synthetic_flags.to_poses(body_model.pose_prior)
    print(f"captured poses: {len(poses.up)}")
    examples = synthetic.SyntheticExamples(body_model, poses, config)
    batch = examples.example_batch(preview.seed, 0, preview.sheet_examples)
    rows = [
      tf.nest.map_structure(lambda x, i=i: x[i : i + 1], batch)
      for i in range(preview.sheet_examples)
    ]
    sheet = example_sheet.example_sheet(
      rows, body_model.part_labels(config.mesh)
    )
    files.write_png(preview.sheet, np.asarray(sheet))
  except (ValueError, OSError) as error:
    print(f"preview_synthetic: {error}", file=sys.stderr)
    return 1
  print(f"wrote {preview.sheet}")
  for render in (True, False) if preview.batches else ():
    variant = dataclasses.replace(config, render_parts=render)
    speed = synthetic.measure_throughput(
      synthetic.SyntheticExamples(body_model, poses, variant),
      preview.batch_size,
      preview.batches,
    )
    parts = "with" if render else "without"
    print(f"{speed:.0f} examples/s {parts} part maps")
  return 0


if __name__ == "__main__":
  program.run(main)
