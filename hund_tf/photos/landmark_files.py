"""Which OpenPose JSON file belongs to a photo."""

from pathlib import Path

from hund_tf import files

_SUFFIXES = ("_keypoints.json", "_openpose.json", ".json")


def landmark_file_of_photo(source: str | Path, photo: str | Path) -> Path:
  """The landmark file of a photo.

  Args:
    source: a file, used as it is, or a folder with NAME_keypoints.json (as
      OpenPose writes), NAME_openpose.json or NAME.json for a photo NAME.*.
    photo: path of the photo.

  Raises:
    ValueError: naming the photo, if there is no such file.
  """
  source = files.expand(source)
  if not files.exists(source) or not source.is_dir():
    if files.exists(source):
      return source
    raise ValueError(
      f"{source}: does not exist; give an OpenPose JSON file, or a folder of "
      "them"
    )
  names = [Path(photo).stem + suffix for suffix in _SUFFIXES]
  for name in names:
    if files.exists(source / name) and (source / name).is_file():
      return source / name
  raise ValueError(
    f"{photo}: no landmarks in {source}; expected one of {', '.join(names)}"
  )
