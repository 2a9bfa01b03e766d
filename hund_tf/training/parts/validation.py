"""Errors of a part's descent on held-out close-ups."""

from typing import NamedTuple

import numpy as np

from hund_tf.compat import tf
from hund_tf.geometry import camera, rotation
from hund_tf.losses.part_alignment import root_relative
from hund_tf.losses.part_supervised import PartExample, aligned, distances
from hund_tf.models.hund.part_model import PartHund
from hund_tf.synthetic.part_examples import PartExamples

# Seeds of the examples that weights are chosen by, and of those that figures
# are reported on; runs use others.
VALIDATION_SEED = 1_000_003
HELD_OUT_SEED = 2_000_003
_BATCH = 256


class PartErrors(NamedTuple):
  """Means over close-ups of s_0 ... s_M, each `[M + 1]`."""

  objective: np.ndarray  # L_u
  mpjpe: np.ndarray  # millimetres, of the keypoints, from the root
  pa_mpjpe: np.ndarray  # millimetres, after the best similarity
  degrees: np.ndarray  # of the wrist's or the head's rotation
  pixels: np.ndarray  # of the crop, to the true keypoints
  latents: np.ndarray  # root mean square difference, standard deviations


class PartValidation:
  """Held-out close-ups, made once."""

  def __init__(
    self, examples: PartExamples, count: int, seed: int = VALIDATION_SEED
  ):
    """Makes `count` examples, rounded up to whole batches."""
    self._body = examples.body
    self.examples = [
      examples.example_batch(seed, step, _BATCH)
      for step in range(-(-count // _BATCH))
    ]
    self._functions: dict[int, object] = {}

  def rows(self, model: PartHund) -> PartErrors:
    """Errors of every close-up and stage, `[N, M + 1]` each."""
    if id(model) not in self._functions:
      self._functions[id(model)] = tf.function(
        lambda example: self._errors(model, example), autograph=False
      )
    found = [self._functions[id(model)](batch) for batch in self.examples]
    return PartErrors(
      *(
        np.concatenate([x.numpy() for x in c]) for c in zip(*found, strict=True)
      )
    )

  def errors(self, model: PartHund) -> PartErrors:
    """Means over the close-ups."""
    return PartErrors(*(x.mean(axis=0) for x in self.rows(model)))

  def _errors(self, model: PartHund, example: PartExample) -> PartErrors:
    body = self._body
    truth = body.decode(example.state)
    columns = []
    for stage in model.descend(example.features, example.intrinsics).stages:
      seen = camera.project(stage.body.points, example.intrinsics)
      square = [
        (z - z_true) ** 2
        for z, z_true in zip(stage.state[:1], example.state[:1], strict=True)
      ]
      columns.append(
        PartErrors(
          stage.terms.total,
          1e3
          * distances(
            root_relative(stage.body.points, body),
            root_relative(truth.points, body),
          ),
          1e3 * distances(*aligned(stage.body.points, truth.points)),
          57.29578
          * rotation.geodesic_angle(
            rotation.from_6d(stage.state.rotation), truth.rotations[:, 0]
          ),
          distances(
            tf.pad(seen, [[0, 0], [0, 0], [0, 1]]),
            tf.pad(example.keypoints, [[0, 0], [0, 0], [0, 1]]),
          ),
          tf.sqrt(tf.reduce_mean(square[0], axis=-1)),
        )
      )
    return tf.nest.map_structure(lambda *x: tf.stack(x, axis=1), *columns)
