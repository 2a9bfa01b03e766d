"""The networks of hands and faces, as what reads parts."""

from collections.abc import Sequence

from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.models.compilation import fixed_program
from hund_tf.models.hund import part_weights
from hund_tf.models.hund.part_model import PartHund
from hund_tf.reconstruction.attention import FACE
from hund_tf.reconstruction.part_results import PartReader
from hund_tf.types import (
  FaceState,
  HandState,
  Intrinsics,
  PartFeatures,
  RefinementState,
)


class PartNetwork:
  """Reads right hands, or faces, by their descent; a `PartReader`."""

  def __init__(self, model: PartHund, jit_compile: bool = False):
    """Keeps the model.

    Args:
      model: with its weights.
      jit_compile: XLA for the whole descent: a faster one, a slower start. A
        change of the weights after a call is then not seen.
    """
    self._body = model.objective.body
    signature = _signature(self._body.num_points)
    descend = model.descend_in_loop
    if jit_compile:
      self._run = fixed_program(lambda *given: descend(*given), signature)
    else:
      self._run = tf.function(
        lambda *given: descend(*given),
        input_signature=signature,
        autograph=False,
      )

    self._points = tf.function(
      lambda state: self._body.decode(state).points,
      autograph=False,
      reduce_retracing=True,
    )

  def __call__(
    self, features: PartFeatures, intrinsics: Intrinsics
  ) -> RefinementState:
    """Traces `[N, M+1, ...]`; see `PartReader`."""
    return self._run(features, intrinsics)

  def keypoints(self, state: HandState | FaceState) -> tf.Tensor:
    """Keypoints `[N, n, 3]` of states, metres, camera frame."""
    return self._points(state)


def _signature(number: int) -> tuple[PartFeatures, Intrinsics]:
  """Specifications of N parts of so many points, with N left open."""
  spec = lambda *size: tf.TensorSpec([None, *size], tf.float32)
  features = PartFeatures(
    spec(number, 2), spec(number), spec(number, 3), spec(number)
  )
  return features, Intrinsics(spec(2), spec(2))


def load_readers(
  body_model: BodyModel, names: Sequence[str], jit_compile: bool = False
) -> dict[str, PartReader]:
  """Readers of the named parts; those of both hands are one.

  Raises:
    WeightsError: if their weights cannot be read.
  """
  kinds = {name: "face" if name == FACE else "hand" for name in names}
  networks = {
    kind: PartNetwork(part_weights.load(body_model, kind), jit_compile)
    for kind in sorted(set(kinds.values()))
  }
  return {name: networks[kind] for name, kind in kinds.items()}
