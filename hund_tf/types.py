"""The records that flow through the system, as `NamedTuple`s of tensors.

Frames: *body* frame x left, y up, z forward, metres; *camera* frame x right,
y down, z forward, metres. Pixels: x right, y down, pixel (0, 0) covers
[0, 1) x [0, 1). Boxes are [left, top, width, height] in pixels. Left and right
are the subject's own.
"""

from typing import NamedTuple

from hund_tf.compat import tf

CROP_SIZE = 480  # side of the square person crop, pixels
CROP_SCALE = 1.2  # side of a crop, larger sides of the person's box
MAP_SIZE = 60  # side of the heatmaps K and of the part maps B, cells
NUM_KEYPOINTS = 137  # 25 body, 70 face, 21 left hand, 21 right hand
NUM_PARTS = 15  # background and 14 DensePose parts
UNSEEN_BACKGROUND = 0.5  # of B where nothing is known, as beyond the photo
NUM_JOINTS = 63
BODY_POSE_DIM = 69  # 23 joints x 3
HAND_POSE_DIM = 45  # 15 joints x 3
SHAPE_DIM = 16
EXPRESSION_DIM = 20


class Intrinsics(NamedTuple):
  """Pinhole camera C = [fx, fy, cx, cy] (Sec. 2.1)."""

  focal: tf.Tensor  # [..., 2] pixels (fx, fy)
  center: tf.Tensor  # [..., 2] pixels (cx, cy)


class ImageFeatures(NamedTuple):
  """What is known of a person crop, whichever front end made it."""

  heatmaps: tf.Tensor  # [B, 60, 60, 137] K, Gaussian peaks of height 1
  heatmap_weights: tf.Tensor  # [B, 137] confidence in [0, 1]; 0 = unknown
  part_probs: tf.Tensor  # [B, 60, 60, 15] B, channel 0 = background
  part_weights: tf.Tensor  # [B, 16] in [0, 1]: which part channels are known;
  # the last entry belongs to the visibility (foreground) channel
  features: tf.Tensor  # [B, 60, 60, C] F; C = 0 where there is no network
  landmarks_3d: tf.Tensor  # [B, 137, 3] metres, from the root of each group of
  # keypoints, in the viewing frame of the crop: `body.landmarks_3d`
  landmark_3d_weights: tf.Tensor  # [B, 137] in [0, 1]; 0 = unknown


class Landmarks3D(NamedTuple):
  """The last two fields of `ImageFeatures`."""

  landmarks_3d: tf.Tensor  # [B, 137, 3]
  landmark_3d_weights: tf.Tensor  # [B, 137]


def no_landmarks_3d(batch: int | tf.Tensor) -> Landmarks3D:
  """3D landmarks of B people of whom none is known."""
  return Landmarks3D(
    tf.zeros([batch, NUM_KEYPOINTS, 3]), tf.zeros([batch, NUM_KEYPOINTS])
  )


class HumanState(NamedTuple):
  """State s of the body model (Sec. 2.1), in the order of the state vector."""

  body_pose: tf.Tensor  # [B, 69] latent, unit-Gaussian prior
  left_hand: tf.Tensor  # [B, 45] latent, unit-Gaussian prior
  right_hand: tf.Tensor  # [B, 45] latent, unit-Gaussian prior
  shape: tf.Tensor  # [B, 16] latent, unit-Gaussian prior
  expression: tf.Tensor  # [B, 20] latent, unit-Gaussian prior
  rotation: tf.Tensor  # [B, 6] body-to-camera rotation, rows of a 3x2 matrix
  translation: tf.Tensor  # [B, 3] metres, camera frame: where the pelvis is


STATE_DIMS = HumanState(
  body_pose=BODY_POSE_DIM,
  left_hand=HAND_POSE_DIM,
  right_hand=HAND_POSE_DIM,
  shape=SHAPE_DIM,
  expression=EXPRESSION_DIM,
  rotation=6,
  translation=3,
)
STATE_SIZE = sum(STATE_DIMS)  # 204


class HandState(NamedTuple):
  """State of a hand network: a right hand; a left one is its mirror image."""

  pose: tf.Tensor  # [B, 45] latent, unit-Gaussian prior, as in `HumanState`
  size: tf.Tensor  # [B, 1] log of its size, in tenths, from the mean body's
  rotation: tf.Tensor  # [B, 6] wrist-to-camera rotation
  translation: tf.Tensor  # [B, 3] metres, camera frame: where the wrist is


class FaceState(NamedTuple):
  """State of a face network."""

  expression: tf.Tensor  # [B, 20] latent, as in `HumanState`
  shape: tf.Tensor  # [B, 16] latent, as in `HumanState`
  gaze: tf.Tensor  # [B, 2] both eyes' turn: to the person's left, and up, in
  # units of a fifth of a radian, unit-Gaussian prior
  rotation: tf.Tensor  # [B, 6] head-to-camera rotation
  translation: tf.Tensor  # [B, 3] metres, camera frame: where the head joint is


