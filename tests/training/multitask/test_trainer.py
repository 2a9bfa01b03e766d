"""The multitask network learns, resumes, and is drawn."""

import csv
import dataclasses

import numpy as np
import pytest

from hund_tf.compat import tf, tf_keras
from hund_tf.losses.multitask import MultitaskLossConfig
from hund_tf.models.multitask import weights
from hund_tf.models.multitask.network import MultitaskNetwork
from hund_tf.records.crop_augmentation import CropAugmentation
from hund_tf.records.stream import RecordStream
from hund_tf.training.loop import RunPlace
from hund_tf.training.multitask.batches import (
  MultitaskBatches,
  held_out_batches,
)
from hund_tf.training.multitask.config import MultitaskTrainingConfig
from hund_tf.training.multitask.trainer import (
  MultitaskTrainer,
  make_judge,
  score,
)
from hund_tf.visualization import map_sheet
from tests.models.tiny_network import TINY
from tests.records import people, pictures

_CONFIG = MultitaskTrainingConfig(
  steps=8,
  batch_size=4,
  learning_rate=1e-2,
  ema=0.5,
  log_steps=1,
  validate_steps=4,
  checkpoint_steps=4,
)
_CROPS = CropAugmentation(rotation=10.0, patch=0.0)


@pytest.fixture(scope="module")
def manifest(body_model, tmp_path_factory):
  folder = tmp_path_factory.mktemp("records")
  return people.write(folder, "people", pictures.make(body_model, 4))


@pytest.fixture(scope="module")
def held_out(manifest):
  return held_out_batches(manifest, 4, TINY.input_size, 4)


@pytest.fixture(scope="module")
def train(manifest, held_out):
  def run(folder, **changes):
    config = dataclasses.replace(_CONFIG, **changes)
    tf_keras.utils.set_random_seed(0)
    model = MultitaskNetwork(TINY)
    stream = RecordStream([manifest], batch_size=config.batch_size)
    trainer = MultitaskTrainer(
      model,
      MultitaskBatches(stream, TINY.input_size, _CROPS, config),
      held_out,
      config,
      MultitaskLossConfig(),
      RunPlace(folder),
      map_sheet.draw,
    )
    trainer.run()
    return model

  return run


@pytest.fixture(scope="module")
def runs(train, tmp_path_factory):
  """A whole run, and one that was cut off and went on."""
  whole, cut = (tmp_path_factory.mktemp(name) for name in ("whole", "cut"))
  first = train(whole)
  train(cut, steps=4)
  second = train(cut)
  return whole, cut, first, second


def _losses(folder):
  with (folder / "steps.csv").open() as file:
    return [float(row["loss"]) for row in csv.DictReader(file)]


def test_loss_falls(runs):
  losses = _losses(runs[0])
  assert len(losses) == _CONFIG.steps
  assert np.mean(losses[-2:]) < 0.93 * np.mean(losses[:2])


def test_resumed_run_is_the_same(runs):
  _, cut, first, second = runs
  np.testing.assert_allclose(_losses(cut), _losses(runs[0]), rtol=1e-3)
  for a, b in zip(first.variables, second.variables, strict=True):
    np.testing.assert_allclose(a, b, rtol=2e-2, atol=2e-3, err_msg=a.name)


def test_files_of_a_run(runs, held_out):
  whole = runs[0]
  for name in ("best.npz", "last.npz"):
    model = weights.load(whole / name)
    scores = score(make_judge(model), held_out)
    assert 0.0 <= scores.pck <= 1.0 and 0.0 <= scores.part_iou <= 1.0
  rows = (whole / "validation.csv").read_text().splitlines()
  assert [row.split(",")[0] for row in rows] == ["step", "4", "8"]
  names = set()
  for path in (whole / "tensorboard").glob("*"):
    for event in tf.compat.v1.train.summary_iterator(str(path)):
      names |= {value.tag for value in event.summary.value}
  assert {"validation/maps", "loss/keypoint/stage_1"} <= names


def test_sheet_shows_sides_in_their_colours():
  """A left wrist is orange, a right one blue; parts have their own colours."""
  heatmaps = np.zeros([1, 60, 60, 137], np.float32)
  heatmaps[0, 20, 10, 7] = heatmaps[0, 40, 50, 4] = 1.0  # left, right wrist
  parts = np.zeros([1, 60, 60, 15], np.float32)
  parts[..., 0] = 0.5
  parts[0, :30, :, 6] = 1.0
  sheet = map_sheet.draw(np.zeros([1, 240, 240, 3]), heatmaps, parts, columns=1)
  side = map_sheet.SIDE
  assert sheet.shape == (side, 3 * side, 3)
  left = sheet[int(20.5 * side / 60), side + int(10.5 * side / 60)].astype(int)
  right = sheet[int(40.5 * side / 60), side + int(50.5 * side / 60)].astype(int)
  assert left[0] > left[2] + 50 and right[2] > right[0] + 50
  colors = map_sheet.part_colors()
  assert len({tuple(color) for color in colors}) == 15
  np.testing.assert_array_equal(sheet[10, 2 * side + 10], colors[6])
  np.testing.assert_array_equal(sheet[-10, 2 * side + 10], colors[0])
