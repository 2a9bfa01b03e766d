"""The photos that come with the package."""

from pathlib import Path

_FOLDER = Path(__file__).parent / "assets"


def demo_photo(name: str = "astronaut") -> Path:
  """The path of a bundled photo.

  Args:
    name: of the file, without its suffix; `assets/NOTICE.md` beside this module
      says where the photos come from.

  Raises:
    ValueError: if there is no such photo; the message names those there are.
  """
  photos = {path.stem: path for path in sorted(_FOLDER.glob("*.jpg"))}
  if name not in photos:
    raise ValueError(
      f"demo photo {name!r}: there is none; give one of {', '.join(photos)}"
    )
  return photos[name]
