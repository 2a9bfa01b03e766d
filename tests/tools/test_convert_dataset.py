"""The conversion program: exit codes, what it writes, its processes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from hund_tf.records import shards
from tests.datasets import coco_files

_ROOT = Path(__file__).parents[2]
# Runs programs one after the other in one process; their flags are not those
# of other tests.
_SCRIPT = """
import json, sys
from absl import flags
from tools import convert_dataset, preview_records

programs = {"convert": convert_dataset, "preview": preview_records}
codes = []
for name, arguments in json.loads(sys.argv[1]):
  flags.FLAGS.unparse_flags()
  flags.FLAGS([name, *arguments])
  codes.append(programs[name].main([name]))
print("codes", codes)
"""


@pytest.fixture(scope="module")
def coco_folder(tmp_path_factory):
  folder = tmp_path_factory.mktemp("coco")
  coco_files.write(folder, [coco_files.person(i, i) for i in range(1, 7)])
  (folder / "val2017/000000000003.jpg").write_bytes(b"not a photo")
  return folder


def test_fails_goes_on_and_draws(coco_folder, tmp_path):
  out = tmp_path / "out"
  flags = [
    "--dataset=coco",
    f"--data_dir={coco_folder}",
    "--split=val",
    f"--output_dir={out}",
    "--num_shards=2",
    "--workers=1",
    f"--drawn_records={out}",
    f"--sheet={tmp_path / 'sheet.png'}",
    "--sheet_examples=3",
  ]
  runs = [
    ("preview", flags),
    ("convert", flags),
    ("convert", [*flags, "--max_bad_fraction=0.2"]),
    ("preview", flags),
    ("convert", [*flags, "--split=trian"]),
    ("convert", [*flags, "--only_present", "--max_items=2"]),
  ]
  child = subprocess.run(
    [sys.executable, "-c", _SCRIPT, json.dumps(runs)],
    cwd=_ROOT,
    capture_output=True,
    text=True,
    timeout=600,
  )
  assert child.returncode == 0, child.stderr
  assert "codes [1, 1, 0, 0, 1, 0]" in child.stdout
  for text in (
    "preview_records: " + str(out),
    "16.67% of 6 inputs are damaged, allowed are 1.00%",
    "000000000003.jpg",
    "there is no split 'trian', expected one of train, val",
  ):
    assert text in child.stderr
  for text in (
    "coco: 2 of 2 shards to make",
    "coco: 0 of 2 shards to make",
    "coco: 5 records of 6 inputs in 2 shards",
    "3 of 5 records",
    "coco: 2 records of 2 inputs in 2 shards",
  ):
    assert text in child.stdout
  assert shards.read_manifest(out).count == 2
  report = json.loads((out / "coco.report.json").read_text())
  assert report["records"] == 2
  assert Image.open(out / "coco.sheet.png").width > 2 * 240
  assert Image.open(tmp_path / "sheet.png").width > 3 * 240
