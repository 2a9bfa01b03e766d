"""The notebooks run, as they stand in the repository."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_NOTEBOOKS = sorted((_ROOT / "notebooks").glob("*.ipynb"))
_MAX_BYTES = 500_000

# Runs the cells of a notebook one after the other, without Jupyter.
_RUN = """
import json, sys
scope = {}
for cell in json.load(open(sys.argv[1], encoding="utf-8"))["cells"]:
  if cell["cell_type"] == "code":
    exec(compile("".join(cell["source"]), cell["id"], "exec"), scope)
"""


def test_there_are_notebooks_and_they_are_small():
  assert [path.stem for path in _NOTEBOOKS] == ["descent", "new_term"]
  for path in _NOTEBOOKS:
    assert path.stat().st_size <= _MAX_BYTES
    content = json.loads(path.read_text(encoding="utf-8"))
    assert content["nbformat"] == 4
    assert content["cells"][0]["source"][0].startswith("# ")


@pytest.mark.slow
@pytest.mark.parametrize("path", _NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path, tmp_path):
  settings = {
    "HUND_NOTEBOOK_STEPS": "3",
    "MPLBACKEND": "Agg",
    "PYTHONPATH": str(_ROOT),
  }
  done = subprocess.run(
    [sys.executable, "-c", _RUN, str(path)],
    cwd=tmp_path,
    env=os.environ | settings,
    capture_output=True,
    text=True,
  )
  assert done.returncode == 0, done.stderr
