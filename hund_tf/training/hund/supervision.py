"""Training regimes as supervision weights of the examples (Sec. 2.2, 3)."""

from hund_tf.compat import tf
from hund_tf.types import SupervisionWeights, TrainingExample

_SELF = SupervisionWeights(1.0, 0.0, 0.0, 0.0, 0.0)
_WEAK = SupervisionWeights(1.0, 1.0, 0.0, 0.0, 0.0)
_FULL = SupervisionWeights(0.0, 0.0, 1.0, 1.0, 1.0)
_FULL_2D = SupervisionWeights(0.0, 1.0, 1.0, 1.0, 1.0)
_BOTH = SupervisionWeights(1.0, 0.0, 1.0, 1.0, 1.0)

# Weights of even and of odd batches. 'FS+SS' alternates, as in the paper;
# 'joint' adds both losses in every batch, and 'FS+2D' adds the annotated
# keypoints to full supervision.
REGIMES = {
  "SS": (_SELF, _SELF),
  "WS": (_WEAK, _WEAK),
  "FS": (_FULL, _FULL),
  "FS+2D": (_FULL_2D, _FULL_2D),
  "FS+SS": (_FULL, _SELF),
  "joint": (_BOTH, _BOTH),
}


# What a batch needs to know of its people, by its regime.
KINDS = ("self", "weak", "full")


def batch_kind(regime: str, odd: bool) -> str:
  """The supervision of even or odd batches, one of `KINDS`."""
  weights = REGIMES[regime][odd]
  if weights.vertices > 0.0:
    return "full"
  return "weak" if weights.keypoints > 0.0 else "self"


def uses_alignment(regime: str, step: int) -> bool:
  """Whether the batch of a step is trained on L_u."""
  return REGIMES[regime][step % 2].alignment > 0.0


def supervise(
  example: TrainingExample, regime: str, step: tf.Tensor
) -> TrainingExample:
  """Takes part in the losses of a regime only.

  Args:
    example: of B, whose weights say what is known.
    regime: one of `REGIMES`.
    step: number of the batch.

  Returns:
    The example with its weights times those of the regime.
  """
  even, odd = REGIMES[regime]
  is_odd = tf.cast(step % 2 == 1, tf.float32)
  weights = [
    known * (first + (second - first) * is_odd)
    for known, first, second in zip(example.weights, even, odd, strict=True)
  ]
  return example._replace(weights=SupervisionWeights(*weights))
