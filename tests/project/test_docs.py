"""What the documents name exists: flags, programs, files."""

import re
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_DOCUMENTS = sorted(
  [*_ROOT.glob("*.md"), *(_ROOT / "docs").rglob("*.md")], key=str
)
# absl's own, and Beam's that are passed on by --beam_options.
_FOREIGN_FLAGS = {"help", "flagfile", "flink_master", "environment_type"}


def _defined_flags() -> set[str]:
  pattern = re.compile(r"DEFINE_\w+\(\s*\"(\w+)\"")
  found = set()
  for folder in ("flags", "tools"):
    for path in (_ROOT / folder).glob("*.py"):
      found |= set(pattern.findall(path.read_text(encoding="utf-8")))
  return found


@pytest.mark.parametrize("document", _DOCUMENTS, ids=lambda path: path.name)
def test_flags_in_documents_exist(document):
  text = document.read_text(encoding="utf-8")
  named = set(re.findall(r"(?<![\w-])--(?:no)?([a-z]\w*)", text))
  whole = set(re.findall(r"(?<![\w-])--([a-z]\w*)", text))
  defined = _defined_flags() | _FOREIGN_FLAGS
  unknown = {f for f in whole if f not in defined} & named
  assert not unknown, f"{document.name} names {sorted(unknown)}"


@pytest.mark.parametrize("document", _DOCUMENTS, ids=lambda path: path.name)
def test_files_in_documents_exist(document):
  text = document.read_text(encoding="utf-8")
  folders = "hund_tf|flags|tools|tests|docs"
  named = set(re.findall(rf"`((?:{folders})/[\w./]+\.\w+)`", text))
  named |= {
    str((document.parent / link).resolve().relative_to(_ROOT))
    for link in re.findall(r"\]\(([^):#]+)\)", text)
  }
  modules = set(re.findall(r"-m (tools\.\w+)", text))
  named |= {name.replace(".", "/") + ".py" for name in modules}
  missing = {name for name in named if not (_ROOT / name).exists()}
  assert not missing, f"{document.name} names {sorted(missing)}"


def test_flag_files_name_flags_that_exist():
  defined = _defined_flags()
  for path in (_ROOT / "flags").rglob("*.flags"):
    for line in path.read_text(encoding="utf-8").splitlines():
      if line.startswith("--"):
        name = line[2:].split("=")[0]
        known = name in defined or name.removeprefix("no") in defined
        assert known or name in _FOREIGN_FLAGS, f"{path.name}: --{name}"
