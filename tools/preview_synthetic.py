"""Shows what the synthetic training examples look like and how fast they come.

  python -m tools.preview_synthetic --sheet=synthetic.png \\
    [--synthetic_mocap_dir=MOCAP] [--pose_file=poses.npz] [--detector_noise=1]

Each example is drawn as truth, detected keypoints (over their heatmaps) and
part maps; the subject's left is warm, the right cold.
"""

import dataclasses
import sys

import numpy as np
from absl import app, flags

from flags import body_flags, synthetic_flags
from hund_tf import files
from hund_tf.compat import tf
from hund_tf.synthetic import examples as synthetic
from hund_tf.visualization import example_sheet

_SHEET = flags.DEFINE_string("sheet", None, "PNG to write.", required=True)
_COUNT = flags.DEFINE_integer(
  "sheet_examples", 24, "Examples to draw.", lower_bound=1, upper_bound=400
)
_SEED = flags.DEFINE_integer("sheet_seed", 0, "Of the examples.")
_BATCH_SIZE = flags.DEFINE_integer(
  "timed_batch_size", 32, "Examples per timed batch.", lower_bound=1
)
_BATCHES = flags.DEFINE_integer(
  "timed_batches", 10, "Batches to time; 0 times none.", lower_bound=0
)


def main(argv: list[str]) -> int:
  if len(argv) > 1:
    raise app.UsageError(f"unexpected arguments {argv[1:]}")
  config = synthetic_flags.to_config()
  with tf.device("CPU:0"):
    body_model = body_flags.to_model()
  try:
    poses = synthetic_flags.to_poses(body_model.pose_prior)
    print(f"captured poses: {len(poses.up)}")
    examples = synthetic.SyntheticExamples(body_model, poses, config)
    batch = examples.example_batch(_SEED.value, 0, _COUNT.value)
    rows = [
      tf.nest.map_structure(lambda x, i=i: x[i : i + 1], batch)
      for i in range(_COUNT.value)
    ]
    sheet = example_sheet.example_sheet(
      rows, body_model.part_labels(config.mesh)
    )
    files.write_png(_SHEET.value, np.asarray(sheet))
  except (ValueError, OSError) as error:
    print(f"preview_synthetic: {error}", file=sys.stderr)
    return 1
  print(f"wrote {_SHEET.value}")
  for render in (True, False) if _BATCHES.value else ():
    variant = dataclasses.replace(config, render_parts=render)
    speed = synthetic.measure_throughput(
      synthetic.SyntheticExamples(body_model, poses, variant),
      _BATCH_SIZE.value,
      _BATCHES.value,
    )
    parts = "with" if render else "without"
    print(f"{speed:.0f} examples/s {parts} part maps")
  return 0


if __name__ == "__main__":
  app.run(main)
