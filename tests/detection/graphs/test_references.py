"""The committed networks against the programs that they were made for."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from hund_tf.compat import tf
from hund_tf.detection import networks
from hund_tf.detection.graphs.graph import load_graph
from hund_tf.detection.graphs.module import GraphModule
from hund_tf.detection.graphs.tflite import read_tflite
from tests.detection.graphs.record_references import (
  in_range,
  photo_input,
  thinned,
)
from tools import import_detectors as sources

_RECORDED = np.load(Path(__file__).parent / "references.npz")
_ASSETS = Path(networks.__file__).parent / "assets"
_NAMES = sorted(sources.NPM | sources.TFLITE)


@pytest.mark.parametrize("name", _NAMES)
def test_networks_equal_what_was_recorded(name):
  graph = load_graph(_ASSETS / f"{name}.npz")
  images = photo_input(name, graph.input_shape[0])
  # Beside another image, since a batch must not mix its images.
  batch = tf.constant(np.concatenate([images[:, ::-1, ::-1], images]))
  found = GraphModule(graph)(batch)
  recorded = {key for key in _RECORDED if key.startswith(f"{name}/")}
  recorded.discard("movenet_thunder/keypoints")
  assert recorded == {f"{name}/{output}" for output in found}
  for output, values in found.items():
    expected = _RECORDED[f"{name}/{output}"]
    scale = np.ptp(expected) if expected.size > 1 else 1.0
    error = np.abs(thinned(values[1]) - expected).max()
    assert error < 1e-3 * scale, f"{output}: {error / scale} of its range"


@pytest.mark.skipif(
  importlib.util.find_spec("mediapipe") is None,
  reason="needs the networks of mediapipe 0.10.14, which is not installed",
)
@pytest.mark.parametrize(
  "name",
  [
    *(file for source in sources.TFLITE.values() for file in source.files),
    "mediapipe/modules/palm_detection/palm_detection_full.tflite",
  ],
)
def test_networks_equal_the_interpreter(name):
  spec = importlib.util.find_spec("mediapipe")
  path = Path(spec.submodule_search_locations[0]).parent / name
  graph = read_tflite(path)
  interpreter = tf.lite.Interpreter(str(path))
  interpreter.allocate_tensors()
  images = np.random.default_rng(0).random((2, *graph.input_shape), np.float32)
  found = GraphModule(graph)(tf.constant(images))
  for i in range(2):
    index = interpreter.get_input_details()[0]["index"]
    interpreter.set_tensor(index, images[i : i + 1])
    interpreter.invoke()
    for output in interpreter.get_output_details():
      expected = interpreter.get_tensor(output["index"])[0]
      scale = np.ptp(expected) if expected.size > 1 else 1.0
      error = np.abs(found[output["name"]][i] - expected).max()
      assert error < 1e-3 * scale


def test_a_network_reads_crops_in_batches_of_any_size(monkeypatch):
  network = networks.Network(networks.HAND_RECROP)
  crops = np.random.default_rng(1).integers(
    0, 256, (5, network.side, network.side, 3), np.uint8
  )
  whole = network(crops)["region"]
  assert whole.shape == (5, 1, 1, 4)
  monkeypatch.setattr(networks, "MAX_BATCH", 2)
  np.testing.assert_allclose(network(crops)["region"], whole, rtol=1e-4)
  single = [network(crop[None])["region"] for crop in crops]
  np.testing.assert_allclose(np.concatenate(single), whole, rtol=1e-4)


def test_a_network_that_is_not_there_is_named():
  with pytest.raises(FileNotFoundError, match="no_such.npz"):
    networks.Network("no_such")


def test_one_network_of_a_name_in_a_process():
  first = networks.shared_network(networks.HAND_RECROP)
  assert networks.shared_network(networks.HAND_RECROP) is first


@pytest.mark.parametrize("name", _NAMES)
def test_networks_get_the_range_that_they_were_trained_with(name):
  image = np.arange(2 * 2 * 3, dtype=np.uint8).reshape(1, 2, 2, 3) * 20
  image = image.astype(np.float32)
  found = networks.prepared(name, tf.constant(image)).numpy()
  expected = in_range(name, image)
  np.testing.assert_allclose(found, expected, atol=1e-6)
