"""The flag of the folder for results."""

from flags.from_config import define
from hund_tf.files import OutputFolder

_to_folder = define(OutputFolder, "Results")


def output_dir() -> str:
  """Folder for the results."""
  return _to_folder().output_dir
