"""Draws a contact sheet of any dataset of person records.

  python -m tools.preview_records --drawn_records=RECORDS --sheet=sheet.png

Records are taken evenly over the dataset; the subject's left is warm, the right
cold.
"""

import dataclasses
import sys
from collections.abc import Sequence

import numpy as np

from flags import program
from flags.from_config import define
from hund_tf import files
from hund_tf.options import REQUIRED, option
from hund_tf.records import shards
from hund_tf.visualization import contact_sheet
from hund_tf.visualization.sheet_config import SheetConfig


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Preview(SheetConfig):
  """A contact sheet of records."""

  records: str = option(
    REQUIRED,
    "NAME.manifest.json, or the folder of one dataset.",
    name="drawn_records",
  )


_to_config = define(_Preview, "Contact sheet")


def main(argv: Sequence[str]) -> int:
  if len(argv) > 1:
    print(f"unknown arguments {argv[1:]}; see --help", file=sys.stderr)
    return 1
  config = _to_config()
  try:
    manifest = shards.read_manifest(config.records)
    if not manifest.count:
      raise ValueError(f"{config.records}: there is no record to draw")
    records = contact_sheet.sample_records(manifest, config.sheet_examples)
    sheet = contact_sheet.contact_sheet(records)
    files.write_png(config.sheet, np.asarray(sheet))
  except ValueError as error:
    print(f"preview_records: {error}", file=sys.stderr)
    return 1
  print(f"wrote {config.sheet}: {len(records)} of {manifest.count} records")
  return 0


if __name__ == "__main__":
  program.run(main)
