"""Makes photo-like images of people with exact labels, as sharded TFRecords.

  python -m tools.make_synthetic --output_dir=IMAGES --num_images=10000 \\
    --image_shards=16 --image_workers=8 --synthetic_mocap_dir=MOCAP \\
    [--image_split=validation] [--image_size=480] \\
    [--background_glob='PHOTOS/*.jpg']

A run that was cut off goes on from the shards that are done.
"""

import contextlib
import sys
import time

import numpy as np
from absl import app

from flags import program, synthetic_image_flags
from hund_tf import files
from hund_tf.motion.bvh import MotionError
from hund_tf.records import shards
from hund_tf.synthetic.images import dataset
from hund_tf.visualization import contact_sheet


def make(run: synthetic_image_flags.ImagesConfig) -> None:
  """Makes the images that are not there yet, and the contact sheet."""
  dataset.use_one_thread()
  folder = files.prepare_output_dir(run.output_dir)
  config = synthetic_image_flags.to_config()
  poses = synthetic_image_flags.to_poses()
  print(f"captured poses: {len(poses.up)}", flush=True)
  start, images, cpu, done = time.perf_counter(), 0, 0.0, 0
  results = dataset.make_dataset(folder, poses, config, run.workers)
  with contextlib.closing(results):
    for result in results:
      if isinstance(result, shards.Manifest):
        manifest = result
        continue
      done += 1
      state = "was there"
      if result.cpu_seconds > 0.0:
        images, cpu = images + result.info.count, cpu + result.cpu_seconds
        seconds = time.perf_counter() - start
        state = f"{images / seconds:.1f} images/s, {images / cpu:.1f} per core"
      print(
        f"{result.info.file} ({done}/{config.num_shards}): {state}", flush=True
      )
  print(f"{manifest.count} images in {folder}")
  if run.sheet_images:
    path = folder / "contact_sheet.png"
    records = contact_sheet.sample_records(manifest, run.sheet_images)
    sheet = contact_sheet.contact_sheet(records)
    files.write_png(path, np.asarray(sheet))
    print(f"wrote {path}")


def main(argv: list[str]) -> int:
  if len(argv) > 1:
    raise app.UsageError(f"unexpected arguments {argv[1:]}")
  try:
    make(synthetic_image_flags.to_run_config())
  except (ValueError, OSError, MotionError) as error:
    print(f"make_synthetic: {error}", file=sys.stderr)
    return 1
  return 0


if __name__ == "__main__":
  program.run(main)
