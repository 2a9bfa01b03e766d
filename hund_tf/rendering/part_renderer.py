"""The renderer of part maps (Eq. 5), by the name of its backend."""

from typing import Literal

import numpy as np

from hund_tf.rendering.config import SoftRasterizerConfig
from hund_tf.rendering.soft import SoftPartRenderer
from hund_tf.rendering.tfg import TfgPartRenderer

PartRendererBackend = Literal["soft", "tfg"]


def make_part_renderer(
  backend: PartRendererBackend,
  faces: np.ndarray,
  vertex_parts: np.ndarray,
  config: SoftRasterizerConfig | None = None,
) -> SoftPartRenderer | TfgPartRenderer:
  """The renderer of Eq. 5 of the named backend.

  Raises:
    ValueError: if there is no such backend, or the mesh is wrong.
    tfg_op.RasterizerOpError: if the backend is 'tfg' and its op is missing.
  """
  if backend == "soft":
    return SoftPartRenderer(faces, vertex_parts, config)
  if backend == "tfg":
    return TfgPartRenderer(faces, vertex_parts, config)
  raise ValueError(f"renderer: {backend!r}, expected 'soft' or 'tfg'")
