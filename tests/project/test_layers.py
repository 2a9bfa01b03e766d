"""Imports run downward only, and the library never reaches up to flags."""

import pytest

from tests.project.source_tree import ROOT, imports, python_files
from tests.project.source_tree import room as room_of

# From the bottom up; rooms on one line do not import each other.
_LAYERS = [
  {
    *("compat", "decoding", "environment", "extras", "json_text"),
    *("npz_arrays", "options", "interrupts", "processes"),
  },
  {"beam", "devices", "files"},
  {"types", "draws", "locks"},
  {"geometry"},
  {"body"},
  {"rendering"},
  {"losses", "motion"},
  {"optimization", "models"},
  {"detection"},
  {"photos", "records"},
  {"synthetic", "datasets"},
  {"reconstruction", "retargeting"},
  {"evaluation", "export"},
  {"bulk", "serving", "training"},
  {"visualization"},
  {"video"},
  {"api"},
  {"demo"},
  {"cli"},
]
_LEVEL = {room: i for i, rooms in enumerate(_LAYERS) for room in rooms}
_FILES = python_files("hund_tf")


@pytest.mark.parametrize("path", _FILES, ids=lambda p: str(p.name))
def test_imports_run_downward(path):
  room = room_of(path)
  if room == "__init__":
    return
  assert room in _LEVEL, f"{path}: room {room!r} has no layer in this test"
  for name in imports(path):
    assert not name.startswith(("flags.", "tools.", "tests.")), name
    assert not name.startswith("absl.flags"), f"{path} imports {name}"
    parts = name.split(".")
    if parts[0] != "hund_tf" or len(parts) < 2 or parts[1] == room:
      continue
    assert _LEVEL[parts[1]] < _LEVEL[room], f"{path} imports {name}"


def test_contributing_quotes_the_layers():
  """The indented lines of `CONTRIBUTING.md`: rooms by comma, layers by <."""
  text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
  _, text = text.split("downward only:\n\n")
  quote = " ".join(text.split("\n\n")[0].split())
  layers = [set(layer.split(", ")) for layer in quote.split(" < ")]
  assert layers == [*_LAYERS, {"flags"}, {"tools"}]


def test_tensorflow_is_imported_in_one_place():
  for path in _FILES + python_files("tools"):
    if path.name == "compat.py":
      continue
    found = {n for n in imports(path) if n.split(".")[0] == "tensorflow"}
    # Submodules that the lazy top level does not reach are allowed.
    found = {n for n in found if n.count(".") < 2}
    assert not found, f"{path} imports {found}: take it from hund_tf.compat"


def test_flags_do_not_import_tools():
  for path in python_files("flags"):
    assert not any(n.startswith("tools") for n in imports(path)), path


def test_programs_do_not_import_tests():
  for path in python_files("flags") + python_files("tools"):
    assert not any(n.startswith("tests") for n in imports(path)), path
