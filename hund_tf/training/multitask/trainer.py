"""Training of the multitask network."""

from collections.abc import Callable

import numpy as np

from hund_tf.compat import tf
from hund_tf.evaluation.multitask_metrics import (
  MultitaskCounts,
  MultitaskScores,
)
from hund_tf.losses.heatmaps import decode_heatmaps
from hund_tf.losses.multitask import MultitaskLossConfig
from hund_tf.models.multitask import weights
from hund_tf.models.multitask.mirror_average import MapNetwork
from hund_tf.models.multitask.network import MultitaskNetwork
from hund_tf.records.multitask_examples import MultitaskExample, in_crop
from hund_tf.training.loop import RunPlace, TrainingLoop
from hund_tf.training.multitask.batches import MultitaskBatches
from hund_tf.training.multitask.config import MultitaskTrainingConfig
from hund_tf.training.multitask.step import MultitaskReport, make_train_step
from hund_tf.training.run_log import RunLog, StepRow

_PICTURES = 8  # held-out people whose maps are drawn

# Crops [B, S, S, 3], K [B, 60, 60, 137] and B [B, 60, 60, 15] to a picture.
MapDrawer = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def make_judge(model: MapNetwork) -> Callable:
  """Pictures `[B, S, S, 3]` to keypoints `[B, 137, 2]`, K and B, traced."""

  @tf.function(autograph=False, reduce_retracing=True)
  def judge(images: tf.Tensor):
    output = model(images, training=False)
    heatmaps = output.heatmaps
    return decode_heatmaps(heatmaps)[0], heatmaps, output.part_probs

  return judge


def score(judge: Callable, batches: list[MultitaskExample]) -> MultitaskScores:
  """Scores of a network (see `make_judge`) on held-out people."""
  counts = MultitaskCounts()
  for example in batches:
    places, _, parts = judge(example.image)
    known = (example.keypoint_weights > 0.0) & (in_crop(example.keypoints) > 0)
    counts.add_keypoints(
      places.numpy(),
      example.keypoints.numpy(),
      known.numpy(),
      example.visibility.numpy() > 0.0,
      example.box_side.numpy(),
    )
    # Only where all parts are labelled does the largest channel mean much.
    labelled = tf.reduce_min(example.part_weights, axis=1) > 0.0
    cells = example.cell_weights * tf.cast(labelled, tf.float32)[:, None, None]
    counts.add_parts(parts.numpy(), example.part_probs.numpy(), cells.numpy())
  return counts.scores()


class MultitaskTrainer(TrainingLoop):
  """Trains a network in a run folder, from its last checkpoint on."""

  def __init__(
    self,
    model: MultitaskNetwork,
    batches: MultitaskBatches,
    held_out: list[MultitaskExample],
    config: MultitaskTrainingConfig,
    losses: MultitaskLossConfig,
    place: RunPlace,
    draw: MapDrawer | None = None,
  ):
    """Prepares a run; see `TrainingLoop`.

    Args:
      model: the network.
      batches: to train on.
      held_out: to judge it by; none if empty.
      config: of the run.
      losses: how they are weighted.
      place: where the run takes place.
      draw: makes a picture of some held-out people for the log; none without.
    """
    super().__init__(model, batches, config, place)
    self._held_out = held_out
    self._draw = draw
    self._function = make_train_step(
      model, self._optimizer, config, losses, self._strategy
    )
    self._judge = make_judge(model)

  def _slow(self) -> dict[str, float]:
    taken_over = self._model.config.backbone == "blazepose"
    return {"backbone/": self._config.encoder_rate} if taken_over else {}

  def _train_step(self, step: int) -> Callable:
    del step
    return self._function

  def _row(self, report: MultitaskReport) -> StepRow:
    columns = {
      name: [float(v) for v in values]
      for name, values in report.stages._asdict().items()
    }
    scalars = {
      f"loss/{name}/stage_{i}": value
      for name, values in columns.items()
      for i, value in enumerate(values)
    }
    loss, norm = float(report.loss), float(report.gradient_norm)
    return StepRow(loss, norm, columns, scalars)

  def _validate(self, log: RunLog) -> None:
    if not self._held_out:
      return
    with self._averaged():
      scores, picture = self._judged()
    figures = {
      name: [float(value)]
      for name, value in scores._asdict().items()
      if name != "iou"
    }
    log.validation(int(self._step), figures)
    if picture is not None:
      log.picture(int(self._step), "validation/maps", picture)

  def _judged(self) -> tuple[MultitaskScores, np.ndarray | None]:
    """Scores and picture of the weights as they are; keeps the best."""
    scores = score(self._judge, self._held_out)
    # Where one of the two cannot be counted the other decides.
    self._keep_if_best(-float(np.nansum([scores.pck, scores.part_iou])))
    if self._draw is None:
      return scores, None
    images = self._held_out[0].image[:_PICTURES]
    _, heatmaps, parts = self._judge(images)
    return scores, self._draw(images.numpy(), heatmaps.numpy(), parts.numpy())

  def _save(self, name: str) -> None:
    weights.save(self._model, self._folder / name)
