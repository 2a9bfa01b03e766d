"""Pictures of an adaptation: its curve, and people before and after it."""

import os
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.files import atomic_path
from hund_tf.geometry import camera
from hund_tf.rendering import shading
from hund_tf.training.adaptation.guard import Judgement
from hund_tf.training.adaptation.photo_people import PICTURE_SIDE as SIDE
from hund_tf.training.adaptation.trainer import AdaptationResult
from hund_tf.types import CROP_SIZE, Intrinsics
from hund_tf.visualization.stage_row import draw_stage_row

_MESH = "lite"
_ALPHA = 0.85
_SIDE_VIEW = 90.0  # degrees
_COLORS = np.array([[232, 152, 76], [110, 168, 214]]) / 255.0


def save_adaptation_curve(
  path: str | os.PathLike, result: AdaptationResult
) -> None:
  """Draws held-out L_u with its terms, and errors of synthetic people.

  Args:
    path: of the PNG; replaced atomically.
    result: of the adaptation.
  """
  steps = [look.step for look in result.history]
  figure = Figure(figsize=(9, 3.6), layout="constrained")
  left, right = figure.subplots(1, 2)
  values = [look.objective for look in result.history]
  left.plot(steps, values, ".-")
  left.set(title="L_u of held-out people", xlabel="step")
  for name, label in (("mpjpe", "MPJPE"), ("pa_mpjpe", "PA-MPJPE")):
    errors = [getattr(look, name) for look in result.history]
    right.plot(steps, errors, ".-", label=label)
  right.set(title="errors of synthetic people, mm", xlabel="step")
  right.set_ylim(bottom=0.0)
  right.legend()
  for axis in (left, right):
    axis.grid(alpha=0.3)
    if result.best:
      axis.axvline(result.best.step, color="0.4", linestyle="--", linewidth=1)
  with atomic_path(path) as temporary:
    figure.savefig(temporary, dpi=100)


def shown_people(
  before: Judgement, after: Judgement, limit: int = 6
) -> list[int]:
  """People for the strip: from the greatest fall of L_u to the least.

  They are spread evenly over this order, so that those who got worse are not
  left out.
  """
  order = np.argsort(after.terms.total - before.terms.total, kind="stable")
  places = np.linspace(0, len(order) - 1, min(limit, len(order)))
  return [int(order[round(place)]) for place in places]


def draw_before_after(
  crops: Sequence[np.ndarray],
  cameras: Intrinsics,
  before: Judgement,
  after: Judgement,
  body_model: BodyModel,
) -> np.ndarray:
  """A row a person: crop, body before (orange) and after (blue), both from the
  side.

  Args:
    crops: of the held-out people, `[SIDE, SIDE, 3]` uint8 RGB each.
    cameras: of their crops, fields `[P, 2]`, crop pixels.
    before: of the weights before.
    after: of the weights after.
    body_model: of the states.

  Returns:
    `[rows * SIDE, 5 * SIDE, 3]` uint8 RGB of at most six people, by falling
    improvement.
  """
  small = camera.scale_intrinsics(
    Intrinsics(*map(tf.constant, cameras)), SIDE / CROP_SIZE
  )
  faces = body_model.faces(_MESH)
  rows = []
  for i in shown_people(before, after):
    bodies = [
      body_model.decode(
        tf.nest.map_structure(lambda x, i=i: tf.constant(x[i : i + 1]), s),
        mesh=_MESH,
      )
      .vertices[0]
      .numpy()
      for s in (before.state, after.state)
    ]
    view = Intrinsics(small.focal[i].numpy(), small.center[i].numpy())
    row = draw_stage_row(bodies, faces, _COLORS, view, crops[i], _ALPHA)
    row += [
      shading.render_orbit(
        [shading.Mesh(body, faces, color)], _SIDE_VIEW, SIDE, SIDE
      )
      for body, color in zip(bodies, _COLORS, strict=True)
    ]
    rows.append(np.concatenate(row, axis=1))
  return np.concatenate(rows)
