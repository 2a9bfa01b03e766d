"""Writes BUILD from the source tree: libraries, binaries and tests.

python -m tools.update_build
"""

import os
import sys
from pathlib import Path

_ROOT = Path(__file__).parents[1]
# Libraries that each layer may use; imports run downward only.
_LAYERS = [
  ("base", []),
  ("geometry", ["base"]),
  ("body", ["base", "geometry"]),
  ("rendering", ["base", "body", "geometry"]),
  ("losses", ["base", "body", "geometry", "rendering"]),
  ("optimization", ["base", "body", "geometry", "losses"]),
  ("detection", ["base", "body", "geometry"]),
  ("data", ["base", "body", "detection", "geometry"]),
  (
    "reconstruction",
    ["base", "data", "detection", "geometry", "losses", "optimization"],
  ),
  ("training", ["base", "body", "data"]),
  ("evaluation", ["base", "data", "geometry", "losses", "reconstruction"]),
  (
    "visualization",
    ["base", "body", "data", "geometry", "reconstruction", "rendering"],
  ),
]
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


def build_text() -> str:
  """The whole BUILD file for the tree as it stands."""
  rules = []
  for name, deps in _LAYERS:
    folder = "hund_tf" if name == "base" else f"hund_tf/{name}"
    sources = _sources(folder, "*.py" if name == "base" else "**/*.py")
    deps = [f":{dep}" for dep in deps]
    data = {}
    if (_ROOT / folder / "assets").is_dir():
      data = {"data": [f"{folder}/assets/*"]}
    rules.append(_rule("py_library", name, sources, **data, deps=deps))
  every = [f":{name}" for name, _ in _LAYERS]
  rules.append(_rule("py_library", "flags", _sources("flags"), deps=every))
  rules.append(_rule("py_library", "tools", ["tools/__init__.py"]))
  use = [*every, ":flags", ":tools"]
  for source in _sources("tools", "*.py"):
    if not source.endswith("__init__.py"):
      name = Path(source).stem
      rules.append(_rule("py_binary", name, [source], deps=use))
  tests = _sources("tests")
  support = [s for s in tests if not Path(s).name.startswith("test_")]
  rules.append(_rule("py_library", "test_support", support, deps=every))
  for source in tests:
    if source not in support:
      name = source.removesuffix(".py").replace("/", "_")
      rules.append(
        _rule(
          "py_test",
          name,
          [source],
          main=source,
          deps=[*use, ":test_support"],
        )
      )
  return "\n".join([_HEADER, *rules])


def main() -> None:
  target = _ROOT / "BUILD"
  temporary = target.with_suffix(".tmp")
  temporary.write_text(build_text(), encoding="utf-8")
  os.replace(temporary, target)


if __name__ == "__main__":
  sys.exit(main())
