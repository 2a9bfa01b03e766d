"""Fixtures of the tests of programs."""

from types import ModuleType

import pytest
from absl import flags
from absl.testing import flagsaver


@pytest.fixture
def call_main(capsys):
  """Runs a program here: module, flags by name -> code, stdout, stderr."""

  def call(program: ModuleType, **values) -> tuple[int, str, str]:
    # Not parsed: other programs' required flags may be defined here as well.
    flags.FLAGS.mark_as_parsed()
    with flagsaver.flagsaver(**values):
      code = program.main([program.__name__])
    captured = capsys.readouterr()
    return code, captured.out, captured.err

  return call
