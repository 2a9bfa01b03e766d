"""What the documents name exists: links, files, programs, flags, pictures."""

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_DOCS = _ROOT / "docs"
_DOCUMENTS = sorted([*_ROOT.glob("*.md"), *_DOCS.rglob("*.md")], key=str)
# History names what existed at its time; only its links must hold.
_TODAY = [path for path in _DOCUMENTS if "history" not in path.parts]
_MAX_WORDS = 1200
_MAX_PICTURE_BYTES = 300_000
# absl's own, Beam's that are passed on by --beam_options, and pip's.
_FOREIGN_FLAGS = {
  "build-arg",
  "flagfile",
  "flink_master",
  "environment_type",
  "gpus",
  "help",
  "rm",
}
# By program, a flag without which it does not start.
_REQUIRED = {
  "adapt": "output_dir",
  "compare_optimizers": "output_dir",
  "detect_records": "output_dir",
  "evaluate": "output_dir",
  "evaluate_multitask": "metrics_output",
  "front_end_errors": "seen_records",
  "make_correspondence": "correspondence_output",
  "make_synthetic": "output_dir",
  "preview_records": "sheet",
  "pseudo_label": "output_dir",
  "publish_hund": "trained_run_dirs",
  "publish_multitask": "network_run_dirs",
  "reconstruct": "output_dir",
  "reconstruct_many": "output_dir",
  "retarget": "fitted_records_dir",
  "train_hund": "run_dir",
  "train_multitask": "run_dir",
}
# A line for each program: its name and its flags. Each is imported in a copy
# of a process that has imported the library, which defines none.
_LIST_FLAGS = """
import gc, importlib, os, pathlib
from absl import flags
for path in sorted(pathlib.Path("hund_tf").rglob("*.py")):
  if path.stem != "__init__":
    importlib.import_module(".".join(path.with_suffix("").parts))
gc.freeze()
for path in sorted(pathlib.Path("tools").glob("*.py")):
  copy = os.fork()
  if not copy:
    importlib.import_module("tools." + path.stem)
    print(path.stem, *flags.FLAGS, flush=True)
    os._exit(0)
  assert os.waitpid(copy, 0)[1] == 0, path
"""
_STORIES = (
  "weights of now",
  "with the weights of then",
  "a first form",
  "was not used",
  "no command here prints",
  "no command prints",
  "the goal was",
)


def _name(path: Path) -> str:
  return str(path.relative_to(_ROOT))


def _documents(paths: list[Path]):
  return pytest.mark.parametrize("document", paths, ids=_name)


def _blocks(text: str, language: str) -> list[str]:
  """The fenced blocks of a language."""
  return re.findall(rf"^```{language}\n(.*?)^```", text, re.S | re.M)


def _without_blocks(text: str) -> str:
  return re.sub(r"^```.*?^```", "", text, flags=re.S | re.M)


def _anchors(document: Path) -> set[str]:
  """The names that headings can be linked by."""
  text = _without_blocks(document.read_text(encoding="utf-8"))
  found = set()
  for heading in re.findall(r"^#+ (.+)$", text, re.M):
    kept = re.sub(r"[^\w\- ]", "", heading.lower())
    found.add(kept.strip().replace(" ", "-"))
  return found


@pytest.fixture(scope="session")
def flags_of() -> dict[str, set[str]]:
  """Names of the flags of each program."""
  listed = subprocess.run(
    [sys.executable, "-c", _LIST_FLAGS],
    cwd=_ROOT,
    capture_output=True,
    text=True,
    check=True,
  )
  lines = [line.split() for line in listed.stdout.splitlines()]
  return {name: {*names} for name, *names in lines}


@pytest.fixture(scope="session")
def defined_flags(flags_of) -> set[str]:
  """Names of all flags of all programs."""
  found = _FOREIGN_FLAGS.union(*flags_of.values())
  for folder in ("flags", "tools"):
    for path in (_ROOT / folder).glob("*.py"):
      text = path.read_text(encoding="utf-8")
      found |= set(re.findall(r"DEFINE_\w+\(\s*\"(\w+)\"", text))
  client = (_ROOT / "serving" / "client.py").read_text(encoding="utf-8")
  found |= set(re.findall(r"add_argument\(\"--(\w+)\"", client))
  return found


@_documents(_TODAY)
def test_flags_in_documents_exist(document, defined_flags):
  text = document.read_text(encoding="utf-8")
  named = set(re.findall(r"(?<![\w-])--([a-z][\w-]*)", text))
  unknown = {
    flag
    for flag in named
    if flag not in defined_flags
    and flag.removeprefix("no") not in defined_flags
  }
  assert not unknown, f"{_name(document)} names {sorted(unknown)}"


def test_flag_files_name_flags_that_exist(defined_flags):
  for path in (_ROOT / "flags").rglob("*.flags"):
    for line in path.read_text(encoding="utf-8").splitlines():
      if line.startswith("--"):
        name, _, value = line[2:].partition("=")
        known = name in defined_flags or name[2:] in defined_flags
        assert known, f"{_name(path)}: --{name}"
        if name in ("flagfile", "phases"):
          assert (_ROOT / value).is_file(), f"{_name(path)}: {value}"


