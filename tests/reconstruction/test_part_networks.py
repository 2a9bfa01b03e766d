"""The networks of hands and faces behind the interface of part readers."""

import numpy as np

from hund_tf.compat import tf
from hund_tf.losses.alignment import AlignmentObjective
from hund_tf.models.hund import part_weights
from hund_tf.models.hund.part_cell import PartConfig
from hund_tf.reconstruction.method_config import MethodConfig, find_parts
from hund_tf.reconstruction.methods import OptimizerMethod
from hund_tf.reconstruction.part_config import PartsConfig
from hund_tf.reconstruction.part_networks import PartNetwork
from hund_tf.synthetic.part_examples import PartExamples
from tests.eager import run_eagerly


def test_a_reader_gives_the_descents_of_any_number(body_model):
  model = part_weights.make(body_model, PartConfig(part="hand", units=16))
  with run_eagerly():
    example = PartExamples(body_model, "hand").example_batch(0, 0, 3)
  reader = PartNetwork(model)
  for count in (1, 3):
    given = tf.nest.map_structure(
      lambda x, count=count: x[:count], (example.features, example.intrinsics)
    )
    found = reader(*given)
    with run_eagerly():
      expected = model(*given)
    for one, other in zip(
      tf.nest.flatten(found), tf.nest.flatten(expected), strict=True
    ):
      np.testing.assert_allclose(one, other, rtol=1e-3, atol=2e-3)
    last = tf.nest.map_structure(lambda x: x[:, -1], found.state)
    assert reader.keypoints(last).shape == (count, 21, 3)


def test_optimisers_have_no_parts(body_model):
  method = OptimizerMethod(AlignmentObjective(body_model))
  config = MethodConfig(method="bfgs")
  assert find_parts(PartsConfig(), method, config) is None
