"""The multitask network: sizes, outputs, precision, weights files."""

import dataclasses

import numpy as np
import pytest

from hund_tf.compat import tf
from hund_tf.models.hund.weights import WeightsError
from hund_tf.models.multitask import weights
from hund_tf.models.multitask.config import PAPER, SMALL
from hund_tf.models.multitask.layers import ResidualBlock
from hund_tf.models.multitask.network import (
  MultitaskNetwork,
  forward_flops,
  image_features,
)
from tests.models import tiny_network
from tests.models.tiny_network import TINY


@pytest.fixture(scope="module")
def tiny():
  return tiny_network.make(0)


@pytest.fixture(scope="module")
def images():
  random = np.random.default_rng(1)
  return random.uniform(size=[2, 240, 240, 3]).astype(np.float32)


def _symbolic(model):
  """What the network returns, as specifications: nothing is computed."""
  side = model.config.input_size
  spec = tf.TensorSpec([1, side, side, 3], tf.float32)
  function = tf.function(model.call, autograph=False)
  return function.get_concrete_function(spec).structured_outputs


def test_outputs_of_the_paper_s_network():
  model = MultitaskNetwork(PAPER)
  output = _symbolic(model)
  assert output.features.shape == (1, 60, 60, 256)
  assert [s.heatmap_logits.shape for s in output.stages] == [
    (1, 60, 60, 137)
  ] * 4
  assert output.stages[-1].part_logits.shape == (1, 60, 60, 15)


def test_outputs_of_the_small_network():
  model = MultitaskNetwork(SMALL)
  output = model(tf.zeros([1, 240, 240, 3]))
  assert output.features.shape == (1, 60, 60, 32)
  assert output.heatmaps.shape == (1, 60, 60, 137)
  assert output.part_probs.shape == (1, 60, 60, 15)


def test_outputs(tiny, images):
  output = tiny(images)
  heatmaps, parts = output.heatmaps.numpy(), output.part_probs.numpy()
  assert heatmaps.shape == (2, 60, 60, 137)
  assert heatmaps.min() >= 0.0 and heatmaps.max() <= 1.0
  np.testing.assert_allclose(parts.sum(-1), 1.0, rtol=1e-5)
  inside = np.ones([2, 60, 60], np.float32)
  inside[1, :, 40:], inside[1, :, 39] = 0.0, 0.25
  features = image_features(output, inside)
  assert features.features.shape == (2, 60, 60, 6)
  assert image_features(output, inside, False).features.shape[-1] == 0
  assert features.part_weights.numpy().min() == 1.0
  # Beyond the photo: half background, no part.
  found = features.part_probs.numpy()
  np.testing.assert_array_equal(found[0], parts[0])
  np.testing.assert_array_equal(found[1, :, :39], parts[1, :, :39])
  unseen = np.eye(15)[0] / 2.0
  np.testing.assert_array_equal(found[1, 7, 50], unseen)
  np.testing.assert_allclose(
    found[1, 9, 39], 0.25 * parts[1, 9, 39] + 0.75 * unseen, rtol=1e-5
  )


def test_crops_of_another_size_are_resized(tiny):
  def waves(side):
    x, y = np.meshgrid(*[(np.arange(side) + 0.5) / side] * 2)
    channels = [np.cos(6 * x), np.cos(5 * y), np.cos(4 * x + 3 * y)]
    return (0.5 + 0.5 * np.stack(channels, -1))[None].astype(np.float32)

  found, expected = tiny(waves(480)).heatmaps, tiny(waves(240)).heatmaps
  assert found.shape == (1, 60, 60, 137)
  # Where nothing is beyond the border, which resizing treats in its own way.
  inner = (slice(None), slice(8, -8), slice(8, -8))
  np.testing.assert_allclose(found[inner], expected[inner], atol=0.02)


def test_second_stage_reads_the_first(tiny, images):
  """Its maps change with the first one's heads, and not the other way."""
  before = tiny(images)
  head = tiny._stages[0]._heatmaps.bias
  kept = head.numpy()
  head.assign_sub(np.linspace(0.0, 20.0, kept.size).astype(np.float32))
  after = tiny(images)
  head.assign(kept)
  change = np.abs(
    after.stages[1].part_logits.numpy() - before.stages[1].part_logits.numpy()
  )
  assert change.max() > 1e-4
  np.testing.assert_array_equal(
    after.stages[0].part_logits, before.stages[0].part_logits
  )


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_heads_are_float32_in_mixed_precision(precision):
  config = dataclasses.replace(TINY, precision=precision)
  model = MultitaskNetwork(config)
  with tf.GradientTape() as tape:
    output = model(tf.ones([1, 240, 240, 3]), training=True)
    loss = tf.reduce_sum(output.heatmaps) + tf.reduce_sum(output.part_probs**2)
  for stage in output.stages:
    assert stage.heatmap_logits.dtype == stage.part_logits.dtype == tf.float32
  assert output.features.dtype == tf.float32
  assert model.backbone._stem._convolution.compute_dtype != "float32"
  assert all(v.dtype == tf.float32 for v in model.trainable_variables)
  gradients = tape.gradient(loss, model.trainable_variables)
  assert all(np.isfinite(g.numpy()).all() for g in gradients)


