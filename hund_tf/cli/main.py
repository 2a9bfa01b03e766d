"""The command `hund`: 3D people from photos and videos.

hund reconstruct photo.jpg -o out
hund video clip.mp4 -o out
hund export -o exported
hund batch photos/ shards/*.tar --people_model=exported -o people
hund serve --model_dir=exported
hund demo
"""

import importlib
import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import hund_tf
from hund_tf import devices, interrupts
from hund_tf.cli import arguments


class _Command(NamedTuple):
  """A subcommand: its module has the dataclass and `run(config) -> status`."""

  module: str
  config: str  # name of the dataclass
  help: str
  positional: Mapping[str, str]
  short: Mapping[str, str]


_COMMANDS = {
  "reconstruct": _Command(
    "hund_tf.cli.reconstruct",
    "ReconstructConfig",
    "Reconstruct the people of photos.",
    {"images": "PHOTO"},
    {"output_dir": "o"},
  ),
  "video": _Command(
    "hund_tf.cli.video",
    "VideoConfig",
    "Reconstruct the people of a video, and their motion.",
    {"clip": "VIDEO"},
    {"output_dir": "o"},
  ),
  "export": _Command(
    "hund_tf.cli.export",
    "ExportConfig",
    "Write the model as a SavedModel, for TensorFlow Lite or ONNX.",
    {},
    {"export_dir": "o"},
  ),
  "batch": _Command(
    "hund_tf.cli.batch",
    "BulkConfig",
    "Reconstruct very many photos by an exported model.",
    {"inputs": "INPUT"},
    {"output_dir": "o"},
  ),
  "serve": _Command(
    "hund_tf.cli.serve",
    "ServeConfig",
    "Serve an exported model by HTTP.",
    {},
    {},
  ),
  "demo": _Command(
    "hund_tf.cli.demo",
    "DemoConfig",
    "Open a page on this machine to try photos and videos on.",
    {},
    {},
  ),
}


def _top() -> arguments.Parser:
  """What is before the subcommand."""
  lines = [f"  {name:<12} {c.help}" for name, c in _COMMANDS.items()]
  parser = arguments.Parser(
    prog="hund",
    usage="hund COMMAND ...",
    description="3D people from photos: body, hands and face.",
    epilog="\n".join(
      ["commands:", *lines, "", "`hund COMMAND --help` lists its options."]
    ),
  )
  parser.add_argument(
    "--version", action="version", version=f"hund {hund_tf.__version__}"
  )
  return parser


def main(argv: Sequence[str] | None = None) -> int:
  """Runs a subcommand.

  Args:
    argv: arguments after the command's name; by default those of the process.

  Returns:
    The exit status: 0; 1 if something failed; 2 if the arguments are wrong;
    130 if the user interrupted it; 0 after SIGTERM.
  """
  argv = list(sys.argv[1:] if argv is None else argv)
  name = argv[0] if argv else None
  if name not in _COMMANDS:
    parser = _top()
    if name is not None and not name.startswith("-"):
      known = ", ".join(_COMMANDS)
      parser.error(f"there is no command {name!r}, only {known}")
    parser.parse_args(argv[:1])
    parser.print_help()
    return 2
  interrupts.catch_sigterm()
  try:
    return _run(name, argv[1:])
  except KeyboardInterrupt as error:
    print(f"hund {name}: {interrupts.line(error)}", file=sys.stderr)
    return interrupts.status(error)


def _run(name: str, argv: Sequence[str]) -> int:
  command = _COMMANDS[name]
  module = importlib.import_module(command.module)
  config = getattr(module, command.config)
  parser = arguments.Parser(prog=f"hund {name}", description=module.__doc__)
  arguments.add_options(parser, config, command.positional, command.short)
  arguments.add_options(parser, devices.DeviceConfig)
  made = arguments.config_of(parser, argv, config)
  devices.prepare(arguments.config_of(parser, argv, devices.DeviceConfig))
  return module.run(made)


if __name__ == "__main__":
  sys.exit(main())
