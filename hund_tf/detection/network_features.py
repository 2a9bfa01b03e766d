"""Image features of the multitask network, alone or with a detector's."""

from collections.abc import Callable, Sequence

import numpy as np

from hund_tf.body import keypoints as keypoint_table
from hund_tf.compat import tf
from hund_tf.detection import features as landmark_features
from hund_tf.detection.interface import Detection
from hund_tf.losses.heatmaps import target_from_features
from hund_tf.models.hund import part_moments
from hund_tf.models.multitask.mirror_average import MapNetwork
from hund_tf.models.multitask.network import NUM_GUIDES, image_features
from hund_tf.types import CROP_SIZE, MAP_SIZE, NUM_KEYPOINTS, ImageFeatures

# What the features of a crop are made of.
KINDS = ("landmarks", "network", "both")
# How much a peak of the network counts beside a detector's of the same
# confidence: it saw synthetic images only.
NETWORK_TRUST = 0.5
_SMALLEST = 1e-6
# When the parts of the network are where a detector's keypoints say.
_NEAR = CROP_SIZE / 10.0  # crop pixels between the middles of a part
_MOST = 0.8  # share of the parts that must be near
_SEEN = 0.3  # weight from which on a part is judged
# Keypoints of which the network is believed where a detector found nothing. Of
# faces and hands that are not found it draws peaks all the same.
_BODY = np.zeros(NUM_KEYPOINTS, np.float32)
_BODY[keypoint_table.BODY] = 1.0
# A photo of everybody, or one of each of B people.
Photos = np.ndarray | Sequence[np.ndarray]
# (photos, B people, their square boxes) -> features of their crops
FeatureMaker = Callable[
  [Photos | None, Sequence[Detection], Sequence[np.ndarray]], ImageFeatures
]


def fuse(
  landmarks: ImageFeatures,
  network: ImageFeatures,
  trust: float = NETWORK_TRUST,
) -> ImageFeatures:
  """K of a detector and of the network as one, B of either, F of the network.

  Each keypoint's maps are added, weighted by their confidences: peaks that
  agree strengthen each other, of two that do not the more confident one is the
  highest. The sum is scaled to a peak of height 1, whose own height becomes the
  confidence. Of faces and hands only what the detector found counts.

  B is the network's where `parts_agree`: else it would be of somebody else, or
  left and right of it exchanged, and the detector's own says more. 3D landmarks
  are the detector's: the network has none.

  Args:
    landmarks: of B crops; keypoints of weight 0 are unknown.
    network: of the same crops.
    trust: weight of the network's peaks.

  Returns:
    Features with the network's F.
  """
  first = landmarks.heatmaps * landmarks.heatmap_weights[:, None, None]
  found = tf.cast(landmarks.heatmap_weights > 0.0, tf.float32)
  believed = tf.maximum(found, _BODY)
  weights = trust * network.heatmap_weights * believed
  summed = first + network.heatmaps * weights[:, None, None]
  peaks = tf.reduce_max(summed, axis=[1, 2])
  scaled = summed / tf.maximum(peaks, _SMALLEST)[:, None, None]
  agreed = parts_agree(landmarks, network)[:, None]
  maps = agreed[..., None, None], network.part_probs, landmarks.part_probs
  known = agreed, network.part_weights, landmarks.part_weights
  return network._replace(
    heatmaps=scaled,
    heatmap_weights=tf.minimum(peaks, 1.0),
    part_probs=tf.where(*maps),
    part_weights=tf.where(*known),
    landmarks_3d=landmarks.landmarks_3d,
    landmark_3d_weights=landmarks.landmark_3d_weights,
  )


def guide_maps(landmarks: ImageFeatures) -> tf.Tensor:
  """What tells a guided network who is meant, `[B, 60, 60, 25]`."""
  weighted = landmarks.heatmaps * landmarks.heatmap_weights[:, None, None]
  return weighted[..., :NUM_GUIDES]


def guided(landmarks: ImageFeatures, network: ImageFeatures) -> ImageFeatures:
  """What a detector found, with B and F of a network that was told of it.

  K of such a network is the detector's again, and B is of the person whom the
  detector means, so neither is weighed against the other.
  """
  return landmarks._replace(
    part_probs=network.part_probs,
    part_weights=network.part_weights,
    features=network.features,
  )