def test_maps_stay_in_low_precision():
  """Between convolutions no map is made float32 and back, which is slow."""
  block = ResidualBlock(4, "mixed_bfloat16", "block")
  maps = tf.TensorSpec([1, 6, 6, 4], tf.bfloat16)
  call = tf.function(lambda x: block(x, training=True), autograph=False)
  graph = call.get_concrete_function(maps).graph
  casts = [
    operation.outputs[0].dtype
    for operation in graph.get_operations()
    if operation.type == "Cast" and operation.inputs[0].shape[1:3] == (6, 6)
  ]
  assert tf.float32 not in casts
  assert graph.structured_outputs.dtype == tf.bfloat16


def test_weights_round_trip(tiny, images, tmp_path):
  expected = tiny(images).heatmaps.numpy()
  weights.save(tiny, tmp_path / "whole.npz")
  again = weights.load(tmp_path / "whole.npz")
  assert again.config == TINY
  np.testing.assert_array_equal(again(images).heatmaps, expected)
  weights.save(tiny, tmp_path / "half.npz", half=True)
  half = weights.load(tmp_path / "half.npz")
  np.testing.assert_allclose(half(images).heatmaps, expected, atol=0.02)
  sizes = [(tmp_path / f"{n}.npz").stat().st_size for n in ("whole", "half")]
  assert sizes[1] < 0.75 * sizes[0]


def test_unusable_weights_are_named(tiny, tmp_path):
  path = tmp_path / "weights.npz"
  path.write_bytes(b"no npz")
  with pytest.raises(WeightsError, match=r"weights\.npz: cannot be read"):
    weights.load(path)
  weights.save(tiny, path)
  wider = MultitaskNetwork(dataclasses.replace(TINY, feature_channels=7))
  with pytest.raises(WeightsError, match="has shape"):
    weights.assign(wider, path)


def test_new_blocks_change_nothing_and_learn(images, tmp_path):
  """Weights of a network with fewer layers start a larger one."""
  less = MultitaskNetwork(dataclasses.replace(TINY, fine_blocks=0))
  path = tmp_path / "less.npz"
  weights.save(less, path)
  more = MultitaskNetwork(TINY)
  # Two convolutions, each with scale, shift, mean and variance after it.
  assert weights.assign(more, path) == 10
  with tf.GradientTape() as tape:
    parts = more(images).part_probs
    loss = tf.reduce_sum(parts**2)
  np.testing.assert_array_equal(parts, less(images).part_probs)
  block = next(
    v
    for v in more.trainable_variables
    if "fine_block0/second/norm/gamma" in v.name
  )
  assert np.abs(tape.gradient(loss, block).numpy()).max() > 0.0
  with pytest.raises(WeightsError, match="fine_block0"):
    weights.save(more, path)
    weights.assign(less, path)


@pytest.mark.parametrize(
  ("changes", "message"),
  [
    ({"backbone": "vgg"}, "backbone"),
    ({"precision": "float8"}, "precision"),
    ({"stages": 0}, "stages"),
    ({"stage_size": 20}, "stage_size"),
    ({"filters": (1, 2)}, "filters"),
  ],
)
def test_settings_that_make_no_network(changes, message):
  with pytest.raises(ValueError, match=message):
    dataclasses.replace(SMALL, **changes)


def test_arithmetic_of_a_pass(tiny):
  """At least that of the convolutions, counted by hand, and not much more."""
  sizes = {"stem": 60, "down1": 30, "block1_0": 30, "down2": 15, "down3": 8}
  sizes |= {"lateral0": 60, "lateral1": 30, "lateral2": 15, "lateral3": 8}
  sizes |= {"narrow0": 30, "smooth0": 60, "smooth1": 30, "smooth2": 15}
  sizes |= {"fine_mix": 60, "fine_conv": 60, "narrow": 30, "mix": 30}
  sizes |= {"fine_block0": 60, "recall": 30, "conv0": 30, "heatmaps": 30}
  total = 0
  for variable in tiny.trainable_variables:
    if "kernel" not in variable.name:
      continue
    parts = variable.name.split("/")
    size = next((sizes[p] for p in parts if p in sizes), None)
    if size is None:  # parts: of the last stage they are fine
      size = 60 if "stage1" in parts else 30
    total += 2 * size**2 * variable.shape.num_elements()
  found = forward_flops(tiny)
  assert total <= found < 1.6 * total
