"""All kinds of files that are tried."""

import importlib

from tests.fuzz.kind import Kind

_MODULES = (
  "images",
  "pickles",
  "json_files",
  "records",
  "weights",
  "tables",
  "bodies",
  "annotations",
  "motions",
  "videos",
)  # each has KINDS


def all_kinds() -> dict[str, Kind]:
  """The kinds by their names."""
  found: dict[str, Kind] = {}
  for name in _MODULES:
    module = importlib.import_module(f"tests.fuzz.{name}")
    for kind in module.KINDS:
      assert kind.name not in found, kind.name
      found[kind.name] = kind
  return found
