"""Loads a server of this machine, and prints rates, latencies and errors.

  hund serve --model_dir=exported
  python -m tools.load_test --minutes=10

Finds the rate that the server sustains, sends half of it for --minutes, then
three times of it. Fails if a request is neither answered nor refused (429, 503)
or if the server's memory grows by 2% at half of the rate.
"""

import sys

from absl import app

from flags import program
from flags.from_config import define
from hund_tf.api.demo import demo_photo
from hund_tf.serving import load

_to_config = define(load.LoadConfig, "Load")


def main(argv: list[str]) -> int:
  if len(argv) > 1:
    raise app.UsageError(f"unexpected arguments: {' '.join(argv[1:])}")
  config = _to_config()
  try:
    paths = config.load_photos or (demo_photo(),)
    photos = [path.read_bytes() for path in paths]
    good = load.run(config, photos, lambda line: print(line, flush=True))
  except OSError as error:
    print(f"load_test: {error}", file=sys.stderr)
    return 1
  return 0 if good else 1


if __name__ == "__main__":
  program.run(main)
