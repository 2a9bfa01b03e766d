"""The descent as a function of operations that other runtimes have.

`tflite` and `onnx` write it. Inputs are those of `saved_model`, by the same
names. Outputs, of the last state alone, which is not polished:

  state/*      [B, ...]      the fields of `HumanState`
  joints       [B, 63, 3]    metres, camera frame
  keypoints    [B, 137, 3]   metres, camera frame
  rotations    [B, 63, 3, 3] local rotations
  vertices     [B, V, 3]     metres, camera frame, if they are asked for
"""

from collections.abc import Callable, Mapping

from hund_tf.compat import convert_variables_to_constants_v2, tf
from hund_tf.export.portable_ops import REPLACED, new_axes
from hund_tf.export.saved_model import ReconstructionModule

SIGNATURE = "serving_default"
_PASSED_ON = ("Identity", "IdentityN", "StopGradient")

Replacements = Mapping[str, Callable[..., tf.Tensor]]
ConcreteFunction = tf.types.experimental.ConcreteFunction


def descent(
  module: ReconstructionModule,
  vertices: bool = True,
  replaced: Replacements = REPLACED,
) -> ConcreteFunction:
  """The descent of B people in operations that a format has.

  Args:
    module: what is written, without a polish.
    vertices: whether they are put out.
    replaced: operations that the format lacks.

  Returns:
    A function of tensors by name, with constants in place of variables.
  """

  def last_state(**inputs):
    outputs = module.reconstruct(inputs)
    kept = {
      name: value[:, -1]
      for name, value in outputs.items()
      if name.startswith("state/")
    }
    for name in ("joints", "keypoints", "rotations"):
      kept[name] = outputs[name]
    return kept | ({"vertices": outputs["vertices"]} if vertices else {})

  traced = tf.function(last_state, autograph=False)
  return without_rare_operations(
    traced.get_concrete_function(**module.input_specs()), replaced
  )


def without_rare_operations(
  function: ConcreteFunction, replaced: Replacements = REPLACED
) -> ConcreteFunction:
  """The same function with some operations written out.

  Args:
    function: of tensors by name, to tensors by name.
    replaced: functions by the operation's type.
  """
  names = sorted(function.structured_outputs)  # as `tf.nest.flatten` has them
  frozen = convert_variables_to_constants_v2(function)
  specs = {
    x.op.name: tf.TensorSpec(x.shape, x.dtype, x.op.name) for x in frozen.inputs
  }

  def replayed(**inputs):
    known = {x.name: inputs[x.op.name] for x in frozen.inputs}
    for operation in _sorted(frozen.graph):
      _replay(operation, known, replaced)
    found = [known[x.name] for x in frozen.outputs]
    for value, name in zip(found, names, strict=True):
      value.set_shape(function.structured_outputs[name].shape)
    return dict(zip(names, found, strict=True))

  return tf.function(replayed, autograph=False).get_concrete_function(**specs)


def _sorted(graph: tf.Graph) -> list[tf.Operation]:
  """Operations, each after those whose outputs it takes."""
  done, order = set(), []
  for last in graph.get_operations():
    waiting = [last]
    while waiting:
      operation = waiting[-1]
      missing = [x.op for x in operation.inputs if x.op.name not in done]
      if missing:
        waiting += missing
        continue
      waiting.pop()
      if operation.name not in done:
        done.add(operation.name)
        order.append(operation)
  return order


def _replay(
  operation: tf.Operation, known: dict[str, tf.Tensor], replaced: Replacements
) -> None:
  """Makes an operation, or what replaces it, in the function being traced.

  Args:
    operation: of the function that is replayed.
    known: tensors of the new function by the names of those they stand for;
      the outputs are added.
    replaced: functions by the operation's type.
  """
  if operation.type in ("Placeholder", "NoOp"):
    return
  inputs = [known[x.name] for x in operation.inputs]
  # Those with an underscore name gradients and devices.
  attributes = {
    name: value
    for name, value in operation.node_def.attr.items()
    if not name.startswith("_")
  }
  if operation.type in _PASSED_ON:
    outputs = inputs
  elif operation.type == "StridedSlice" and new_axes(operation):
    value = inputs[0]
    for axis in new_axes(operation):
      value = tf.expand_dims(value, axis)
    outputs = [value]
  elif operation.type in replaced:
    with tf.name_scope(operation.type):
      outputs = [replaced[operation.type](*inputs)]
  else:
    outputs = (
      tf.compat.v1.get_default_graph()
      .create_op(
        operation.type,
        inputs,
        [x.dtype for x in operation.outputs],
        name=operation.name.replace("/", "_"),
        attrs=attributes,
      )
      .outputs
    )
  for old, new in zip(operation.outputs, outputs, strict=True):
    known[old.name] = new
