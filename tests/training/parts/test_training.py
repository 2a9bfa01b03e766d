"""Training of a part's descent: examples, a step, a run that goes on."""

import csv

import numpy as np
import pytest

from hund_tf.compat import tf, tf_keras
from hund_tf.geometry import camera
from hund_tf.losses.part_supervised import PartLossConfig
from hund_tf.models.hund import part_weights
from hund_tf.models.hund.part_cell import PartConfig
from hund_tf.synthetic.part_examples import PartExamples, PartExamplesConfig
from hund_tf.training.loop import RunPlace
from hund_tf.training.parts.step import PartTrainingConfig
from hund_tf.training.parts.trainer import PartBatches, PartTrainer
from hund_tf.training.parts.validation import PartValidation

_EASY = PartExamplesConfig(noise_scale=0.3, no_landmarks_3d=0.0)


@pytest.mark.parametrize("kind", ["hand", "face"])
def test_examples_are_a_function_of_their_step(body_model, kind):
  examples = PartExamples(body_model, kind)
  first = examples.example_batch(3, 5, 4)
  again = examples.example_batch(3, 5, 4)
  other = examples.example_batch(3, 6, 4)
  for a, b in zip(tf.nest.flatten(first), tf.nest.flatten(again), strict=True):
    np.testing.assert_array_equal(a, b)
  assert np.abs(first.points - other.points).max() > 0.01
  np.testing.assert_allclose(
    camera.project(first.points, first.intrinsics), first.keypoints, atol=0.05
  )
  # The crops are around what is seen, and sharp enough a part fills them.
  inside = (first.keypoints > 0) & (first.keypoints < 480)
  assert inside.numpy().all(-1).mean() > 0.7


def test_a_run_learns_keeps_its_best_weights_and_goes_on(tmp_path, body_model):
  def trainer(steps: int) -> PartTrainer:
    tf_keras.utils.set_random_seed(0)
    config = PartTrainingConfig(
      steps=steps, batch_size=16, learning_rate=3e-3, validate_steps=100
    )
    model = part_weights.make(body_model, PartConfig(units=32, num_stages=2))
    place = RunPlace(tmp_path, report=lines.append)
    return PartTrainer(
      model,
      PartBatches(examples, config),
      validation,
      config,
      PartLossConfig(),
      place,
    )

  lines: list[str] = []
  examples = PartExamples(body_model, "hand", _EASY)
  validation = PartValidation(examples, 1)
  trainer(6).run()
  trainer(24).run()
  with open(tmp_path / "validation.csv", encoding="utf-8") as file:
    first, last = list(csv.DictReader(file))
  assert [row["step"] for row in (first, last)] == ["6", "24"]
  ends = [float(row["mpjpe"].split()[-1]) for row in (first, last)]
  assert ends[1] < ends[0]
  model = part_weights.load(body_model, "hand", tmp_path / "best.npz")
  assert model.config == PartConfig(units=32, num_stages=2)
