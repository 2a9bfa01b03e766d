"""Writes BUILD from the source tree: libraries, binaries and tests.

python -m tools.update_build
"""

import ast
import os
import sys
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_HEADER = '''"""Bazel targets, written by `python -m tools.update_build`."""

load("@rules_python//python:defs.bzl", "py_binary", "py_library", "py_test")

package(default_visibility = ["//visibility:public"])

licenses(["notice"])  # Apache-2.0
'''


def _sources(folder: str, pattern: str = "**/*.py") -> list[str]:
  found = (_ROOT / folder).glob(pattern)
  return sorted(str(path.relative_to(_ROOT)) for path in found)


def _rule(kind: str, name: str, srcs: list[str], **lists) -> str:
  lines = [f"{kind}(", f'    name = "{name}",']
  for key, values in {"srcs": srcs, **lists}.items():
    if key == "main":
      lines.append(f'    main = "{values}",')
    elif key == "data":
      lines.append(f"    data = glob({values}),".replace("'", '"'))
    elif values:
      lines.append(f"    {key} = [")
      lines += [f'        "{value}",' for value in values]
      lines.append("    ],")
  return "\n".join([*lines, ")"]) + "\n"


def _used_rooms(sources: list[str]) -> set[str]:
  """Rooms of hund_tf that some files import; `base` is its top level."""
  used = set()
  for source in sources:
    tree = ast.parse((_ROOT / source).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
      names = []
      if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
      elif isinstance(node, ast.ImportFrom):
        names = [f"{node.module}.{alias.name}" for alias in node.names]
      for name in names:
        parts = name.split(".")
        if parts[0] == "hund_tf":
          room = parts[1] if len(parts) > 1 else ""
          is_folder = (_ROOT / "hund_tf" / room).is_dir() and room
          used.add(room if is_folder else "base")
  return used


def _libraries() -> tuple[list[str], list[str]]:
  """Rules of the rooms, and the names of the rooms."""
  folders = sorted(p.parent.name for p in _ROOT.glob("hund_tf/*/__init__.py"))
  names = ["base", *folders]
  rules = []
  for name in names:
    folder = "hund_tf" if name == "base" else f"hund_tf/{name}"
    sources = _sources(folder, "*.py" if name == "base" else "**/*.py")
    deps = [f":{room}" for room in sorted(_used_rooms(sources) - {name})]
    data = {}
    if (_ROOT / folder / "assets").is_dir():
      data = {"data": [f"{folder}/assets/*"]}
    rules.append(_rule("py_library", name, sources, **data, deps=deps))
  return rules, names


def build_text() -> str:
  """The whole BUILD file for the tree as it stands."""
  rules, names = _libraries()
  every = [f":{name}" for name in names]
  rules.append(_rule("py_library", "hund_tf", [], deps=every))
  library = [":hund_tf"]
  rules.append(_rule("py_library", "flags", _sources("flags"), deps=library))
  rules.append(_rule("py_library", "tools", ["tools/__init__.py"]))
  use = [*library, ":flags", ":tools"]
  for source in _sources("tools", "*.py"):
    if not source.endswith("__init__.py"):
      name = "tools_" + Path(source).stem
      rules.append(_rule("py_binary", name, [source], main=source, deps=use))
  tests = _sources("tests")
  support = [s for s in tests if not Path(s).name.startswith("test_")]
  rules.append(_rule("py_library", "test_support", support, deps=library))
  for source in tests:
    if source not in support:
      name = source.removesuffix(".py").replace("/", "_")
      deps = [*use, ":test_support"]
      rules.append(_rule("py_test", name, [source], main=source, deps=deps))
  return "\n".join([_HEADER, *rules])


def main() -> None:
  target = _ROOT / "BUILD"
  temporary = target.with_suffix(".tmp")
  temporary.write_text(build_text(), encoding="utf-8")
  os.replace(temporary, target)


if __name__ == "__main__":
  sys.exit(main())
