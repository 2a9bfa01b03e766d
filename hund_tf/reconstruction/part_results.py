"""What is found of a face or a hand, and whether the body takes it over."""

from typing import NamedTuple, Protocol

import numpy as np

from hund_tf.compat import tf
from hund_tf.geometry import rotation
from hund_tf.types import (
  FaceState,
  HandState,
  Intrinsics,
  PartFeatures,
  RefinementState,
)

# S M S of matrices M, with the mirror S = diag(-1, 1, 1).
_SIGNS = np.array([[1, -1, -1], [-1, 1, 1], [-1, 1, 1]], np.float32)
_FLIP = np.array([-1, 1, 1], np.float32)


class PartReader(Protocol):
  """Reads N parts of one kind: right hands, or faces."""

  def __call__(
    self, features: PartFeatures, intrinsics: Intrinsics
  ) -> RefinementState:
    """Traces of N parts, fields `[N, M+1, ...]`.

    Args:
      features: of N crops.
      intrinsics: of the crops, fields `[N, 2]`, crop pixels.

    Returns:
      Traces whose states are `HandState`s or `FaceState`s, in the camera frame
      of the crops' intrinsics.
    """
    ...

  def keypoints(self, state: HandState | FaceState) -> tf.Tensor:
    """Keypoints `[N, n, 3]` of states, metres, camera frame."""
    ...


class PartResult(NamedTuple):
  """A face or a hand of a person; arrays are numpy, without a batch axis."""

  name: str  # "face", "left_hand" or "right_hand"
  used: bool  # whether the body took it over
  reason: str  # why not; empty where it is used
  score: float  # mean confidence of its landmarks, in [0, 1]
  size: float  # larger side of the box around these, photo pixels
  crop_box: np.ndarray  # [4] its square crop, photo pixels; zeros where unseen
  state: HandState | FaceState | None = None  # the last one of the trace, in
  # the camera frame of the photo; None where the part was not looked at
  rotation: np.ndarray | None = None  # [3, 3] wrist or head to camera
  keypoints: np.ndarray | None = None  # [n, 3] metres, camera frame
  keypoints_2d: np.ndarray | None = None  # [n, 2] reprojected, photo pixels
  trace: RefinementState | None = None  # fields [M+1, ...]


def mirrored_hand(state: HandState) -> HandState:
  """The mirror images (x -> -x) of hands, numpy, fields `[..., D]`.

  Of states of right hands in mirrored cameras, those of the left hands in
  the cameras themselves: equal latents are mirrored hands.
  """
  matrix = rotation.from_6d(tf.convert_to_tensor(state.rotation)) * _SIGNS
  return HandState(
    pose=np.asarray(state.pose),
    size=np.asarray(state.size),
    rotation=rotation.to_6d(matrix).numpy(),
    translation=np.asarray(state.translation) * _FLIP,
  )


def mirrored_points(points: np.ndarray) -> np.ndarray:
  """Points `[..., 3]` with x -> -x."""
  return np.asarray(points) * _FLIP
