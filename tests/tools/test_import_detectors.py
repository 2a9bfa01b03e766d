"""The tool that imports detectors: archives, checksums, what it writes."""

import hashlib
import io
import tarfile
import zipfile

import pytest

from tools import import_detectors as tool

_DATA = b"a network"
_SOURCE = tool._Source(
  {"models/a.json": hashlib.sha256(_DATA).hexdigest()}, {"y": "end"}
)


def _archives(folder):
  """The same file in a folder, a wheel and a packed npm package."""
  plain = folder / "plain" / "models"
  plain.mkdir(parents=True)
  (plain / "a.json").write_bytes(_DATA)
  with zipfile.ZipFile(folder / "a.whl", "w") as file:
    file.writestr("models/a.json", _DATA)
  with tarfile.open(folder / "a.tgz", "w:gz") as file:
    entry = tarfile.TarInfo("package/models/a.json")
    entry.size = len(_DATA)
    file.addfile(entry, io.BytesIO(_DATA))
  return [plain.parent, folder / "a.whl", folder / "a.tgz"]


def test_archives_are_read_and_checked(tmp_path):
  other = _SOURCE._replace(files={"models/a.json": "0" * 64})
  absent = _SOURCE._replace(files={"models/b.json": "0" * 64})
  for archive in _archives(tmp_path):
    path = tool._unpack(archive, _SOURCE, tmp_path)
    assert path.name == "a.json" and path.read_bytes() == _DATA
    with pytest.raises(ValueError, match="has SHA-256 .*, expected 000"):
      tool._unpack(archive, other, tmp_path)
    with pytest.raises(ValueError, match="cannot read models/b.json"):
      tool._unpack(archive, absent, tmp_path)


def test_every_network_has_its_file():
  names = tool.NPM.keys() | tool.TFLITE.keys()
  folder = tool.Path(tool._Import().weights_dir)
  assert {path.stem for path in folder.glob("*.npz")} == names
  sizes = {name: (folder / f"{name}.npz").stat().st_size for name in names}
  assert sum(sizes[name] for name in tool.NPM) < 21e6
  assert sum(sizes[name] for name in tool.TFLITE) < 20e6


def test_a_program_that_is_not_there_is_named(tmp_path):
  with pytest.raises(ValueError, match="no_such_program.*--package"):
    tool._fetch(["no_such_program"], tmp_path, "a package")
