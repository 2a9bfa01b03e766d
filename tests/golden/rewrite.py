"""Writes `values.json` anew: `python -m tests.golden.rewrite`."""

from hund_tf import files
from hund_tf.body.model import BodyModel
from tests.golden import values


def main() -> None:
  files.write_json(values.PATH, values.compute(BodyModel()))
  print(f"wrote {values.PATH}")


if __name__ == "__main__":
  main()
