"""Opens a page on this machine on which photos and videos can be tried out.

  python -m tools.demo [--demo_port=7860]

It is served to this machine alone, and sends nothing anywhere. Ctrl-C ends it;
uploads and results are removed with it.
"""

from flags import program
from flags.from_config import define
from hund_tf.cli import demo
from hund_tf.cli.demo import DemoConfig

_to_config = define(DemoConfig, "Page")


def main(argv: list[str]) -> int:
  return program.run_config(_to_config, demo.run, argv, "demo")


if __name__ == "__main__":
  program.run(main)
