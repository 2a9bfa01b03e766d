"""Command-line programs (thin absl mains).

While they load, which takes seconds, an interrupt from the keyboard is one line
too; `flags.program.run` sees to it afterwards.
"""

import os
import sys

_report = sys.excepthook


def _report_but_interrupts(kind, value, trace) -> None:
  if issubclass(kind, KeyboardInterrupt):
    print("interrupted", file=sys.stderr, flush=True)
    os._exit(130)
  else:
    _report(kind, value, trace)


sys.excepthook = _report_but_interrupts
