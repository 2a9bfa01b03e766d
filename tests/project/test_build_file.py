"""Every source file stands in BUILD, in the target where it belongs."""

import ast
from pathlib import Path

from tools import update_build

_ROOT = Path(__file__).parents[2]


def _targets() -> dict[str, dict]:
  """Rule name -> its arguments, for every call in BUILD."""
  tree = ast.parse((_ROOT / "BUILD").read_text(encoding="utf-8"))
  targets = {}
  for node in tree.body:
    call = node.value if isinstance(node, ast.Expr) else None
    if isinstance(call, ast.Call) and call.func.id.startswith("py_"):
      values = {
        k.arg: ast.literal_eval(k.value)
        for k in call.keywords
        if k.arg in ("name", "srcs", "deps")
      }
      assert values["name"] not in targets, values["name"]
      targets[values["name"]] = values | {"rule": call.func.id}
  return targets


def _listed(rule: str) -> list[str]:
  return [
    source
    for target in _targets().values()
    if target["rule"] == rule
    for source in target.get("srcs", [])
  ]


def _files(*folders: str) -> set[str]:
  return {
    str(path.relative_to(_ROOT))
    for folder in folders
    for path in (_ROOT / folder).rglob("*.py")
  }


def test_every_source_file_is_listed_once():
  listed = sum((_listed(r) for r in ("py_library", "py_binary", "py_test")), [])
  assert sorted(listed) == sorted(set(listed))
  assert set(listed) == _files("hund_tf", "flags", "tools", "tests")


def test_tools_are_binaries_and_tests_are_tests():
  binaries = {n for n in _files("tools") if not n.endswith("__init__.py")}
  assert set(_listed("py_binary")) == binaries
  tests = {n for n in _files("tests") if Path(n).name.startswith("test_")}
  assert set(_listed("py_test")) == tests


def test_one_library_for_each_layer():
  rooms = {p.name for p in (_ROOT / "hund_tf").iterdir() if p.is_dir()}
  rooms.discard("__pycache__")
  libraries = {n for n, t in _targets().items() if t["rule"] == "py_library"}
  assert rooms <= libraries


def test_build_is_what_the_tool_writes():
  text = (_ROOT / "BUILD").read_text(encoding="utf-8")
  assert text == update_build.build_text(), "run python -m tools.update_build"


def test_dependencies_exist():
  targets = _targets()
  for name, target in targets.items():
    for dependency in target.get("deps", []):
      assert dependency.removeprefix(":") in targets, f"{name}: {dependency}"
