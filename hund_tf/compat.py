"""TensorFlow set-up that must happen before TensorFlow is first imported.

tensorflow-addons binds to whatever `tf.keras` is, and the models of this
project are written for tf_keras, so the legacy switch is set here, once. Every
module takes `tf` and `tf_keras` from here, and never imports them itself.
"""

import os
import sys
import warnings

# Without a GPU TensorFlow reports its absence as errors; failures are raised.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("GLOG_minloglevel", "2")
if os.environ.setdefault("TF_USE_LEGACY_KERAS", "1") != "1":
  raise ImportError(
    "TF_USE_LEGACY_KERAS is set to "
    f"{os.environ['TF_USE_LEGACY_KERAS']!r}; hund_tf needs it unset or '1'."
  )
if "tensorflow" in sys.modules and "tf_keras" not in sys.modules:
  warnings.warn(
    "TensorFlow was imported before hund_tf: import hund_tf first, or set "
    "TF_USE_LEGACY_KERAS=1, so that tensorflow-addons uses tf_keras.",
    stacklevel=2,
  )

import tensorflow as tf  # noqa: E402
import tf_keras  # noqa: E402
from tensorflow.python.framework.convert_to_constants import (  # noqa: E402
  convert_variables_to_constants_v2,
)

__all__ = ["convert_variables_to_constants_v2", "tf", "tf_keras"]
