"""The descent as an ONNX file of opset 18.

`portable` has names and shapes of its inputs and outputs; it takes any number
of people from 1 on. The packages are those of the extra `onnx`.
"""

import logging
import os
from pathlib import Path

from hund_tf.compat import tf
from hund_tf.export import portable
from hund_tf.extras import load_extra
from hund_tf.files import atomic_path

OPSET = 18


def write(function: portable.ConcreteFunction, path: str | os.PathLike) -> Path:
  """Writes a function of `portable` as a .onnx file.

  Args:
    function: of tensors by name, to tensors by name, with the operations of
      `REPLACED_IN_ONNX` replaced.
    path: of the file; replaced atomically.

  Returns:
    The path.

  Raises:
    ImportError: if the extra is not installed.
    ValueError: if it has operations that ONNX does not have.
    OutputError: if the file cannot be written.
  """
  checker = load_extra("onnx.checker", "onnx")
  converter = load_extra("tf2onnx.tfonnx", "onnx")
  # Raised below; it would print each twice.
  logging.getLogger("tf2onnx").setLevel(logging.CRITICAL)
  names = sorted(function.structured_outputs)  # as `tf.nest.flatten` has them
  given = [x.name for x in function.inputs]
  found = [x.name for x in function.outputs]
  renamed = {x: x.split(":")[0] for x in given}
  renamed |= dict(zip(found, names, strict=True))
  try:
    with tf.Graph().as_default() as graph:
      tf.import_graph_def(function.graph.as_graph_def(), name="")
      # Runtimes optimise the graph themselves, much faster than tf2onnx.
      model = converter.process_tf_graph(
        graph,
        opset=OPSET,
        input_names=given,
        output_names=found,
        tensors_to_rename=renamed,
      ).make_model("hund")
    checker.check_model(model)
  except (ValueError, checker.ValidationError) as error:
    raise ValueError(
      f"{path}: ONNX cannot hold the model ({str(error).splitlines()[0]})"
    ) from error
  path = Path(path)
  with atomic_path(path) as temporary:
    temporary.write_bytes(model.SerializeToString())
  return path
