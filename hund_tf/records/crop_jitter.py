"""Square crops around people, moved and zoomed as detectors' boxes are."""

import dataclasses

import numpy as np

from hund_tf.compat import tf
from hund_tf.draws import Draws
from hund_tf.options import option
from hund_tf.types import CROP_SCALE

_LIMIT = 2.5  # standard deviations: draws lie within these
_SMALLEST = 8.0  # pixels of the picture


@dataclasses.dataclass(frozen=True)
class CropJitter:
  """Spread of the crops around a person, as standard deviations."""

  shift: float = option(
    0.03,
    "Standard deviation of the crops' middles, in sides of the crop.",
    name="jitter_shift",
    low=0.0,
    high=0.5,
  )
  zoom: float = option(
    0.06,
    "Standard deviation of the logarithm of the crops' sides.",
    name="jitter_zoom",
    low=0.0,
    high=1.0,
  )

  def draw(self, random: np.random.Generator, box: np.ndarray) -> np.ndarray:
    """A moved and zoomed `box` [4] (left, top, side, side), pixels."""
    draws = np.clip(random.normal(size=3), -_LIMIT, _LIMIT)
    side = box[2] * np.exp(self.zoom * draws[0])
    middle = box[:2] + box[2:] / 2.0 + self.shift * box[2] * draws[1:]
    return np.array([*(middle - side / 2.0), side, side], np.float32)

  def reach(self, box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The corners [2] of what any drawn box can cover, pixels."""
    half = np.exp(_LIMIT * self.zoom) / 2.0 + _LIMIT * self.shift
    middle = box[:2] + box[2:] / 2.0
    return middle - half * box[2], middle + half * box[2]

  def draw_around(
    self, draws: Draws, low: tf.Tensor, high: tf.Tensor
  ) -> tf.Tensor:
    """Crops around people, of `CROP_SCALE` times their larger sides.

    Args:
      draws: random stream.
      low: `[B, 2]` left and top of what is seen of a person, pixels.
      high: `[B, 2]` right and bottom.

    Returns:
      `[B, 4]` left, top, side, side, pixels.
    """
    batch = low.shape[0]
    side = tf.reduce_max(high - low, axis=-1, keepdims=True)
    zoom = self.zoom * draws.normal([batch, 1], _LIMIT)
    side = tf.maximum(CROP_SCALE * side * tf.exp(zoom), _SMALLEST)
    shift = self.shift * draws.normal([batch, 2], _LIMIT)
    corner = (low + high) / 2.0 + (shift - 0.5) * side
    return tf.concat([corner, side, side], axis=-1)


NO_JITTER = CropJitter(shift=0.0, zoom=0.0)