class PartFeatures(NamedTuple):
  """What is known of close-ups of N parts of one kind: of hands, or of faces.

  Hands are right ones; a left one is given as its mirror image, pixels, camera
  and landmarks alike.
  """

  keypoints: tf.Tensor  # [N, n, 2] crop pixels; n = 21 of a hand, 70 of a face
  weights: tf.Tensor  # [N, n] confidence in [0, 1]; 0 = unknown
  landmarks_3d: tf.Tensor  # [N, n, 3] metres, in the crop's viewing frame, from
  # the root of the group of keypoints: `body.landmarks_3d`
  landmark_3d_weights: tf.Tensor  # [N, n] in [0, 1]; 0 = unknown


class BodyOutput(NamedTuple):
  """A posed body in the camera frame."""

  vertices: tf.Tensor  # [B, V, 3] metres, camera frame
  joints: tf.Tensor  # [B, 63, 3] metres, camera frame
  keypoints: tf.Tensor  # [B, 137, 3] metres, camera frame
  rotations: tf.Tensor  # [B, 63, 3, 3] local joint rotations (child to parent);
  # the root's is the body-to-camera rotation


class AlignmentTarget(NamedTuple):
  """What the alignment objective compares a state with (Eq. 3-5)."""

  keypoints: tf.Tensor  # [B, 137, 2] crop pixels
  keypoint_weights: tf.Tensor  # [B, 137] confidence in [0, 1]
  part_probs: tf.Tensor  # [B, 60, 60, 15] channel 0 = background
  part_weights: tf.Tensor  # [B, 16] known channels, the last is visibility


class AlignmentTerms(NamedTuple):
  """Values of L_u (Eq. 3) and of its terms, unweighted, each [B]."""

  total: tf.Tensor  # [B] lambda-weighted sum
  keypoint: tf.Tensor  # [B] L_k, crop pixels (Eq. 4)
  part: tf.Tensor  # [B] L_b, mean absolute difference per pixel (Eq. 5)
  pose_prior: tf.Tensor  # [B] ||theta||^2 (Eq. 6)
  shape_prior: tf.Tensor  # [B] ||beta||^2 (Eq. 6), shape and expression


class RefinementState(NamedTuple):
  """One refinement step; a trace is these stacked along axis 1 [B, M+1, ...].

  Every minimiser of the alignment objective (BFGS, L-BFGS, gradient descent
  and the learned descent) returns a trace of this type.
  """

  state: HumanState
  terms: AlignmentTerms
  memory: tf.Tensor  # [B, D] hidden state; D = 0 for optimisers without one
  seconds: tf.Tensor  # [B] cumulative wall time since the start of the descent


class SupervisionWeights(NamedTuple):
  """Which training losses an example takes part in, each [B], 0 = not.

  Self-, weak and full supervision are these weights, in one batch format.
  """

  alignment: tf.Tensor  # [B] L_u of the image features (self-supervised)
  keypoints: tf.Tensor  # [B] L_k of annotated keypoints (weakly supervised)
  vertices: tf.Tensor  # [B] L_m (fully supervised)
  joints: tf.Tensor  # [B] L_3d (fully supervised)
  latents: tf.Tensor  # [B] distance to the true state


class TrainingExample(NamedTuple):
  """A batch for training; what is unknown is zero and has weight zero."""

  features: ImageFeatures
  # [B, S, S, 4] the crop: RGB in [0, 1], and 1 in the photo, 0 beyond it; S = 0
  # where the model reads the features alone
  image: tf.Tensor
  intrinsics: Intrinsics  # of the crop (C_c), fields [B, 2], crop pixels
  state: HumanState  # true state
  vertices: tf.Tensor  # [B, V, 3] metres, camera frame, objective's proxy mesh
  joints: tf.Tensor  # [B, 63, 3] metres, camera frame
  keypoints: tf.Tensor  # [B, 137, 2] annotated, crop pixels
  keypoint_weights: tf.Tensor  # [B, 137] in [0, 1]
  weights: SupervisionWeights


def state_to_vector(state: HumanState) -> tf.Tensor:
  """Concatenates a state to `[..., 204]`, in the order of its fields."""
  return tf.concat(list(state), axis=-1)


def state_from_vector(vector: tf.Tensor) -> HumanState:
  """Splits a `[..., 204]` vector into a state.

  Raises:
    ValueError: if the last dimension is not 204.
  """
  if vector.shape[-1] != STATE_SIZE:
    raise ValueError(
      f"state vector: last dimension is {vector.shape[-1]}, "
      f"expected {STATE_SIZE}"
    )
  return HumanState(*tf.split(vector, list(STATE_DIMS), axis=-1))
