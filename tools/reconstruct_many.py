"""Reconstructs very many photos by the SavedModel of tools/export.py.

  python -m tools.reconstruct_many --output_dir=people --people_model=model \\
    photos/ 'shards/*.tar' [--workers=8] [--runner=direct]

Inputs are photo files, tar files of photos and TFRecords; results are tables of
people and photos (docs/guide/scale.md), in shards. Started again after it was
stopped, it goes on with the shards that are not done. It exits with 1 if more
than --max_bad_fraction of the photos are bad; the results are kept.
"""

import sys
from collections.abc import Sequence

from flags import program
from flags.from_config import define
from hund_tf.bulk.config import BulkConfig
from hund_tf.cli import batch

_to_config = define(BulkConfig, "Bulk reconstruction")


def main(argv: Sequence[str]) -> int:
  try:
    config = _to_config(inputs=(*_to_config().inputs, *argv[1:]))
  except ValueError as error:
    print(f"batch: {error}", file=sys.stderr)
    return 1
  return batch.run(config)


if __name__ == "__main__":
  program.run(main)
