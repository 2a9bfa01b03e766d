"""The descent as an ONNX file of opset 17.

`portable` has names and shapes of its inputs and outputs; it takes any number
of people from 1 on. The packages are those of the extra `onnx`.
"""

import logging
import os
from pathlib import Path

from hund_tf.export import portable
from hund_tf.extras import load_extra
from hund_tf.files import atomic_path

OPSET = 17


def write(function: portable.ConcreteFunction, path: str | os.PathLike) -> Path:
  """Writes a function of `portable` as a .onnx file.

  Args:
    function: of tensors by name, to tensors by name.
    path: of the file; replaced atomically.

  Returns:
    The path.

  Raises:
    ImportError: if the extra is not installed.
    ValueError: if it has operations that ONNX does not have.
    OutputError: if the file cannot be written.
  """
  load_extra("onnx", "onnx")
  convert = load_extra("tf2onnx.convert", "onnx")
  logging.getLogger("tf2onnx").setLevel(logging.ERROR)
  names = sorted(function.structured_outputs)
  given = [x.name for x in function.inputs]
  found = [x.name for x in function.outputs]
  renamed = {x: x.split(":")[0] for x in given} | dict(
    zip(found, names, strict=True)
  )
  try:
    model, _ = convert.from_graph_def(
      function.graph.as_graph_def(),
      name="hund",
      input_names=given,
      output_names=found,
      opset=OPSET,
      tensors_to_rename=renamed,
    )
  except (ValueError, NotImplementedError) as error:
    raise ValueError(
      f"{path}: ONNX cannot hold the model ({str(error).splitlines()[0]})"
    ) from error
  path = Path(path)
  with atomic_path(path) as temporary:
    temporary.write_bytes(model.SerializeToString())
  return path
