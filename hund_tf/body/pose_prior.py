"""Pose priors: three normalizing flows from unit-Gaussian latents to poses.

Each group of joints (body, left hand, right hand) has a flow between a latent
z ~ N(0, I) and unbounded angles u; a smooth squash takes u into the anatomical
limits of `joint_limits.py`, so every latent is a possible pose. The right hand
is the mirror image of the left: equal latents are mirrored hands.
"""

import os
import pathlib
from typing import NamedTuple

import numpy as np

from hund_tf import files, npz_arrays
from hund_tf.body import flows, joint_limits, skeleton
from hund_tf.compat import tf

DEFAULT_PATH = pathlib.Path(__file__).parent / "assets" / "pose_prior.npz"


class PoseGroups(NamedTuple):
  """One tensor per group of joints: latents `[B, D]`, or values `[B]`."""

  body: tf.Tensor
  left_hand: tf.Tensor
  right_hand: tf.Tensor


GROUPS = PoseGroups(
  body=joint_limits.BODY,
  left_hand=joint_limits.LEFT_HAND,
  right_hand=joint_limits.RIGHT_HAND,
)
_GROUP_NAMES = PoseGroups(
  skeleton.BODY_JOINTS, skeleton.LEFT_HAND_JOINTS, skeleton.RIGHT_HAND_JOINTS
)


def _scatter_indices() -> np.ndarray:
  """Row of [identity, body, left hand, right hand] that each joint takes."""
  order = [""] + [name for names in _GROUP_NAMES for name in names]
  row = {name: i for i, name in enumerate(order)}
  return np.asarray([row.get(name, 0) for name in skeleton.NAMES], np.int32)


def _flow(arrays: dict[str, np.ndarray], row: int) -> flows.CouplingFlow:
  """The flow of the body, row 0 of `GROUPS`, or of a hand, row 1."""
  name = ("body", "hand")[row]
  own = {
    key.removeprefix(f"{name}/"): value
    for key, value in arrays.items()
    if key.startswith(f"{name}/")
  }
  flow = flows.CouplingFlow.from_arrays(own, name)
  dim = 3 * len(GROUPS[row].twist)
  if flow.config.dim != dim:
    raise ValueError(
      f"flow {name}: is of {flow.config.dim} numbers, expected {dim}"
    )
  return flow


