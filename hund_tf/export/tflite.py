"""The descent as a TensorFlow Lite file, in built-in operations alone.

`portable` has names and shapes of its inputs and outputs. An interpreter is
asked for its signature runner; it takes any number of people from 1 on, as
`resize_tensor_input` or the runner itself sets it.
"""

import os
import tempfile
from pathlib import Path

from hund_tf.compat import tf
from hund_tf.export import portable
from hund_tf.files import atomic_path


def write(function: portable.ConcreteFunction, path: str | os.PathLike) -> Path:
  """Writes a function of `portable` as a .tflite file.

  Args:
    function: of tensors by name, to tensors by name.
    path: of the file; replaced atomically.

  Returns:
    The path.

  Raises:
    ValueError: if it has operations that TensorFlow Lite does not have.
    OutputError: if the file cannot be written.
  """
  holder = tf.Module()
  holder.function = function
  # Only a SavedModel's signature keeps the names of the outputs.
  with tempfile.TemporaryDirectory() as folder:
    tf.saved_model.save(holder, folder, {portable.SIGNATURE: function})
    converter = tf.lite.TFLiteConverter.from_saved_model(
      folder, signature_keys=[portable.SIGNATURE]
    )
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    try:
      data = converter.convert()
    except tf.lite.ConverterError as error:  # type: ignore[attr-defined]
      lines = [x for x in str(error).splitlines() if "Select ops" in x]
      raise ValueError(
        f"{path}: TensorFlow Lite cannot hold the model "
        f"({'; '.join(lines) or str(error).splitlines()[0]})"
      ) from error
  path = Path(path)
  with atomic_path(path) as temporary:
    temporary.write_bytes(data)
  return path
