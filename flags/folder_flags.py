"""The flag of the folder for results."""

from absl import flags

_OUTPUT_DIR = flags.DEFINE_string(
  "output_dir", None, "Folder for the results; made if missing.", required=True
)


def output_dir() -> str:
  """Folder for the results."""
  return _OUTPUT_DIR.value
