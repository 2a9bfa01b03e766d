"""Rooms: none is an attic, few know each other, each tells what is in it."""

import ast
import re
from pathlib import Path

import pytest

from tests.project import source_tree

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


def test_no_room_is_an_attic():
  lines = {
    room: sum(len(path.read_text(encoding="utf-8").splitlines()) for path in f)
    for room, f in source_tree.room_files().items()
  }
  room = max(lines, key=lines.get)
  share = lines[room] / sum(lines.values())
  assert share <= 0.12, f"{room} has {share:.1%} of the lines, 12% at most"


def test_few_rooms_know_each_other():
  used = source_tree.room_imports()
  arrows = sum(len(others) for others in used.values())
  pairs = len(used) * (len(used) - 1) // 2
  assert arrows <= 0.58 * pairs, (
    f"{arrows} of {pairs} pairs of rooms have an import between them, "
    f"{arrows / pairs:.0%}; 58% at most"
  )
