"""The licensed GHUM body, through the `ghum` package of its licence holders.

The package and its files are not public; this adapter asks of a model only what
published code shows: `pose(gpp)` with `.vertices`, `.joints`, `.rest_joints`,
and `triangles()`. A gpp has `skeleton_posing_values` `[B, 381]`,
`body_shape_code` `[B, 16]` and an expression code. The 381 values are 3 of
translation and 63 rotations of 6 values. *Inferred*, not documented: that the
6 values are a 3x2 matrix row by row, as `hund_tf.geometry.rotation` has them
(published code turns a body by 180 degrees about z by setting the first and
the fourth to -1), and the order of the joints, as seen in HSPACE's files.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hund_tf import files, json_text, types
from hund_tf.compat import tf

POSING_SIZE = 3 + types.NUM_JOINTS * 6
_SIDE_ARM = ("clavicle", "shoulder", "elbow", "wrist") + tuple(
  f"{finger}{k}"
  for finger in ("index", "middle", "ring", "pinky", "thumb")
  for k in (1, 2, 3)
)
_SIDE_LEG = ("hip", "knee", "ankle", "heel", "foot", "toe")
JOINT_NAMES: tuple[str, ...] = (
  *("pelvis", "spine1", "spine2", "spine3", "neck", "head", "head2"),
  *(f"brow{k}" for k in range(1, 7)),
  *(f"l_{name}" for name in _SIDE_ARM),
  *(f"r_{name}" for name in _SIDE_ARM),
  *(f"l_{name}" for name in _SIDE_LEG),
  *(f"r_{name}" for name in _SIDE_LEG),
)


class GhumError(ValueError):
  """A GHUM file or value that cannot be used."""


class GhumPose(NamedTuple):
  """A pose and shape in GHUM's own parameters (its "gpp")."""

  posing_values: np.ndarray  # [B, 381] translation, then 63 x 6
  body_code: np.ndarray  # [B, 16]


class GhumOutput(NamedTuple):
  """A posed GHUM body."""

  vertices: tf.Tensor  # [B, V, 3] metres
  joints: tf.Tensor  # [B, 63, 3] metres


class GhumBody:
  """A model of the `ghum` package, or anything with its two methods.

  It is posed by its own parameters. The latent space of its pose prior is not
  public, so our states do not pose it, and it is no `Body`: fit our body to its
  meshes instead (`hund_tf.retargeting.fit`).
  """

  def __init__(self, model: Any, make_gpp: Callable[..., Any]):
    """Wraps a model.

    Args:
      model: with `pose(gpp)` and `triangles()`.
      make_gpp: called with `skeleton_posing_values` `[B, 381]` and
        `body_shape_code` `[B, 16]` by keyword; gives what `pose` takes. With
        the package: `lambda **values: attr.evolve(
        gpp_utils.default_gpp(381, 16, 20, batch), **values)`.

    Raises:
      GhumError: if the model lacks a method.
    """
    for name in ("pose", "triangles"):
      if not callable(getattr(model, name, None)):
        raise GhumError(
          f"GHUM model: {type(model).__name__} has no method {name}(); "
          "expected a model made by the ghum package"
        )
    self._model = model
    self._make_gpp = make_gpp

  def faces(self) -> np.ndarray:
    """Triangles `[F, 3]` int32."""
    return np.asarray(self._model.triangles()).astype(np.int32)

  def pose(self, pose: GhumPose) -> GhumOutput:
    """Poses the body.

    Raises:
      GhumError: if the values have other sizes than documented.
    """
    _check(pose, "GHUM pose")
    gpp = self._make_gpp(
      skeleton_posing_values=tf.constant(pose.posing_values, tf.float32),
      body_shape_code=tf.constant(pose.body_code, tf.float32),
    )
    posed = self._model.pose(gpp)
    return GhumOutput(
      tf.convert_to_tensor(posed.vertices), tf.convert_to_tensor(posed.joints)
    )


def _check(pose: GhumPose, name: str) -> None:
  values, code = pose.posing_values, pose.body_code
  sizes = (len(values), POSING_SIZE), (len(values), types.SHAPE_DIM)
  if (values.shape, code.shape) != sizes:
    raise GhumError(
      f"{name}: posing_values {values.shape} and body_code {code.shape}, "
      f"expected [B, {POSING_SIZE}] and [B, {types.SHAPE_DIM}]"
    )
  if not (np.isfinite(values).all() and np.isfinite(code).all()):
    raise GhumError(f"{name}: values that are not finite")


def read_json(path: str | Path, person: int = 0) -> GhumPose:
  """Reads the exchange JSON of published GHUM datasets.

  An object with `posing_values` and `body_code`, or one that holds it under
  `gpp`; each is a list of frames, or of people who are lists of frames.

  Args:
    path: of the file.
    person: which one, where the file has several.

  Raises:
    GhumError: if it is not such a file.
  """
  try:
    content = files.read_json(path)
    content = content.get("gpp", content)
    arrays = [
      json_text.numbers(content[key]).astype(np.float32)
      for key in ("posing_values", "body_code")
    ]
    arrays = [array[person] if array.ndim == 3 else array for array in arrays]
  except (OSError, ValueError, TypeError, LookupError, AttributeError) as error:
    raise GhumError(
      f"GHUM file {path}: {files.problem(error)}; expected JSON with "
      f"posing_values [frames, {POSING_SIZE}] and body_code [frames, "
      f"{types.SHAPE_DIM}]"
    ) from error
  pose = GhumPose(*(np.atleast_2d(array) for array in arrays))
  _check(pose, f"GHUM file {path}")
  return pose


def to_json(pose: GhumPose) -> str:
  """The exchange JSON of a pose, as `read_json` takes it.

  Raises:
    GhumError: if the values have other sizes than documented.
  """
  _check(pose, "GHUM pose")
  return json.dumps(
    {"gpp": {name: value.tolist() for name, value in pose._asdict().items()}}
  )
