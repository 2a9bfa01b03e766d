"""Programs around the multitask network: publish, measure, join with HUND."""

import json

import numpy as np
import pytest
from absl import flags
from absl.testing import flagsaver

from flags import feature_flags
from hund_tf.detection.feature_config import load_trainable_network
from hund_tf.losses.alignment import AlignmentObjective, ObjectiveConfig
from hund_tf.models.hund import weights
from hund_tf.models.multitask import weights as multitask_weights
from hund_tf.models.multitask.mirror_average import MirrorAverage
from hund_tf.models.multitask.network import MultitaskNetwork
from hund_tf.training import run_folder
from hund_tf.training.loop import BEST_WEIGHTS, LAST_WEIGHTS
from hund_tf.training.multitask.batches import held_out_batches
from hund_tf.training.multitask.config import MultitaskTrainingConfig
from hund_tf.training.multitask.trainer import make_judge, score
from tests.models import tiny_network
from tests.records import people, pictures
from tools import evaluate_multitask, publish_multitask, train_hund

# Required by the programs, but not by others whose flags are parsed in this
# process.
for _name in ("network_run_dirs", "metrics_output", "run_dir"):
  flags.FLAGS.set_default(_name, "unset")


@pytest.fixture(scope="module")
def manifest(body_model, tmp_path_factory):
  folder = tmp_path_factory.mktemp("records")
  return people.write(folder, "people", pictures.make(body_model, 4))


@pytest.fixture(scope="module")
def network(tmp_path_factory):
  """The file of a network with random weights."""
  path = tmp_path_factory.mktemp("network") / "tiny.npz"
  multitask_weights.save(tiny_network.make(3), path)
  return path


@pytest.fixture(autouse=True)
def _parsed():
  flags.FLAGS.mark_as_parsed()


def test_a_published_network_comes_with_its_runs(network, tmp_path):
  runs = [tmp_path / name for name in ("first", "second")]
  for run in runs:
    settings = run_folder.describe(training=MultitaskTrainingConfig(seed=4))
    text = "--training_seed=4\n--train_records=/home/me/records\n"
    run_folder.claim(run, settings, text)
    (run / run_folder.STEPS_FILE).write_text("step,seconds\n10,3.5\n")
    (run / run_folder.VALIDATION_FILE).write_text(
      "step,pck,part_iou\n5,0.4,0.2\n10,0.5,0.3\n"
    )
  (runs[1] / BEST_WEIGHTS).write_bytes(network.read_bytes())
  output = tmp_path / "out" / "small.npz"
  with flagsaver.flagsaver(
    network_run_dirs=[str(run) for run in runs], network_output=str(output)
  ):
    assert publish_multitask.main(["publish_multitask"]) == 0
  published = multitask_weights.load(output)
  for a, b in zip(
    published.variables, multitask_weights.load(network).variables, strict=True
  ):
    np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3)
  text = output.with_suffix(".flags").read_text()
  assert "# Run 2 of 2" in text and "/home/me" not in text
  metrics = json.loads(output.with_suffix(".metrics.json").read_text())
  examples = 10 * MultitaskTrainingConfig().batch_size
  assert metrics["examples"] == 2 * examples
  assert metrics["runs"][1]["validation_part_iou"] == "0.3"
  with flagsaver.flagsaver(
    network_run_dirs=[str(runs[-1])],
    network_output=str(output),
    add_to_history=True,
  ):
    assert publish_multitask.main(["publish_multitask"]) == 0
  longer = output.with_suffix(".flags").read_text()
  assert longer.startswith(text.replace("of 2", "of 3"))
  assert longer.count("# Run") == 3
  metrics = json.loads(output.with_suffix(".metrics.json").read_text())
  assert len(metrics["runs"]) == 3 and metrics["examples"] == 3 * examples


