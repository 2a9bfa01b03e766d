"""The weights of MediaPipe's pose network for the multitask backbone."""

import numpy as np

from hund_tf.detection.graphs.graph import Graph, load_graph
from hund_tf.detection.networks import ASSETS, POSE_LANDMARK

# The value of the graph that the decoder ends with, of [64, 64, 48].
_DECODED = "t279"
_CONVOLUTIONS = ("conv2d", "depthwise_conv2d")


def decoder_graph() -> Graph:
  """The part of `pose_landmark` that `PoseEncoder` is: picture to decoder."""
  graph = load_graph(ASSETS / f"{POSE_LANDMARK}.npz")
  return graph._replace(outputs={"decoded": _DECODED}).pruned()


def pose_encoder_weights() -> list[tuple[np.ndarray, np.ndarray]]:
  """Kernel and bias of each convolution, as `PoseEncoder.assign` takes them."""
  graph = decoder_graph()
  biases = {
    node.inputs[0]: graph.weights[node.inputs[1]]
    for node in graph.nodes
    if node.operation == "bias_add"
  }
  return [
    (graph.weights[node.inputs[1]], biases[node.output])
    for node in graph.nodes
    if node.operation in _CONVOLUTIONS
  ]