def parts_agree(landmarks: ImageFeatures, network: ImageFeatures) -> tf.Tensor:
  """Whether B of the network is of the person that a detector found, `[B]`.

  Of the parts that the network sees and whose keypoints the detector found,
  most must lie where these say.

  Args:
    landmarks: of B crops; keypoints of weight 0 are unknown.
    network: of the same crops.

  Returns:
    Bool; false where there is no such part.
  """
  target = target_from_features(landmarks)
  parts = part_moments.part_moments(target_from_features(network))
  apart = part_moments.body_centres(target.keypoints) - parts.centres
  located = part_moments.located_parts(target.keypoint_weights)
  judged = tf.cast(located & (parts.weights > _SEEN), tf.float32)
  near = tf.cast(tf.norm(apart, axis=-1) < _NEAR, tf.float32)
  total = tf.reduce_sum(judged, axis=-1)
  right = tf.reduce_sum(judged * near, axis=-1)
  return (total > 0.0) & (right >= _MOST * total)


class NetworkFeatures:
  """Makes features of crops by the network, with a detector's or without."""

  def __init__(
    self, network: MapNetwork, kind: str, with_features: bool = False
  ):
    """Keeps the network.

    Args:
      network: with its weights.
      kind: 'network', or 'both' for a K that is fused with the landmarks'.
      with_features: whether F is given on; else it has no channels.

    Raises:
      ValueError: if the kind is another.
    """
    if kind not in KINDS[1:]:
      raise ValueError(f"features: got {kind!r}, expected one of {KINDS[1:]}")
    self._size, self._kind = network.config.input_size, kind
    shape = [None, self._size, self._size, 3]

    self._guided = kind == "both" and network.config.guided

    maps = [None, MAP_SIZE, MAP_SIZE]
    shapes = (shape, maps, [*maps, NUM_GUIDES])

    @tf.function(
      input_signature=[tf.TensorSpec(s, tf.float32) for s in shapes],
      autograph=False,
    )
    def look(
      images: tf.Tensor, inside: tf.Tensor, guides: tf.Tensor
    ) -> ImageFeatures:
      output = network(images, guides, training=False)
      return image_features(output, inside, with_features)

    self._look = look

  def __call__(
    self,
    image: Photos | None,
    detections: Sequence[Detection],
    boxes: Sequence[np.ndarray],
  ) -> ImageFeatures:
    """Features of the crops of some people.

    Args:
      image: `[H, W, 3]` uint8 RGB, the photo, or a sequence of B of them.
      detections: B people.
      boxes: B square crop boxes `[4]`, pixels of the photo.

    Raises:
      ValueError: if there is no photo, the numbers differ or a box is no
        square.
    """
    if image is None:
      raise ValueError(
        f"photo: got none, expected an image: features are {self._kind!r}"
      )
    images = [image] * len(boxes) if isinstance(image, np.ndarray) else image
    crops = [
      landmark_features.crop_image(photo, box, self._size)
      for photo, box in zip(images, boxes, strict=True)
    ]
    inside = [
      landmark_features.photo_map(photo.shape, box)
      for photo, box in zip(images, boxes, strict=True)
    ]
    guides = np.zeros([len(boxes), MAP_SIZE, MAP_SIZE, NUM_GUIDES], np.float32)
    landmarks = None
    if self._kind == "both":
      landmarks = landmark_features.image_features(detections, boxes)
      if self._guided:
        guides = guide_maps(landmarks)
    found = self._look(
      np.stack(crops).astype(np.float32) / 255.0, np.stack(inside), guides
    )
    if landmarks is None:
      return found
    return guided(landmarks, found) if self._guided else fuse(landmarks, found)


def landmarks_only(
  image: Photos | None,
  detections: Sequence[Detection],
  boxes: Sequence[np.ndarray],
) -> ImageFeatures:
  """Features of landmarks and masks alone; the photo is not looked at."""
  del image
  return landmark_features.image_features(detections, boxes)
