"""Network coordinates of the states of hands and faces; see `state_space`."""

import numpy as np

from hund_tf.body.part_bodies import HAND, PartBody
from hund_tf.compat import tf
from hund_tf.geometry import placement, rotation, similarity
from hund_tf.losses.part_alignment import PartTarget, root_relative
from hund_tf.types import CROP_SIZE, FaceState, HandState, Intrinsics

_LATENT = 6.0  # bound of latents, standard deviations
_SIDE = 3.0  # bound of the placement, and of the 6D rotation
_UPRIGHT = (1.0, 0.0, 0.0, -1.0, 0.0, 0.0)  # 6D: body frame faces the camera
# Log of the metres that a usual crop spans, less `LOG_SCALE_OFFSET`.
_LOG_SCALE = {"hand": -2.0, "face": -1.9}
_KNOWN = 1e-3  # sum of weights from which landmarks tell a scale
_SMALLEST = 1e-9


class PartSpace:
  """Coordinates `[B, D]` of a part's states: latents, rotation, placement."""

  def __init__(self, body: PartBody):
    """Of a hand or a face."""
    self._body = body
    self._type = HandState if body.kind == HAND else FaceState
    limits = [_LATENT] * (len(body.dims) - 2) + [_SIDE, _SIDE]
    self._limit = np.repeat(np.float32(limits), body.dims)
    zeros = {
      name: np.zeros([1, size], np.float32)
      for name, size in body.dims._asdict().items()
    }
    zeros["rotation"] = np.array([_UPRIGHT], np.float32)
    zeros["translation"][0, 2] = _LOG_SCALE[body.kind]
    self.mean = np.concatenate(list(zeros.values()), axis=1)[0]
    at_rest = self._type(**zeros)._replace(
      rotation=np.float32([[1, 0, 0, 1, 0, 0]])
    )
    posed = body.decode(self._type(*map(tf.constant, at_rest)))
    # Of the mean part in its own frame, `[1, n, 3]` metres.
    self._points = root_relative(posed.points, body)
    root = tf.gather(posed.points, np.array(body.roots), axis=1)
    self._to_root = tf.reduce_mean(root, axis=1) - at_rest.translation
    self._turn = slice(-9, -3)

  @property
  def size(self) -> int:
    """Number of coordinates."""
    return len(self.mean)

  def encode(
    self, state: HandState | FaceState, intrinsics: Intrinsics
  ) -> tf.Tensor:
    """Coordinates `[B, D]` of states; `intrinsics` are the crops'."""
    placed = placement.encode(state.translation, intrinsics)
    return tf.concat([*state[:-1], placed], axis=-1)

  def decode(
    self, coordinates: tf.Tensor, intrinsics: Intrinsics
  ) -> HandState | FaceState:
    """States of coordinates `[B, D]`; the inverse of `encode`."""
    *fields, placed = tf.split(coordinates, list(self._body.dims), axis=-1)
    return self._type(*fields, placement.decode(placed, intrinsics))

  def bound(self, coordinates: tf.Tensor) -> tf.Tensor:
    """Clips coordinates to the range of likely states."""
    return tf.clip_by_value(coordinates, -self._limit, self._limit)

  def moved(self, coordinates: tf.Tensor, update: tf.Tensor) -> tf.Tensor:
    """Coordinates after an update, whose rotation is in the part's own frame.

    Whichever way a part is turned, the same update turns it alike.
    """
    turn = rotation.from_6d(coordinates[:, self._turn])
    by = tf.reshape(update[:, self._turn], [-1, 3, 2])
    turned = rotation.to_6d(
      rotation.from_6d(tf.reshape(turn[..., :2] + tf.matmul(turn, by), [-1, 6]))
    )
    first, last = self._turn.start, self._turn.stop
    return tf.concat(
      [
        coordinates[:, :first] + update[:, :first],
        turned,
        coordinates[:, last:] + update[:, last:],
      ],
      axis=-1,
    )

  def start(
    self, target: PartTarget, intrinsics: Intrinsics, viewing: tf.Tensor
  ) -> tf.Tensor:
    """Where a descent starts: the mean part, turned and placed in closed form.

    Turned to the 3D landmarks by the best rotation, and so placed that their
    projection from afar has the keypoints' middle and spread.

    Args:
      target: what the crops show.
      intrinsics: of the crops, fields `[B, 2]`, crop pixels.
      viewing: `[B, 3, 3]` rotations from the camera to the viewing frame.
    """
    known = target.landmark_weights[..., None]
    mean = tf.broadcast_to(self._points, tf.shape(target.landmarks))
    _, turn = similarity.best_similarity(
      known * mean, target.landmarks, tf.ones([self._body.num_points])
    )
    any_known = tf.reduce_sum(known, axis=1) > _KNOWN
    upright = rotation.from_6d(tf.constant([_UPRIGHT]))
    turn = tf.where(any_known[..., None], turn, upright)

    both = known * target.weights[..., None]
    total = tf.reduce_sum(both, axis=1, keepdims=True) + _SMALLEST

    def spread(points):
      middle = tf.reduce_sum(both * points, axis=1, keepdims=True) / total
      square = both * (points - middle) ** 2
      size = tf.reduce_sum(square, axis=[1, 2], keepdims=True) / total
      return middle[:, 0], tf.sqrt(size[:, 0] + _SMALLEST)

    seen = target.keypoints * (2.0 / CROP_SIZE) - 1.0
    flat = tf.einsum("bij,bnj->bni", viewing, target.landmarks)[..., :2]
    (middle, on_crop), (centre, metres) = spread(seen), spread(flat)
    per_half = metres / on_crop  # metres of half a crop
    scale = tf.math.log(2.0 * per_half) - placement.LOG_SCALE_OFFSET
    root = tf.linalg.matvec(viewing @ turn, self._to_root)[..., :2]
    place = middle - (centre + root) / per_half
    placed = tf.concat([place, scale], axis=-1)
    usual = tf.constant(self.mean[None, -3:])
    enough = tf.reduce_sum(both, axis=1) > _KNOWN
    placed = tf.where(enough, placed, usual)
    latents = tf.constant(self.mean[None, : self._turn.start])
    latents = tf.tile(latents, [tf.shape(seen)[0], 1])
    return self.bound(
      tf.concat([latents, rotation.to_6d(turn), placed], axis=-1)
    )
