"""Lets the detector look at the people of records, and keeps what it says.

  python -m tools.make_synthetic --output_dir=PHOTOS --num_images=24000 \\
    --image_shards=48 --image_size=256 --pose_file=poses.npz
  python -m tools.detect_records --looked_at_records=PHOTOS --output_dir=SEEN
  python -m tools.train_hund --run_dir=RUN --records=full:SEEN

The records of --output_dir hold the same people with the same truth, and what
the detector says of them in their boxes: keypoints with confidences, a mask and
3D landmarks. Started again after it was stopped, it goes on.
"""

import sys
from collections.abc import Sequence

from tqdm import tqdm

from flags import folder_flags, program
from flags.from_config import define
from hund_tf.datasets import detected_records
from hund_tf.datasets.conversion import summary
from hund_tf.datasets.detected_records import DetectConfig

_to_config = define(DetectConfig, "Detected records")


def main(argv: Sequence[str]) -> int:
  if len(argv) > 1:
    print(f"unknown arguments {argv[1:]}; see --help", file=sys.stderr)
    return 1
  try:
    config = _to_config()
    with tqdm(unit="shard", file=sys.stderr) as bar:

      def show(done: int, total: int) -> None:
        bar.total = total
        bar.update(done - bar.n)

      manifest, result = detected_records.detect(
        config, folder_flags.output_dir(), show
      )
  except (ValueError, OSError) as error:
    print(f"detect_records: {error}", file=sys.stderr)
    return 1
  print(summary.report_text(result))
  print(f"wrote {manifest.count} records to {folder_flags.output_dir()}")
  return 0


if __name__ == "__main__":
  program.run(main)
