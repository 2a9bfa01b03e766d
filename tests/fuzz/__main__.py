"""Reads damaged files of all kinds and prints what came of them, as a table.

    python -m tests.fuzz [--kind NAME] [--share 0.1] [--seed 0]
    python -m tests.fuzz --kind NAME --save FILE --case 17

The second writes a file that a line of the first tells of. The exit status is
1 if anything but a result or a documented error came of a file.
"""

import argparse
import sys
from pathlib import Path

from tests.fuzz import harness
from tests.fuzz.kinds import all_kinds


def main() -> int:
  kinds = all_kinds()
  parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
  parser.add_argument("--kind", choices=kinds, action="append", metavar="NAME")
  parser.add_argument("--share", type=float, default=1.0, metavar="NUMBER")
  parser.add_argument("--seed", type=int, default=0, metavar="NUMBER")
  parser.add_argument("--case", type=int, metavar="NUMBER")
  parser.add_argument("--save", type=Path, metavar="FILE")
  options = parser.parse_args()
  chosen = [kinds[name] for name in options.kind or kinds]
  if options.save:
    options.save.write_bytes(chosen[0].file(options.seed, options.case))
    return 0
  tallies = []
  for kind in chosen:
    count = max(1, round(options.share * kind.count))
    tallies.append(harness.run(kind, options.seed, 0, count))
    print("\n".join(tallies[-1].failures), file=sys.stderr, end="\n\n")
  print(harness.table(tallies))
  return int(any(tally.failures for tally in tallies))


if __name__ == "__main__":
  sys.exit(main())
