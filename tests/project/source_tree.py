"""The source files of the project, and which room imports which."""

import ast
import functools
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("hund_tf", "flags", "tools")


def python_files(*folders: str) -> list[Path]:
  return sorted(p for f in folders for p in (ROOT / f).rglob("*.py"))


@functools.cache
def imports(path: Path) -> frozenset[str]:
  """Full dotted names that a file imports, `from a import b` as a.b."""
  names = set()
  for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
    if isinstance(node, ast.Import):
      names |= {alias.name for alias in node.names}
    elif isinstance(node, ast.ImportFrom):
      assert node.level == 0, f"{path}: relative import"
      names |= {f"{node.module}.{alias.name}" for alias in node.names}
  return frozenset(names)


def room(path: Path) -> str:
  """Room of a file: an entry of hund_tf, or the folder `flags` or `tools`."""
  parts = path.relative_to(ROOT).parts
  return parts[1].removesuffix(".py") if parts[0] == "hund_tf" else parts[0]


def room_files() -> dict[str, list[Path]]:
  """Files of each room; the package's own `__init__.py` is in none."""
  rooms: dict[str, list[Path]] = {}
  for path in python_files(*FOLDERS):
    if path != ROOT / "hund_tf" / "__init__.py":
      rooms.setdefault(room(path), []).append(path)
  return rooms


def room_imports() -> dict[str, set[str]]:
  """Other rooms that the files of each room import."""
  rooms = room_files()
  used: dict[str, set[str]] = {name: set() for name in rooms}
  for name, files in rooms.items():
    for dotted in set().union(*map(imports, files)):
      first, second, *_ = [*dotted.split("."), ""]
      target = second if first == "hund_tf" else first
      if target in rooms and target != name and first in FOLDERS:
        used[name].add(target)
  return used
