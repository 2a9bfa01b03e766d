"""Settings of the soft part renderers."""

import dataclasses
import math

from hund_tf.types import MAP_SIZE


@dataclasses.dataclass(frozen=True)
class SoftRasterizerConfig:
  """Settings of the soft rasterizer; lengths are pixels of the map.

  A face is drawn exactly where its bounding box, grown on each side by
  `reach`, fits its window; what sticks out is cut off, which can leave holes.
  Each face gets a window of `window` pixels a side, except for the largest on
  the map: the fraction of all faces named in `large_windows`, the larger
  windows for the larger faces. Cost grows with the sum over the faces of the
  square of their windows.

  The default draws the 1,500-face and 3,000-face proxies exactly for a whole
  person who fills the map. Closer than that, some faces outgrow their windows:
  up to a sixfold zoom the visibility is off by less than 0.001 on average over
  the map. `SoftPartRenderer.is_exact` tells for given vertices.

  As in SoftRas, faces that meet at a silhouette add up, so people come out
  somewhat wide: by 0.2 pixels along the outline at sigma 0.05, 0.3 at 0.08.
  """

  map_size: int = MAP_SIZE
  window: int = 5  # odd
  # (side, fraction of the faces), odd sides that increase
  large_windows: tuple[tuple[int, float], ...] = ((9, 0.25), (17, 0.05))
  sigma: float = 0.05  # px^2, softness of the silhouette
  gamma: float = 0.03  # metres, softness of the depth order
  cutoff: float = 9.21  # in units of d^2 / sigma; sigmoid(-9.21) = 1e-4

  def __post_init__(self):
    sides = [self.window, *(side for side, _ in self.large_windows)]
    increasing = all(a < b for a, b in zip(sides, sides[1:], strict=False))
    if not increasing or any(side < 1 or side % 2 == 0 for side in sides):
      raise ValueError(f"windows: {sides}, expected odd sizes that increase")
    fractions = [fraction for _, fraction in self.large_windows]
    if any(not 0 < f <= 1 for f in fractions) or sum(fractions) > 1:
      raise ValueError(
        f"large_windows: fractions {fractions}, expected in (0, 1], with a sum "
        "of at most 1"
      )
    for name in ("map_size", "sigma", "gamma", "cutoff"):
      if not getattr(self, name) > 0:
        raise ValueError(f"{name}: {getattr(self, name)}, expected > 0")

  @property
  def reach(self) -> float:
    """How far outside a face its coverage falls to zero, pixels."""
    return math.sqrt(self.cutoff * self.sigma)

  @property
  def floor(self) -> float:
    """sigmoid(-cutoff), which is taken off the coverage."""
    return 1.0 / (1.0 + math.exp(self.cutoff))
