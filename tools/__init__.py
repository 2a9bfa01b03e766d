"""Command-line programs (thin absl mains).

While they load, which takes seconds, an interrupt from the keyboard is one line
too; `flags.program.run` sees to it afterwards.
"""

import multiprocessing
import os
import sys

from hund_tf import interrupts

_report = sys.excepthook


def _report_but_interrupts(kind, value, trace) -> None:
  if issubclass(kind, KeyboardInterrupt):
    print(interrupts.line(value), file=sys.stderr, flush=True)
    os._exit(interrupts.status(value))
  else:
    _report(kind, value, trace)


sys.excepthook = _report_but_interrupts
if multiprocessing.parent_process() is None:
  interrupts.catch_sigterm()
