"""Terms that users add to the alignment objective at test time."""

import dataclasses
from collections.abc import Callable

from hund_tf.compat import tf
from hund_tf.types import BodyOutput


@dataclasses.dataclass(frozen=True, eq=False)
class Term:
  """Something that bodies shall also do, as a function of them.

  `function` takes a `BodyOutput` of B bodies, metres in the camera frame, with
  the vertices of the objective's proxy mesh, and is made of TensorFlow's
  operations. It returns residuals r `[B, R]`, which count as
  weight * sum_i r_i^2, or values `[B]`, which count as weight * value. The
  stages of the learned descent bring down either, by values for parts of the
  body that are moved a little (`term_wishes`); the polish goes down residuals,
  and leaves values alone.
  """

  name: str
  function: Callable[[BodyOutput], tf.Tensor]
  weight: float = (
    1.0  # of residuals: 1 / sigma^2, if they are to be about sigma
  )

  def __post_init__(self):
    if not (self.name and isinstance(self.name, str)):
      raise ValueError(f"term: name is {self.name!r}, expected a text")
    if not callable(self.function):
      raise ValueError(
        f"term {self.name!r}: {self.function!r} is not a function of bodies"
      )
    if not 0.0 <= self.weight < float("inf"):
      raise ValueError(
        f"term {self.name!r}: weight is {self.weight}, expected 0 or more"
      )

  def _taken(self, body: BodyOutput) -> tf.Tensor:
    found = tf.convert_to_tensor(self.function(body), tf.float32)
    if found.shape.rank not in (1, 2):
      raise ValueError(
        f"term {self.name!r}: gives {found.shape}, expected residuals [B, R] "
        "or values [B]"
      )
    return found

  def residuals(self, body: BodyOutput) -> tf.Tensor | None:
    """Residuals `[B, R]`, weighted: their squares are what it counts.

    None for a term that gives values.

    Raises:
      ValueError: if the function gives something else than either.
    """
    found = self._taken(body)
    return self.weight**0.5 * found if found.shape.rank == 2 else None

  def value(self, body: BodyOutput) -> tf.Tensor:
    """What it counts in the objective, `[B]`.

    Raises:
      ValueError: see `residuals`.
    """
    found = self._taken(body)
    if found.shape.rank == 2:
      found = tf.reduce_sum(found * found, axis=-1)
    return self.weight * found
