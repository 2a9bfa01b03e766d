"""Starts programs of `program` by forking, so that imports are paid for once.

    LD_PRELOAD=strike.so python -m tests.kills.server MODULE

It imports the module, then reads a line of JSON for each start: `arguments` of
the program, its `environment`, and the file of its `output`. It answers with
the number of the process, and when that has ended with its exit status, which
is negative for a signal. TensorFlow has not begun to work when it forks.
"""

import importlib
import json
import os
import signal
import sys
import traceback

from tests.kills import program


def _run(request: dict) -> None:
  """The forked process; does not come back."""
  status = 1
  try:
    descriptor = os.open(request["output"], os.O_WRONLY | os.O_CREAT)
    for number in (1, 2):
      os.dup2(descriptor, number)
    os.environ.update(request["environment"])
    signal.signal(signal.SIGINT, signal.default_int_handler)
    program.main(["program", *request["arguments"]])
    status = 0
  except SystemExit as ended:
    status = int(ended.code or 0)
  except BaseException:
    traceback.print_exc()
  finally:
    sys.stdout.flush()
    os._exit(status)


def main(argv: list[str]) -> None:
  importlib.import_module(argv[1])
  del sys.modules[argv[1]]  # for it is run as a program, which reads it anew
  for line in sys.stdin:
    child = os.fork()
    if not child:
      _run(json.loads(line))
    print(child, flush=True)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(status, flush=True)


if __name__ == "__main__":
  main(sys.argv)
