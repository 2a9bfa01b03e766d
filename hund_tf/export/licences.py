"""Licences of this package and of what it contains, for models that go out."""

from importlib import metadata
from pathlib import Path

NAMES = ("LICENSE", "THIRD_PARTY_NOTICES.md")
_PACKAGE = "hund_tf"


def texts() -> dict[str, bytes]:
  """The licences by the names of their files.

  Raises:
    FileNotFoundError: if the package lies neither in its repository nor is
      installed, so that they are missing.
  """
  root = Path(__file__).parents[2]
  if all((root / name).is_file() for name in NAMES):
    return {name: (root / name).read_bytes() for name in NAMES}
  try:
    files = metadata.files(_PACKAGE) or []
  except metadata.PackageNotFoundError:
    files = []
  found = {
    path.name: path.locate() for path in files if "licenses" in path.parts
  }
  missing = [name for name in NAMES if name not in found]
  if missing:
    raise FileNotFoundError(
      f"{missing[0]}: is not installed with {_PACKAGE}; install the package "
      "again, or run from its repository"
    )
  return {name: Path(found[name]).read_bytes() for name in NAMES}
