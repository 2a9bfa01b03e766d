"""TensorFlow and Keras 2, the only place of the library that imports them.

Every module takes `tf` and `tf_keras` from here. What TensorFlow must find in
the environment is set by `hund_tf.environment` when the package is imported.
"""

import tensorflow as tf
import tf_keras
from tensorflow.python.framework.convert_to_constants import (
  convert_variables_to_constants_v2,
)
from tensorflow_graphics.util import export_api  # noqa: E402

# Each module of TensorFlow Graphics lists its names for its documentation by
# inspecting the whole call stack, which takes seconds when it is imported.
export_api.get_functions_and_classes = export_api.get_modules = list

__all__ = ["convert_variables_to_constants_v2", "tf", "tf_keras"]
