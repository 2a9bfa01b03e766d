"""A picture of descents: input, then the body of every state (as Fig. 6)."""

import numpy as np

from hund_tf.compat import tf
from hund_tf.geometry import camera
from hund_tf.models.hund.model import HundModel
from hund_tf.models.hund.photo_model import PhotoHund
from hund_tf.rendering import shading
from hund_tf.types import CROP_SIZE, BodyOutput, Intrinsics, TrainingExample
from hund_tf.visualization.stage_row import draw_stage_row

SIDE = 160  # pixels of one picture


class StripDrawer:
  """Draws the first examples of a batch; the input is the same every time."""

  def __init__(
    self, model: HundModel | PhotoHund, example: TrainingExample, rows: int = 4
  ):
    """Keeps the first `rows` examples of a batch."""
    self._model = model
    self._example = tf.nest.map_structure(lambda x: x[:rows], example)
    self._faces = model.objective.body_model.faces(model.objective.config.mesh)
    small = camera.scale_intrinsics(
      self._example.intrinsics, SIDE / float(CROP_SIZE)
    )
    self._cameras = [
      Intrinsics(focal, center)
      for focal, center in zip(*(x.numpy() for x in small), strict=True)
    ]
    self._inputs = [
      _input_picture(heatmaps, weights)
      for heatmaps, weights in zip(
        self._example.features.heatmaps.numpy(),
        self._example.features.heatmap_weights.numpy(),
        strict=True,
      )
    ]

  @property
  def faces(self) -> np.ndarray:
    """Triangles `[F, 3]` of the bodies."""
    return self._faces

  def bodies(self) -> list[BodyOutput]:
    """Bodies of the states s_0 ... s_M, each `[rows, ...]`."""
    descent = self._model.descend_example(self._example)
    return [stage.body for stage in descent.stages]

  def strip(self, bodies: list[BodyOutput]) -> np.ndarray:
    """Input, s_0 ... s_M and the truth, `[rows * SIDE, ..., 3]` uint8."""
    columns = [b.vertices.numpy() for b in bodies]
    columns.append(self._example.vertices.numpy())
    colors = [shading.MESH_COLORS[0]] * len(bodies) + [shading.MESH_COLORS[2]]
    lines = [
      draw_stage_row(
        [column[i] for column in columns],
        self._faces,
        colors,
        intrinsics,
        background,
      )
      for i, (background, intrinsics) in enumerate(
        zip(self._inputs, self._cameras, strict=True)
      )
    ]
    return np.concatenate([np.concatenate(x, axis=1) for x in lines], axis=0)


def _input_picture(heatmaps: np.ndarray, weights: np.ndarray) -> np.ndarray:
  """The known heatmaps `[60, 60, 137]` in grey, `[SIDE, SIDE, 3]` uint8."""
  seen = np.max(heatmaps * (weights > 0.0), axis=-1)
  large = tf.image.resize(seen[..., None], [SIDE, SIDE]).numpy()
  grey = np.clip(40.0 + 160.0 * large, 0.0, 255.0).astype(np.uint8)
  return np.repeat(grey, 3, axis=-1)
