"""What must be set before TensorFlow is first imported.

tensorflow-addons binds to whatever `tf.keras` is, and the models of this
project are written for tf_keras, so the legacy switch is set when `hund_tf` is
imported, which itself does not import TensorFlow yet.
"""

import os
import sys
import warnings


def prepare() -> None:
  """Sets environment variables that users have not set, and quiets warnings.

  Raises:
    ImportError: if TF_USE_LEGACY_KERAS has another value than '1'.
  """
  # Without a GPU TensorFlow reports its absence as errors; failures are raised.
  os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
  os.environ.setdefault("GLOG_minloglevel", "2")
  # Otherwise TensorFlow takes all memory of every GPU, whatever it needs.
  os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
  legacy = os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
  if legacy != "1":
    raise ImportError(
      f"TF_USE_LEGACY_KERAS is set to {legacy!r}; hund_tf needs it unset or "
      "'1'."
    )
  # Nothing that a user could do about it, and longer than most outputs.
  warnings.filterwarnings(
    "ignore", r"\s*TensorFlow Addons \(TFA\) has ended development"
  )
  if "tensorflow" in sys.modules and "tf_keras" not in sys.modules:
    warnings.warn(
      "TensorFlow was imported before hund_tf: import hund_tf first, or set "
      "TF_USE_LEGACY_KERAS=1, so that tensorflow-addons uses tf_keras.",
      stacklevel=3,
    )
