"""Fixtures shared by all tests."""

import ctypes
import gc
import os
import sys
from pathlib import Path

import hypothesis
import pytest

# XLA's code runs once or twice in a test: to optimise it takes longer. Before
# TensorFlow is imported, and for the processes that tests start.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")

# The same few examples in every run, of any duration.
hypothesis.settings.register_profile(
  "repeatable", derandomize=True, deadline=None, max_examples=25
)
hypothesis.settings.load_profile("repeatable")


def pytest_collection_modifyitems(items):
  """Files with slow tests first: at the end no process waits for another."""
  slow = {item.path for item in items if item.get_closest_marker("slow")}
  items.sort(key=lambda item: item.path not in slow)


def pytest_collection_finish(session):
  """What is imported stays: the collector need not look through it again."""
  gc.freeze()


@pytest.fixture(scope="module", autouse=True)
def _free_memory():
  """Gives back what the module before traced, which the C library keeps."""
  gc.collect()
  if sys.platform == "linux":
    ctypes.CDLL("libc.so.6").malloc_trim(0)


@pytest.fixture
def eager():
  """The test is one that `run_eagerly`."""
  from tests.eager import run_eagerly

  with run_eagerly():
    yield


@pytest.fixture(scope="session")
def body_model():
  """The open body model with its default shape decoder and pose prior."""
  from hund_tf.body.model import BodyModel

  return BodyModel()


@pytest.fixture(scope="module")
def full_objective(body_model):
  """The objective with all its terms; it keeps what is traced of it."""
  from hund_tf.losses.alignment import AlignmentObjective

  return AlignmentObjective(body_model)


@pytest.fixture(scope="session")
def keypoint_objective(body_model):
  """The objective without its part term, which takes most of the time."""
  from hund_tf.losses.alignment import AlignmentObjective, ObjectiveConfig

  return AlignmentObjective(body_model, ObjectiveConfig(part_weight=0.0))


@pytest.fixture(scope="session")
def shared() -> Path:
  """Folder of reference data that a clone does not have; skips without it."""
  default = Path(__file__).parents[2] / "shared"
  path = Path(os.environ.get("HUND_SHARED", default))
  if not (path / "data").is_dir():
    pytest.skip("needs the reference data (set HUND_SHARED to its folder)")
  return path
