"""Draws a contact sheet of any dataset of person records.

  python -m tools.preview_records --records=RECORDS --output=sheet.png

Records are taken evenly over the dataset; the subject's left is warm, the right
cold.
"""

import sys
from collections.abc import Sequence

import numpy as np
from absl import app, flags

from hund_tf import files
from hund_tf.records import shards
from hund_tf.visualization import contact_sheet

_RECORDS = flags.DEFINE_string(
  "records",
  None,
  "NAME.manifest.json, or the folder of one dataset.",
  required=True,
)
_OUTPUT = flags.DEFINE_string("output", None, "PNG to write.", required=True)
_COUNT = flags.DEFINE_integer(
  "count", 24, "Records to draw.", lower_bound=1, upper_bound=400
)


def main(argv: Sequence[str]) -> int:
  if len(argv) > 1:
    print(f"unknown arguments {argv[1:]}; see --help", file=sys.stderr)
    return 1
  try:
    manifest = shards.read_manifest(_RECORDS.value)
    if not manifest.count:
      raise ValueError(f"{_RECORDS.value}: there is no record to draw")
    records = contact_sheet.sample_records(manifest, _COUNT.value)
    sheet = contact_sheet.contact_sheet(records)
    files.write_png(_OUTPUT.value, np.asarray(sheet))
  except ValueError as error:
    print(f"preview_records: {error}", file=sys.stderr)
    return 1
  print(f"wrote {_OUTPUT.value}: {len(records)} of {manifest.count} records")
  return 0


if __name__ == "__main__":
  app.run(main)