@_documents(_DOCUMENTS)
def test_links_in_documents_resolve(document):
  text = _without_blocks(document.read_text(encoding="utf-8"))
  for link in re.findall(r"\]\(([^)\s]+)\)", text):
    if link.startswith(("http:", "https:", "mailto:")):
      continue
    place, _, anchor = link.partition("#")
    path = (document.parent / place).resolve() if place else document
    assert path.exists(), f"{_name(document)}: {link}"
    if anchor:
      assert anchor in _anchors(path), f"{_name(document)}: {link}"


@_documents(_TODAY)
def test_files_in_documents_exist(document):
  text = document.read_text(encoding="utf-8")
  folders = "hund_tf|flags|tools|serving|tests|docs|notebooks"
  named = set(re.findall(rf"(?<![\w/.])((?:{folders})/[\w./]+\.\w+)", text))
  modules = set(re.findall(r"\b(tools\.[a-z_]+)\b(?!\.py)", text))
  named |= {name.replace(".", "/") + ".py" for name in modules}
  named.discard("tools/py.py")
  missing = {name for name in named if not (_ROOT / name).exists()}
  assert not missing, f"{_name(document)} names {sorted(missing)}"


def _commands(start: str) -> dict[str, set[str]]:
  """Flags by program in the commands of all documents.

  Args:
    start: what a command begins with, before the program's name.
  """
  found: dict[str, set[str]] = {}
  for document in _TODAY:
    text = document.read_text(encoding="utf-8").replace("\\\n", " ")
    for line in re.findall(rf"^\s*(?:\S*/)?{start}.*$", text, re.M):
      name, _, rest = line.partition(start)[2].partition(" ")
      command = rest.split(" #")[0]
      flags = re.findall(r"(?<![\w=-])--?([a-z]\w*)", command)
      found.setdefault(name, set()).update(flags)
  return found


def _unknown(flags: set[str], known: set[str]) -> set[str]:
  return {
    flag
    for flag in flags
    if not {flag, flag.removeprefix("no"), flag.removeprefix("no_")} & known
  }


@pytest.mark.parametrize("name", sorted(_commands("hund ")))
def test_commands_of_hund_in_documents_are_valid(name):
  from hund_tf import options
  from hund_tf.cli import main

  command = main._COMMANDS[name]
  config = getattr(importlib.import_module(command.module), command.config)
  known = {one.name for one in options.options_of(config)}
  known |= {*command.short.values(), "help"}
  unknown = _unknown(_commands("hund ")[name], known)
  assert not unknown, f"hund {name}: {sorted(unknown)}"


@pytest.mark.parametrize("name", sorted(_commands("python -m tools.")))
def test_commands_of_tools_in_documents_are_valid(name, flags_of):
  known = {*flags_of[name], "help", *_FOREIGN_FLAGS}
  unknown = _unknown(_commands("python -m tools.")[name], known)
  assert not unknown, f"tools.{name}: {sorted(unknown)}"


def test_commands_of_tools_in_documents_state_what_is_required():
  for name, required in _REQUIRED.items():
    for document in _TODAY:
      text = document.read_text(encoding="utf-8").replace("\\\n", " ")
      for command in re.findall(
        rf"^\s*python -m tools\.{name} .*$", text, re.M
      ):
        assert f"--{required}=" in command, f"{_name(document)}: {command}"


@_documents(_TODAY)
def test_python_in_documents_names_what_exists(document):
  import hund_tf

  for block in _blocks(document.read_text(encoding="utf-8"), "python"):
    for node in ast.walk(ast.parse(block)):
      if isinstance(node, ast.ImportFrom) and node.module.startswith("hund_tf"):
        path = _ROOT / (node.module.replace(".", "/") + ".py")
        source = path.read_text(encoding="utf-8")
        for alias in node.names:
          assert re.search(rf"\b{alias.name}\b", source), alias.name
      elif isinstance(node, ast.Attribute):
        if isinstance(node.value, ast.Name) and node.value.id == "hund_tf":
          assert node.attr in hund_tf.__all__, node.attr


@_documents(_TODAY)
def test_documents_are_short_and_tell_no_story(document):
  text = document.read_text(encoding="utf-8")
  words = len(re.findall(r"\S*\w\S*", text))
  assert words <= _MAX_WORDS, f"{_name(document)}: {words} words"
  for phrase in _STORIES:
    assert phrase not in " ".join(text.lower().split()), phrase


def test_pictures_are_shown_and_small():
  shown = set()
  for document in _DOCUMENTS:
    text = document.read_text(encoding="utf-8")
    for link in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text):
      shown.add((document.parent / link).resolve())
  for picture in (_DOCS / "images").iterdir():
    assert picture.resolve() in shown, f"no page shows {picture.name}"
    size = picture.stat().st_size
    assert size <= _MAX_PICTURE_BYTES, f"{picture.name}: {size} bytes"


def test_every_page_is_in_the_index():
  index = (_DOCS / "README.md").read_text(encoding="utf-8")
  linked = {
    (_DOCS / link.partition("#")[0]).resolve()
    for link in re.findall(r"\]\(([^)]+)\)", index)
  }
  for folder in (_DOCS, _DOCS / "guide"):
    for page in folder.glob("*.md"):
      known = page.resolve() in linked or page == _DOCS / "README.md"
      assert known, f"docs/README.md does not link to {page.name}"
