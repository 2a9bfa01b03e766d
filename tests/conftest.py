"""Fixtures shared by all tests."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def body_model():
  """The open body model with its default shape decoder and pose prior."""
  from hund_tf.body.model import BodyModel

  return BodyModel()


@pytest.fixture(scope="session")
def shared() -> Path:
  """Folder of reference data that a clone does not have; skips without it."""
  default = Path(__file__).parents[2] / "shared"
  path = Path(os.environ.get("HUND_SHARED", default))
  if not (path / "data").is_dir():
    pytest.skip("needs the reference data (set HUND_SHARED to its folder)")
  return path
