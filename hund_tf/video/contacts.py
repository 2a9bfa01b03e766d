"""Feet that are on the ground do not slide.

A foot is on the ground while its ball hardly moves and the other one is not
much lower. Where it stands, and shifts of the body that leave feet there, are
found together: they minimise, over shifts d_t and places a_k of contacts k,

  sum_t |across(d_t)|^2 / s_a^2 + along(d_t)^2 / s_z^2
    + |acceleration of d at t|^2 / s_m^2
    + sum of t, k in contact |f_t + d_t - a_k|^2 / s_f^2,

where f_t is where the foot was, and `along` is the way from the camera, which
is known least. What this leaves of (f_t + d_t - a_k) is for the legs: `legs`.
"""

from collections.abc import Iterator

import numpy as np
from scipy import sparse
from scipy.ndimage import binary_closing, binary_opening
from scipy.sparse.linalg import splu

from hund_tf.body import skeleton
from hund_tf.video import motion

_LOW = 0.12  # metres that a standing foot is above the lower one, at most
_STILL = 0.35  # metres/s of a foot on the ground, at most, across the view
_LEAST_S = 0.1  # seconds of a contact
_STRAY = 0.2  # metres across the view, from which on a foot stands elsewhere
# Deviations of the equation above: metres, and metres/s^2.
_ACROSS, _ALONG, _MOTION, _FOOT = 0.03, 0.15, 1.0, 0.01
# How feet come to and leave the places where they stand.
_FADE_HZ = 3.0
_HELD, _FREE = 30.0, 0.2  # weights of standing feet, and of others
_MOST = 0.25  # metres that a leg moves a foot, at most
SIDES = ("l", "r")
_BALLS = [skeleton.INDEX[f"{side}_ball"] for side in SIDES]


def feet(joints: np.ndarray) -> np.ndarray:
  """Where the left and the right foot are, `[T, 2, 3]`: their balls.

  Args:
    joints: `[T, 63, 3]`.
  """
  return joints[:, _BALLS]


def find(places: np.ndarray, seconds: np.ndarray) -> np.ndarray:
  """Whether each foot is on the ground, bool `[T, 2]`.

  Args:
    places: `[T, 2, 3]` metres, of a camera that stands still, y down.
    seconds: `[T]` rising.
  """
  if len(seconds) < 3:
    return np.zeros(places.shape[:2], bool)
  step = float(np.median(np.diff(seconds)))
  # Depth is known badly: how fast a foot moves is seen across the view.
  speed = np.gradient(places[..., :2], seconds, axis=0)
  slow = np.linalg.norm(speed, axis=-1) < _STILL
  height = places[..., 1]
  low = height > height.max(axis=1, keepdims=True) - _LOW
  length = max(round(_LEAST_S / step), 1)
  kernel = np.ones((length, 1), bool)
  # Frames that miss in a contact, and contacts that are too short.
  found = binary_closing(np.pad(slow & low, [(length, length), (0, 0)]), kernel)
  found = binary_opening(found, kernel)[length:-length]
  for foot, begin, end in list(_spans(found)):
    while begin < end:
      ahead = places[begin:end, foot, :2]
      away = np.linalg.norm(ahead - np.median(ahead[:length], axis=0), axis=-1)
      if not np.any(away > _STRAY):
        break
      begin += int(np.argmax(away > _STRAY)) + 1
      found[begin - 1, foot] = False
  return found


def _spans(contacts: np.ndarray) -> Iterator[tuple[int, int, int]]:
  """Foot, first frame, and frame after the last one of each contact."""
  for foot in range(2):
    edges = np.diff(np.pad(contacts[:, foot].astype(int), 1))
    begins, ends = np.flatnonzero(edges > 0), np.flatnonzero(edges < 0)
    for begin, end in zip(begins, ends, strict=True):
      yield foot, int(begin), int(end)


def corrections(
  places: np.ndarray,
  contacts: np.ndarray,
  pelvis: np.ndarray,
  seconds: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
  """What keeps feet where they stand.

  Args:
    places: `[T, 2, 3]` metres, camera frame.
    contacts: bool `[T, 2]`.
    pelvis: `[T, 3]` metres, in front of the camera.
    seconds: `[T]` rising.

  Returns:
    Shifts `[T, 3]` of the body, and `[T, 2, 3]` by how much legs are to move
    feet beyond these, which fades out where they do not stand.
  """
  left = np.zeros_like(places, dtype=np.float64)
  spans = list(_spans(contacts))
  if not spans or len(seconds) < 3:
    return np.zeros((len(seconds), 3)), left
  moved, stands = _shifts(places, spans, pelvis, seconds)
  for (foot, begin, end), place in zip(spans, stands, strict=True):
    left[begin:end, foot] = place - places[begin:end, foot] - moved[begin:end]
  for foot in range(2):
    weights = np.where(contacts[:, foot], _HELD, _FREE)
    left[:, foot] = motion.smoothed(left[:, foot], seconds, _FADE_HZ, weights)
  length = np.linalg.norm(left, axis=-1, keepdims=True)
  return moved, left * np.minimum(_MOST / np.maximum(length, 1e-9), 1.0)


def _shifts(
  places: np.ndarray,
  spans: list[tuple[int, int, int]],
  pelvis: np.ndarray,
  seconds: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
  """Shifts d_t `[T, 3]` and places a_k `[K, 3]` of contacts."""
  count, contacts = len(seconds), len(spans)
  rays = pelvis / np.linalg.norm(pelvis, axis=-1, keepdims=True)
  along = rays[:, :, None] * rays[:, None]
  trust = (np.eye(3) - along) / _ACROSS**2 + along / _ALONG**2
  # Rows of d_t - a_k, and what they are to be.
  pairs = [
    (frame, number, foot)
    for number, (foot, begin, end) in enumerate(spans)
    for frame in range(begin, end)
  ]
  frames, numbers, sides = np.array(pairs).T
  rows = np.arange(len(pairs))
  links = sparse.csr_matrix(
    (
      np.repeat([1.0, -1.0], len(pairs)),
      (np.tile(rows, 2), np.concatenate([frames, count + numbers])),
    ),
    shape=(len(pairs), count + contacts),
  )
  wanted = -places[frames, sides]
  smooth = _second_differences(seconds)
  smooth = sparse.hstack([smooth, sparse.csr_matrix((count - 2, contacts))])
  of_each = (links.T @ links) / _FOOT**2 + (smooth.T @ smooth) / _MOTION**2
  blocks = np.concatenate([trust, np.zeros((contacts, 3, 3))])
  order = np.arange(len(blocks) + 1)
  known = sparse.bsr_matrix((blocks, order[:-1], order))
  matrix = known + sparse.kron(of_each, sparse.eye(3))
  right = (links.T @ wanted / _FOOT**2).ravel()
  solved = splu(matrix.tocsc()).solve(right).reshape(-1, 3)
  return solved[:count], solved[count:]


def _second_differences(seconds: np.ndarray) -> sparse.spmatrix:
  """`[T - 2, T]`: accelerations of what is sampled at uneven times."""
  steps = np.diff(seconds)
  left, right = steps[:-1], steps[1:]
  scale = 2.0 / (left + right)
  bands = [scale / left, -scale * (1.0 / left + 1.0 / right), scale / right]
  rows = np.arange(len(scale))
  columns = np.concatenate([rows, rows + 1, rows + 2])
  return sparse.csr_matrix(
    (np.concatenate(bands), (np.tile(rows, 3), columns)),
    shape=(len(rows), len(seconds)),
  )
