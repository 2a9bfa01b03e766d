"""Neural descent for visual 3D human pose and shape, in TensorFlow."""

from hund_tf import compat  # noqa: F401  (sets up TensorFlow first)

__version__ = "0.1.0"
