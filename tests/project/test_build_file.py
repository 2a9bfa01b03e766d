"""Every source file stands in BUILD, in the target where it belongs."""

import functools
import re
from pathlib import Path

from tests.project import source_tree

_ROOT = source_tree.ROOT
_OTHERS = ("serving", "tests", "docs", ".ci")
_RULES = ("py_library", "py_binary", "py_test")


def _files(*folders: str) -> set[str]:
  paths = [p for f in folders for p in (_ROOT / f).rglob("*") if p.is_file()]
  names = {path.relative_to(_ROOT).as_posix() for path in paths}
  return {name for name in names if "__pycache__" not in name}


def _sources(*folders: str) -> set[str]:
  return {name for name in _files(*folders) if name.endswith(".py")}


def _matches(pattern: str, name: str) -> bool:
  parts = re.split(r"(\*\*/|\*)", pattern)
  special = {"**/": "(.*/)?", "*": "[^/]*"}
  regex = "".join(special.get(part) or re.escape(part) for part in parts)
  return re.fullmatch(regex, name) is not None


@functools.cache
def _targets() -> dict[str, dict]:
  """BUILD carried out: target name -> the arguments of its rule."""
  targets: dict[str, dict] = {}
  top = {path.name for path in _ROOT.iterdir() if path.is_file()}
  files = top | _files(*source_tree.FOLDERS, *_OTHERS)

  def glob(include, exclude=(), allow_empty=False):
    found = {n for n in files for p in include if _matches(p, n)}
    found -= {n for n in found for p in exclude if _matches(p, n)}
    assert found or allow_empty, f"nothing matches {include}"
    return sorted(found)

  def rule(kind):
    def declare(name, srcs=(), data=(), deps=(), **rest):
      assert name not in targets, f"two targets are called {name}"
      targets[name] = {"rule": kind, "srcs": srcs, "data": data, **rest}
      targets[name]["deps"] = [d.removeprefix(":") for d in deps]

    return declare

  def load(source, *names):
    assert source.startswith("@rules_python//python:") and names, source

  scope = {"glob": glob, "load": load, "package": lambda **_: None}
  scope |= {kind: rule(kind) for kind in _RULES}
  exec((_ROOT / "BUILD").read_text(encoding="utf-8"), scope)
  return targets


def _listed(rule: str, argument: str = "srcs") -> list[str]:
  targets = [t for t in _targets().values() if t["rule"] == rule]
  return sorted(name for target in targets for name in target[argument])


def test_every_source_file_is_in_one_target():
  listed = [name for rule in _RULES for name in _listed(rule)]
  assert sorted(listed) == sorted(
    _sources(*source_tree.FOLDERS, "serving", "tests")
  )


def test_every_other_file_is_data_of_one_library():
  folders = source_tree.FOLDERS
  listed = [
    name
    for name in _listed("py_library", "data")
    if name.split("/")[0] in folders
  ]
  assert listed == sorted(_files(*folders) - _sources(*folders))


def test_tools_are_binaries():
  assert _listed("py_binary") == sorted(
    _sources("serving", "tools") - {"tools/__init__.py"}
  )
  for target in _targets().values():
    if target["rule"] == "py_binary":
      assert target["srcs"] == [target["main"]]


def test_tests_are_tests():
  tests = {n for n in _sources("tests") if Path(n).name.startswith("test_")}
  assert _listed("py_test") == sorted(tests)
  for name, target in _targets().items():
    if target["rule"] == "py_test":
      assert target["main_module"] == "pytest", name
      for source in target["srcs"]:
        inside = [a for a in target["args"] if f"{source}/".startswith(f"{a}/")]
        assert inside, f"{name} does not run {source}"


def test_every_room_depends_on_the_rooms_that_it_imports():
  for room, used in source_tree.room_imports().items():
    if room in ("flags", "tools"):
      continue
    target = _targets().get(room)
    assert target, f"BUILD lacks the room {room!r} in _ROOMS"
    right = [name for name in _targets() if name in used]
    assert target["deps"] == right, (
      f'the line of _ROOMS in BUILD should be "{room}": "{" ".join(right)}",'
    )


def test_dependencies_stand_above():
  seen = set()
  for name, target in _targets().items():
    assert set(target["deps"]) <= seen, f"{name}: {set(target['deps']) - seen}"
    seen.add(name)
