"""The body as animators have it: bones, skin, and keys of a motion.

A rig stands in the exported frame (`meshes`): y up, metres, and with all joint
rotations the identity it is a T-pose that faces +z, every joint frame aligned
with the axes. A joint's place is that of its parent plus its bone, turned by
the parent; skinning takes the vertices from the resting A-pose.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.spatial.transform import Rotation

from hund_tf.body import skeleton
from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.export.meshes import CAMERA_TO_EXPORT
from hund_tf.types import HumanState

if TYPE_CHECKING:
  from hund_tf.reconstruction.reconstructor import Person

_STAGE = 0.5  # seconds from one state of a descent to the next
_DESCENT = 10.0  # seconds that no descent exceeds


class Keys(NamedTuple):
  """A motion of T frames."""

  times: np.ndarray  # [T] seconds from the start of the file, rising
  rotations: np.ndarray  # [T, 63, 3, 3] local, as `BodyOutput.rotations`: the
  # root's from the body to the camera frame
  translations: np.ndarray  # [T, 3] of the pelvis, metres, camera frame
  expressions: np.ndarray | None = None  # [T, 20] latents; None: as at rest
  bones: np.ndarray | None = None  # [T, 63, 3] as of `bones`, if they change


class RiggedPerson(NamedTuple):
  """A person of one shape, in a pose and, where there are keys, in motion."""

  shape: np.ndarray  # [16] latent
  expression: np.ndarray  # [20] latent
  rotations: np.ndarray  # [63, 3, 3] local, as `BodyOutput.rotations`
  translation: np.ndarray  # [3] of the pelvis, metres, camera frame
  keys: Keys | None = None
  name: str | None = None  # None: person_0, person_1, ...
  color: tuple[int, int, int] | None = None  # sRGB; None: one of our own


def of_results(
  people: Sequence["Person"], body_model: BodyModel, descent: bool = False
) -> list[RiggedPerson]:
  """Reconstructed people.

  Args:
    people: of the open body model.
    body_model: of which their states are.
    descent: gives the states s_0 ... s_M as keys, half a second apart, the
      longest descent in ten seconds at most. The last is the result. Bones are
      those of each state's shape; the skin is that of the result.
  """
  longest = max((len(p.trace.state.rotation) for p in people), default=1)
  step = min(_STAGE, _DESCENT / max(longest - 1, 1))
  return [
    RiggedPerson(
      person.state.shape,
      person.state.expression,
      person.body.rotations,
      person.state.translation,
      _descent(person, body_model, step) if descent else None,
    )
    for person in people
  ]


def _descent(person: "Person", body_model: BodyModel, step: float) -> Keys:
  """The states of a descent, so many seconds apart."""
  state, states = person.state, person.trace.state
  turns = body_model.rotations(HumanState(*map(tf.constant, states))).numpy()
  places, expressions = states.translation.copy(), states.expression.copy()
  lengths = np.array(bones(body_model, states.shape))
  # The eyes and a given height are not in the trace.
  turns[-1], places[-1] = person.body.rotations, state.translation
  expressions[-1] = state.expression
  lengths[-1] = bones(body_model, state.shape[None])[0]
  times = np.arange(len(turns)) * step
  return Keys(times, turns, places, expressions, lengths)


class Placed(NamedTuple):
  """Poses in the exported frame."""

  rotations: np.ndarray  # [T, 63, 3, 3] local
  translations: np.ndarray  # [T, 3] metres, of the pelvis


def placed(rotations: np.ndarray, translations: np.ndarray) -> Placed:
  """Poses `[T, 63, 3, 3]`, `[T, 3]` of the camera frame, as exported."""
  turned = np.array(rotations, np.float64)
  turned[:, 0] = CAMERA_TO_EXPORT @ turned[:, 0]
  return Placed(turned, np.asarray(translations) @ CAMERA_TO_EXPORT)


def bones(body_model: BodyModel, shapes: np.ndarray) -> np.ndarray:
  """Each joint from its parent in the T-pose: `[N, 63, 3]` metres.

  The pelvis's is zero.

  Args:
    body_model: the open body.
    shapes: `[N, 16]` latents.
  """
  rest = np.asarray(body_model.rest_joints(np.asarray(shapes, np.float32)))
  parents = np.maximum(skeleton.PARENTS, 0)
  steps = (rest - rest[:, parents])[..., None]
  return (body_model.asset.zero_pose[parents] @ steps)[..., 0]


def inverse_bind_matrices(
  body_model: BodyModel, shape: np.ndarray
) -> np.ndarray:
  """From the resting A-pose into each joint's frame: `[63, 4, 4]`.

  With Q the global rotation of a joint and x its place, Q A (v - r) + x is
  where skinning takes a vertex v that moves with it alone; A leads from the
  resting to the T-pose, and r is the joint at rest.
  """
  rest = np.asarray(body_model.rest_joints(np.asarray(shape)[None]))[0]
  turn = body_model.asset.zero_pose.astype(np.float64)
  matrices = np.tile(np.eye(4), (len(turn), 1, 1))
  matrices[:, :3, :3] = turn
  matrices[:, :3, 3] = -(turn @ rest[..., None])[..., 0]
  return matrices


def quaternions(rotations: np.ndarray) -> np.ndarray:
  """Unit quaternions x, y, z, w `[T, ..., 4]` of rotations `[T, ..., 3, 3]`.

  Of the two of each rotation, the one nearer to the frame before.
  """
  flat = np.reshape(rotations, (-1, 3, 3))
  result = (
    Rotation.from_matrix(flat).as_quat().reshape(*rotations.shape[:-2], 4)
  )
  turns = np.sum(result[1:] * result[:-1], axis=-1, keepdims=True)
  signs = np.cumprod(np.where(turns < 0.0, -1.0, 1.0), axis=0)
  result[1:] *= signs
  return result


def check(path: object, people: Sequence[RiggedPerson]) -> None:
  """Raises ValueError unless these people can be written.

  Args:
    path: of the file, for the message.
    people: to write.
  """
  if not people:
    raise ValueError(f"{path}: there is nobody to write; give at least one")
  for i, person in enumerate(people):
    where = f"{path}: person {i}"
    _check_arrays(
      where,
      person._asdict(),
      {"shape": (16,), "expression": (20,), **_pose(())},
    )
    if person.keys is not None:
      _check_keys(f"{where}: keys", person.keys)


def _pose(frames: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
  root = "translations" if frames else "translation"
  return {"rotations": (*frames, 63, 3, 3), root: (*frames, 3)}


def _check_keys(where: str, keys: Keys) -> None:
  count = len(keys.times)
  if not count or np.any(np.diff(keys.times) <= 0) or keys.times[0] < 0:
    raise ValueError(f"{where}: times are not rising from 0 or later")
  shapes = {"times": (count,), **_pose((count,))}
  shapes |= {"expressions": (count, 20), "bones": (count, 63, 3)}
  present = {k: v for k, v in keys._asdict().items() if v is not None}
  _check_arrays(where, present, {name: shapes[name] for name in present})


def _check_arrays(where: str, values: dict, shapes: dict) -> None:
  for name, shape in shapes.items():
    found = np.asarray(values[name])
    if found.shape != shape:
      raise ValueError(
        f"{where}: {name} has shape {found.shape}, expected {shape}"
      )
    if not np.isfinite(found).all():
      raise ValueError(f"{where}: {name} are not all finite numbers")