class PosePrior(tf.Module):
  """Latent poses and their local joint rotations, both ways.

  Attributes:
    flows: a `CouplingFlow` per group; both hands share one.
  """

  def __init__(
    self, body: flows.CouplingFlow, hand: flows.CouplingFlow, name=None
  ):
    super().__init__(name=name or "pose_prior")
    self.flows = PoseGroups(body, hand, hand)
    self._rows = _scatter_indices()
    self._columns = [
      np.asarray([skeleton.INDEX[name] for name in names], np.int32)
      for names in _GROUP_NAMES
    ]

  @classmethod
  def load(cls, path: str | os.PathLike | None = None) -> "PosePrior":
    """Reads trained flows; by default those that come with the package.

    Raises:
      ValueError: if the file is missing or is not a pose prior.
    """
    path = pathlib.Path(path) if path else DEFAULT_PATH
    try:
      arrays = npz_arrays.read(path, npz_arrays.NUMBERS)
    except (OSError, ValueError) as error:
      raise ValueError(
        f"pose prior {path}: cannot be read ({error}); expected the .npz that "
        "tools/train_pose_prior.py writes"
      ) from error
    try:
      return cls(*(_flow(arrays, i) for i in (0, 1)))
    except ValueError as error:
      raise ValueError(f"pose prior {path}: {error}") from error

  def save(self, path: str | os.PathLike) -> None:
    """Writes the flows as a compressed npz, atomically."""
    arrays = {}
    for group, flow in zip(("body", "hand"), self.flows[:2], strict=True):
      for key, value in flow.arrays().items():
        arrays[f"{group}/{key}"] = value
    files.write_npz(path, arrays)

  def decode(
    self, body_pose: tf.Tensor, left_hand: tf.Tensor, right_hand: tf.Tensor
  ) -> tf.Tensor:
    """Local joint rotations of latent poses.

    Args:
      body_pose: `[B, 69]` latent with unit-Gaussian prior.
      left_hand: `[B, 45]` latent with unit-Gaussian prior.
      right_hand: `[B, 45]` latent with unit-Gaussian prior.

    Returns:
      `[B, 63, 3, 3]` rotations (child frame to parent frame) in the order of
      `skeleton.NAMES`, inside the anatomical limits; the identity at the
      pelvis, the driven twist joints, the jaw and the eyes.

    Raises:
      ValueError: if a latent's size is not its group's.
    """
    latents = PoseGroups(body_pose, left_hand, right_hand)
    return self.to_rotations(self.angles(latents))

  def to_rotations(self, angles: PoseGroups) -> tf.Tensor:
    """Local rotations `[B, 63, 3, 3]` of angles `[B, J, 3]` in radians.

    The identity at the joints of no group, as `decode`.
    """
    rotations = [
      joint_limits.to_rotations(values, joints)
      for values, joints in zip(angles, GROUPS, strict=True)
    ]
    identity = tf.eye(3, batch_shape=[tf.shape(angles.body)[0], 1])
    return tf.gather(tf.concat([identity, *rotations], 1), self._rows, axis=1)

  def angles(self, latents: PoseGroups) -> PoseGroups:
    """Joint angles `[B, J, 3]` in radians of latents, group by group."""
    result = []
    for latent, flow, joints, field in zip(
      latents, self.flows, GROUPS, PoseGroups._fields, strict=True
    ):
      if latent.shape[-1] != flow.config.dim or latent.shape.rank != 2:
        raise ValueError(
          f"{field} latent: shape is {latent.shape}, "
          f"expected [B, {flow.config.dim}]"
        )
      value, _ = flow.forward(latent)
      result.append(
        joint_limits.squash(
          tf.reshape(value, [-1, len(joints.twist), 3]), joints
        )
      )
    return PoseGroups(*result)

  def right_hand_rotations(self, latent: tf.Tensor) -> tf.Tensor:
    """Local rotations `[B, 15, 3, 3]` of right hands by latents `[B, 45]`.

    As `decode` gives them, in the order of `skeleton.RIGHT_HAND_JOINTS`.
    """
    joints = GROUPS.right_hand
    value, _ = self.flows.right_hand.forward(latent)
    value = tf.reshape(value, [-1, len(joints.twist), 3])
    return joint_limits.to_rotations(joint_limits.squash(value, joints), joints)

  def encode(self, local_rotations: tf.Tensor) -> PoseGroups:
    """Latents of poses, the inverse of `decode`.

    Angles outside the limits are clipped to just inside, so that any rotation
    gives a finite latent.

    Args:
      local_rotations: `[B, 63, 3, 3]` in the order of `skeleton.NAMES`; the
        pelvis, the twist joints, the jaw and the eyes are not looked at.

    Returns:
      Latents `[B, 69]`, `[B, 45]`, `[B, 45]`.
    """
    return PoseGroups(*(z for z, _ in self._invert(local_rotations)))

  def log_prob(self, local_rotations: tf.Tensor) -> PoseGroups:
    """Log densities in nats `[B]` of each group's unbounded angles u."""
    return PoseGroups(
      *(
        flows.unit_gaussian_log_prob(z) + log_det
        for z, log_det in self._invert(local_rotations)
      )
    )

  def _invert(
    self, local_rotations: tf.Tensor
  ) -> list[tuple[tf.Tensor, tf.Tensor]]:
    """Latent and log determinant of each group."""
    shape = local_rotations.shape
    if shape.rank != 4 or shape[1:] != (len(skeleton.NAMES), 3, 3):
      raise ValueError(
        f"local_rotations: shape is {shape}, "
        f"expected [B, {len(skeleton.NAMES)}, 3, 3]"
      )
    result = []
    for flow, joints, columns in zip(
      self.flows, GROUPS, self._columns, strict=True
    ):
      matrices = tf.gather(local_rotations, columns, axis=1)
      angles = joint_limits.from_rotations(matrices, joints)
      value = joint_limits.unsquash(angles, joints)
      result.append(flow.inverse(tf.reshape(value, [-1, flow.config.dim])))
    return result
