"""Converts a public dataset to shards of person records.

  python -m tools.convert_dataset --dataset=coco --data_dir=COCO \\
    --split=val --output_dir=RECORDS [--workers=8] [--runner=direct]

writes NAME-00000-of-00016.tfrecord and so on, NAME.manifest.json, a report
(NAME.report.txt, .json) and a contact sheet (NAME.sheet.png). Started again
after it was stopped, it goes on with the shards that are not done. It fails if
more than --max_bad_fraction of the inputs are damaged.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from flags import program
from flags.from_config import define
from hund_tf import files, locks
from hund_tf.datasets import registry
from hund_tf.datasets.conversion import runners, shard, summary
from hund_tf.datasets.conversion.config import ConversionConfig
from hund_tf.datasets.source import DatasetSource
from hund_tf.visualization import contact_sheet

_to_config = define(ConversionConfig, "Conversion")


def _convert(config: ConversionConfig) -> None:
  folder = files.prepare_output_dir(config.output_dir).absolute()
  source = registry.open_dataset(config.dataset, config.full_place())
  with locks.only_writer(folder, source.name):
    _convert_into(folder, source, config)


def _convert_into(
  folder: Path, source: DatasetSource, config: ConversionConfig
) -> None:
  job = shard.make_job(source, folder, config.num_shards, config.max_items)
  todo = runners.prepare(job, config.retry_damaged)
  print(f"{source.name}: {len(todo)} of {job.shards} shards to make")
  if config.runner == "local":
    with tqdm(total=len(todo), unit="shard", file=sys.stderr) as bar:
      runners.run_local(job, todo, config.workers, bar.update)
  elif todo:
    runners.run_beam(job, todo, config.runner, config.beam_options)
  result = summary.summarize(job)
  summary.write_report(folder, result)
  print(summary.report_text(result))
  manifest = summary.finish(job, result, config.max_bad_fraction)
  if config.sheet_records:
    records = contact_sheet.sample_records(manifest, config.sheet_records)
    files.write_png(
      folder / f"{source.name}.sheet.png",
      np.asarray(contact_sheet.contact_sheet(records)),
    )


def main(argv: Sequence[str]) -> int:
  if len(argv) > 1:
    print(f"unknown arguments {argv[1:]}; see --help", file=sys.stderr)
    return 1
  config = _to_config()
  try:
    _convert(config)
  except (ValueError, OSError) as error:
    print(f"convert_dataset: {error}", file=sys.stderr)
    return 1
  print(f"wrote {config.output_dir}")
  return 0


if __name__ == "__main__":
  program.run(main)
