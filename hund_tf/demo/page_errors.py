"""Errors of users, told on the page."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def told_errors(gr: Any) -> Iterator[None]:
  """Tells a ValueError on the page; `gr` is gradio."""
  try:
    yield
  except ValueError as error:
    raise gr.Error(str(error), print_exception=False) from error