def test_only_a_known_history_is_added_to(tmp_path, capsys):
  output = tmp_path / "o.npz"
  output.with_suffix(".metrics.json").write_text('{"runs": [{}]}')
  output.with_suffix(".flags").write_text("--steps=1\n")
  with flagsaver.flagsaver(
    network_run_dirs=[str(tmp_path)],
    network_output=str(output),
    add_to_history=True,
  ):
    assert publish_multitask.main(["publish_multitask"]) == 1
  assert "1 runs in its .metrics.json and 0 in" in capsys.readouterr().err
  assert not output.exists()


def test_a_run_without_validation_is_not_published(tmp_path, capsys):
  with flagsaver.flagsaver(
    network_run_dirs=[str(tmp_path)], network_output=str(tmp_path / "o.npz")
  ):
    assert publish_multitask.main(["publish_multitask"]) == 1
  assert "publish_multitask: " in capsys.readouterr().err
  assert not (tmp_path / "o.npz").exists()


@pytest.mark.parametrize("average", [False, True])
def test_figures_join_those_of_a_file(network, manifest, tmp_path, average):
  path = tmp_path / "metrics.json"
  path.write_text('{"runs": [1]}')
  with flagsaver.flagsaver(
    network_weights=str(network),
    mirror_average=average,
    validation_records=str(manifest.folder),
    metrics_output=str(path),
    sheet_output=str(tmp_path / "sheet.png"),
    annotations=[],
  ):
    assert evaluate_multitask.main(["evaluate_multitask"]) == 0
  figures = json.loads(path.read_text())
  assert figures["runs"] == [1]
  model = multitask_weights.load(network)
  if average:
    model = MirrorAverage(model)
  batches = held_out_batches(manifest, 4, model.config.input_size, 4)
  expected = score(make_judge(model), batches).as_dict()
  assert figures["held_out"] == {"records": 4, **expected}
  assert figures["photos"] == {}
  assert (tmp_path / "sheet.png").stat().st_size > 1000


def test_unusable_network_weights_are_named(tmp_path, capsys):
  with flagsaver.flagsaver(
    network_weights=str(tmp_path / "none.npz"),
    metrics_output=str(tmp_path / "metrics.json"),
  ):
    assert evaluate_multitask.main(["evaluate_multitask"]) == 1
  assert "none.npz" in capsys.readouterr().err
  assert not (tmp_path / "metrics.json").exists()


def test_two_looks_are_not_for_training(network):
  with (
    flagsaver.flagsaver(network_weights=str(network), mirror_average=True),
    pytest.raises(ValueError, match="--mirror_average: got true"),
  ):
    load_trainable_network(feature_flags.to_config())


def test_network_and_descent_are_trained_as_one(
  network, manifest, body_model, tmp_path, monkeypatch
):
  """Both models are written, and both have learned."""
  # The whole process would keep its threads.
  monkeypatch.setattr(train_hund, "prepare_devices", lambda run: None)
  run = tmp_path / "run"
  with flagsaver.flagsaver(
    run_dir=str(run),
    features="network",
    records=[f"full:{manifest.folder}"],
    validation_records=str(manifest.folder),
    network_weights=str(network),
    train_network=True,
    features_from="annotated",
    regime="FS",
    part_weight=0.0,
    num_stages=1,
    global_batch_size=2,
    steps=2,
    log_steps=1,
    validate_steps=2,
    validation_examples=2,
    checkpoint_steps=2,
    base_learning_rate=1e-3,
    jit_compile=False,
  ):
    assert train_hund.main(["train_hund"]) == 0
  trained = multitask_weights.load(run / f"network_{LAST_WEIGHTS}")
  before = multitask_weights.load(network)
  moved = [
    np.abs(a.numpy() - b.numpy()).max()
    for a, b in zip(trained.variables, before.variables, strict=True)
    if "backbone" in a.name and "kernel" in a.name
  ]
  assert moved and min(moved) > 0.0
  hund = weights.load(body_model, run / BEST_WEIGHTS)
  assert isinstance(before, MultitaskNetwork)
  assert hund.config.feature_channels == before.config.feature_channels
  objective = AlignmentObjective(body_model, ObjectiveConfig(part_weight=0.0))
  assert objective.config.part_weight == hund.objective.config.part_weight
