"""Errors of the descent on a fixed set of held-out examples."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from hund_tf.compat import tf
from hund_tf.evaluation import metrics
from hund_tf.evaluation.compared_joints import PELVIS, lsp_joints
from hund_tf.losses.alignment import PartTerm
from hund_tf.models.hund.model import HundModel
from hund_tf.models.hund.photo_model import PhotoHund
from hund_tf.records.examples import RecordExamples
from hund_tf.records.shards import Manifest, first_records
from hund_tf.synthetic.examples import SyntheticExamples
from hund_tf.training.hund.step import terms_of_step
from hund_tf.types import TrainingExample

_BATCH = 32
# Seeds of the examples that weights are chosen by, and of those that figures
# are reported on; runs use others.
VALIDATION_SEED = 1_000_003
HELD_OUT_SEED = 2_000_003


class StageErrors(NamedTuple):
  """Means over the examples of s_0 ... s_M, each `[M + 1]`."""

  objective: np.ndarray  # L_u
  mpjpe: np.ndarray  # millimetres, 14 joints, pelvises together
  pa_mpjpe: np.ndarray  # millimetres, 14 joints
  mpjpe_all: np.ndarray  # millimetres, all 63 joints
  pa_mpjpe_all: np.ndarray  # millimetres, all 63 joints
  pelvis: np.ndarray  # millimetres, the pelvis in the camera frame

  def as_dict(self) -> dict[str, list[float]]:
    """The figures as lists, rounded to a thousandth."""
    return {
      name: [round(float(v), 3) for v in values]
      for name, values in self._asdict().items()
    }


class ValidationSet:
  """Held-out examples, made once."""

  def __init__(
    self,
    examples: SyntheticExamples | Sequence[TrainingExample],
    count: int,
    seed: int = VALIDATION_SEED,
    batch_size: int = _BATCH,
  ):
    """Makes `count` examples, rounded up to whole batches.

    Args:
      examples: makes them; or the batches themselves, to be kept.
      count: of the examples that are made.
      seed: of those.
      batch_size: of those.
    """
    if isinstance(examples, Sequence):
      self.examples = list(examples)
    else:
      self.examples = [
        examples.example_batch(seed, step, batch_size)
        for step in range(-(-count // batch_size))
      ]
    self._functions: dict[tuple, Callable] = {}

  def errors(
    self,
    model: HundModel | PhotoHund,
    parts: PartTerm = "value",
    random_terms: float = 0.0,
  ) -> StageErrors:
    """Errors of every stage of the model's descents.

    Args:
      model: judged as it is.
      parts: whether stages read L_b.
      random_terms: share of people of whom stages are told a random term.
    """
    decode = self._decode(model, parts, random_terms)
    rows = []
    for number, example in enumerate(self.examples):
      objective, joints = decode(example, tf.constant(number, tf.int64))
      rows.append(
        _errors(objective.numpy(), joints.numpy(), example.joints.numpy())
      )
    columns = zip(*rows, strict=True)
    return StageErrors(*(np.concatenate(c).mean(0) for c in columns))

  def _decode(
    self, model: HundModel | PhotoHund, parts: PartTerm, random_terms: float
  ) -> Callable:
    """Examples to L_u `[B, M+1]` and joints `[B, M+1, 63, 3]`, traced once."""
    key = (id(model), parts, random_terms)
    if key not in self._functions:

      @tf.function(autograph=False)
      def decode(example: TrainingExample, number: tf.Tensor):
        drawn = terms_of_step(example, random_terms, VALIDATION_SEED, number)
        stages = model.descend_example(example, parts=parts, drawn=drawn).stages
        return (
          tf.stack([s.terms.total for s in stages], axis=1),
          tf.stack([s.body.joints for s in stages], axis=1),
        )

      self._functions[key] = decode
    return self._functions[key]


def _errors(
  objective: np.ndarray, joints: np.ndarray, truth: np.ndarray
) -> StageErrors:
  """Errors `[B, M+1]` of joints `[B, M+1, 63, 3]` against `[B, 63, 3]`."""
  truth = np.broadcast_to(truth[:, None], joints.shape)
  root, true_root = (x[..., PELVIS, :] for x in (joints, truth))
  some, true_some = lsp_joints(joints), lsp_joints(truth)
  return StageErrors(
    objective=objective,
    mpjpe=1e3 * metrics.mpjpe(some, true_some, root, true_root),
    pa_mpjpe=1e3 * metrics.pa_mpjpe(some, true_some),
    mpjpe_all=1e3 * metrics.mpjpe(joints, truth, root, true_root),
    pa_mpjpe_all=1e3 * metrics.pa_mpjpe(joints, truth),
    pelvis=1e3 * metrics.translation_error(root, true_root),
  )


def record_batches(
  manifest: Manifest, make: RecordExamples, count: int
) -> list[TrainingExample]:
  """The first `count` records of a dataset, as a `ValidationSet` takes them."""
  records = first_records(manifest, count, make.check)
  batches = []
  for first in range(0, len(records), _BATCH):
    some = records[first : first + _BATCH]
    positions = tf.range(first, first + len(some), dtype=tf.int64)
    batches.append(make(tf.constant(some), positions))
  return batches
