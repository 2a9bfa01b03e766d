"""`import hund_tf`: cheap, and with everything that users are promised."""

import os
import subprocess
import sys

import pytest

import hund_tf


def _python(code: str, **environment: str) -> subprocess.CompletedProcess:
  """Runs code in a fresh interpreter, without this one's Keras switch."""
  inherited = {
    k: v for k, v in os.environ.items() if k != "TF_USE_LEGACY_KERAS"
  }
  return subprocess.run(
    [sys.executable, "-c", code],
    capture_output=True,
    text=True,
    env=inherited | environment,
  )


def test_import_loads_nothing_heavy():
  code = """
import sys
import hund_tf
heavy = {"tensorflow", "tf_keras", "numpy", "scipy", "cv2", "mediapipe", "PIL"}
print(sorted(heavy & set(sys.modules)), len(sys.modules) < 150)
"""
  done = _python(code)
  assert done.stdout.strip() == "[] True", done.stdout + done.stderr


def test_tensorflow_after_hund_tf_is_with_keras_2():
  code = """
import hund_tf
import tensorflow as tf
from hund_tf.compat import tf_keras
assert tf.keras.layers.Dense is tf_keras.layers.Dense
"""
  done = _python(code)
  assert done.returncode == 0, done.stderr
  assert "imported before" not in done.stderr


def test_tensorflow_before_hund_tf_is_told():
  code = """
import sys, types
sys.modules["tensorflow"] = types.ModuleType("tensorflow")
import hund_tf
"""
  assert "import hund_tf first" in _python(code).stderr


def test_other_keras_is_refused():
  done = _python("import hund_tf", TF_USE_LEGACY_KERAS="0")
  assert done.returncode == 1
  assert "TF_USE_LEGACY_KERAS is set to '0'" in done.stderr


def test_every_public_name_is_there():
  for name in hund_tf.__all__:
    assert getattr(hund_tf, name) is not None
    assert name in dir(hund_tf)
  assert hund_tf.BodyModel.__module__ == "hund_tf.body.model"


def test_unknown_name_is_an_attribute_error():
  with pytest.raises(AttributeError, match="no attribute 'lode'"):
    hund_tf.lode  # noqa: B018


def test_demo_photo():
  assert hund_tf.demo_photo().read_bytes()[:2] == b"\xff\xd8"
  with pytest.raises(ValueError, match="give one of astronaut, cameraman"):
    hund_tf.demo_photo("nobody")
