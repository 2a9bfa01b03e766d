"""JSON files in which a user states something for each of several photos."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hund_tf import files


def is_file_name(text: str) -> bool:
  """Whether an option's text names a file rather than holding the values."""
  if text.lower().endswith(".json"):
    return True
  path = files.expand(text)
  return bool(text) and files.exists(path) and path.is_file()


def read_by_photo(text: str, what: str, example: str) -> dict[str, Any]:
  """Reads a JSON object whose keys are file names or paths of photos.

  Args:
    text: path of the file.
    what: what it holds, for messages.
    example: what would be right, for messages.

  Raises:
    ValueError: if the file cannot be read, or is not a JSON object.
  """
  try:
    content = files.read_json(files.expand(text))
  except OSError as error:
    raise ValueError(
      f"{text}: the {what} cannot be read ({error.strerror}); give a JSON "
      f"file {example}"
    ) from error
  except files.JsonError as error:
    raise ValueError(
      f"{text}: is not JSON ({error.problem}); give {example}"
    ) from error
  if not isinstance(content, dict):
    raise ValueError(f"{text}: does not map photos to {what}; give {example}")
  return content


def value_of_photo(by_photo: Mapping[str, Any], photo: str | Path) -> Any:
  """What is stated for a photo by its path, else by its name, else None."""
  for key in _keys(photo):
    if key in by_photo:
      return by_photo[key]
  return None


def unmatched_keys(
  by_photo: Mapping[str, Any], photos: Iterable[str | Path]
) -> list[str]:
  """Keys that name none of the photos: most likely misspelt."""
  known = {key for photo in photos for key in _keys(photo)}
  return [key for key in by_photo if key not in known]


def _keys(photo: str | Path) -> tuple[str, ...]:
  photo = Path(photo)
  names = str(photo), photo.as_posix(), str(photo.absolute()), photo.name
  return (*names, *map(files.printable, names))
