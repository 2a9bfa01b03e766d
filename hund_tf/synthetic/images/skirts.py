"""Skirts: a tube around both legs that follows the pelvis and the thighs."""

import numpy as np

from hund_tf.body import parts
from hund_tf.rendering.surfaces import Surface
from hund_tf.rendering.zbuffer import vertex_normals
from hund_tf.synthetic.images.body_surface import BodySurface
from hund_tf.synthetic.images.garments import SkirtCut

_ANGLES, _RINGS = 40, 9
_TOP = 0.07  # metres, height of the waist on the mean body
_EASE = 0.012  # metres between body and cloth
_BLEND = 0.07  # metres over which the left leg gives way to the right one
_HIP = 0.16  # metres below the waist where the thighs take over


def make_skirt(
  body: BodySurface, cut: SkirtCut, rest: np.ndarray, posed: np.ndarray
) -> tuple[Surface, np.ndarray]:
  """A skirt around a posed body.

  Args:
    body: fields of the body.
    cut: of the skirt.
    rest: [V, 3] the person's body at rest, body frame.
    posed: [V, 3] the same in the camera frame.

  Returns:
    The surface, and the part [W] of each of its vertices: torso or a thigh.
  """
  tube = _tube(body, cut, rest)
  share = np.clip((_TOP - tube[:, 1]) / _HIP, 0.0, 1.0)
  left = share * np.clip(0.5 + tube[:, 0] / (2 * _BLEND), 0.0, 1.0)
  right = share - left
  groups = (
    ("torso", body.rest[:, 1] < _TOP + 0.1),
    ("l_upper_leg", True),
    ("r_upper_leg", True),
  )
  moved = np.zeros_like(tube)
  for (name, extra), weight in zip(
    groups, (1.0 - share, left, right), strict=True
  ):
    rows = (body.parts == parts.INDEX[name]) & extra
    turn, shift = _rigid(rest[rows], posed[rows])
    moved += weight[:, None] * (tube @ turn.T + shift)
  faces = _tube_faces()
  moved = moved.astype(np.float32)
  thigh = np.where(
    tube[:, 0] > 0, parts.INDEX["l_upper_leg"], parts.INDEX["r_upper_leg"]
  )
  surface = Surface(
    moved,
    faces,
    vertex_normals(moved, faces),
    tube.astype(np.float32),
    np.zeros((len(tube), 0), np.float32),
    (cut.material,),
  )
  return surface, np.where(share < 0.5, parts.INDEX["torso"], thigh)


def _tube(body: BodySurface, cut: SkirtCut, rest: np.ndarray) -> np.ndarray:
  """Points [_RINGS * _ANGLES, 3] around the body at rest."""
  around = rest[~body.arm & (rest[:, 1] < _TOP + 0.1)]
  center = np.array([0.0, around[:, 2].mean()])
  offset = around[:, [0, 2]] - center
  radius = np.hypot(*offset.T)
  angle = np.arctan2(offset[:, 1], offset[:, 0])
  steps = np.arange(_ANGLES) * (2 * np.pi / _ANGLES)
  rings, widest = [], np.zeros(_ANGLES)
  for height in np.linspace(_TOP, cut.hem, _RINGS):
    band = np.abs(around[:, 1] - height) < 0.03
    turn = np.abs(np.angle(np.exp(1j * (angle[band] - steps[:, None]))))
    reach = np.where(turn < 0.35, radius[band], 0.0).max(axis=1, initial=0.05)
    widest = np.maximum(reach + _EASE, 0.97 * widest)
    smooth = np.fft.irfft(np.fft.rfft(widest)[:7], _ANGLES)
    smooth += cut.flare * (_TOP - height) / (_TOP - cut.hem)
    rings.append(
      np.stack(
        [
          center[0] + smooth * np.cos(steps),
          np.full(_ANGLES, height),
          center[1] + smooth * np.sin(steps),
        ],
        axis=1,
      )
    )
  return np.concatenate(rings)


def _tube_faces() -> np.ndarray:
  """Triangles [F, 3] of the rings."""
  column = np.arange(_ANGLES)
  following = (column + 1) % _ANGLES
  faces = []
  for ring in range(_RINGS - 1):
    a, b = ring * _ANGLES + column, ring * _ANGLES + following
    c, d = a + _ANGLES, b + _ANGLES
    faces += [np.stack([a, b, c], axis=1), np.stack([b, d, c], axis=1)]
  return np.concatenate(faces).astype(np.int32)


def _rigid(
  source: np.ndarray, target: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
  """Rotation [3, 3] and shift [3] that take one point set to another."""
  first, second = source.mean(axis=0), target.mean(axis=0)
  u, _, vt = np.linalg.svd((target - second).T @ (source - first))
  flip = np.diag([1.0, 1.0, np.linalg.det(u @ vt)])
  turn = u @ flip @ vt
  return turn, second - turn @ first
