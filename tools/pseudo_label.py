"""Makes person records of photos without labels, to train on.

  python -m tools.pseudo_label --images=PHOTOS --output_dir=RECORDS
  python -m tools.train_hund --flagfile=flags/paper/ss.flags --run_dir=RUN \\
    --records=self:RECORDS

The landmark detector gives keypoints and masks; the camera is that of
--intrinsics, --focal_px or --fov_degrees, of the photo's EXIF, or else assumed.
Started again after it was
stopped, it goes on. A photo that cannot be read, or shows nobody, is named and
left out; it fails if that happens to all of them.
"""

import sys
from collections.abc import Sequence

from tqdm import tqdm

from flags import folder_flags, program, pseudo_label_flags
from hund_tf.datasets import pseudo_labels
from hund_tf.datasets.conversion import summary


def main(argv: Sequence[str]) -> int:
  try:
    config = pseudo_label_flags.to_config(tuple(argv[1:]))
    with tqdm(unit="shard", file=sys.stderr) as bar:

      def show(done: int, total: int) -> None:
        bar.total = total
        bar.update(done - bar.n)

      manifest, result = pseudo_labels.label_photos(
        config.source,
        folder_flags.output_dir(),
        config.shards,
        config.workers,
        show,
      )
  except (ValueError, OSError) as error:
    print(f"pseudo_label: {error}", file=sys.stderr)
    return 1
  for line in pseudo_labels.problems(result):
    print(line, file=sys.stderr)
  print(summary.report_text(result))
  print(f"wrote {manifest.count} records to {folder_flags.output_dir()}")
  return 0


if __name__ == "__main__":
  program.run(main)
