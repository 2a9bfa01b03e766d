"""The docstring of each room says what every module in it is for."""

import ast
import re
from pathlib import Path

import pytest

_LIBRARY = Path(__file__).parents[2] / "hund_tf"
_ROOMS = sorted(path.parent for path in _LIBRARY.glob("*/**/__init__.py"))


def _modules(room: Path) -> set[str]:
  """Modules as `name`, rooms in it as `name/`."""
  files = {path.stem for path in room.glob("*.py")} - {"__init__"}
  return files | {f"{path.parent.name}/" for path in room.glob("*/__init__.py")}


@pytest.mark.parametrize("room", _ROOMS, ids=lambda path: path.name)
def test_docstring_tells_of_every_module(room):
  source = (room / "__init__.py").read_text(encoding="utf-8")
  text = ast.get_docstring(ast.parse(source)) or ""
  missing = _modules(room) - set(re.findall(r"`(\w+/?)`", text))
  if "Every other module" in text:
    missing = set()
  assert not missing, f"{room}/__init__.py does not tell of {sorted(missing)}"
