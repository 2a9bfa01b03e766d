"""Training batches of people in photos of which nothing is annotated.

A person is kept as landmarks and mask; K and B are made anew for every batch,
each time of a crop that is moved and zoomed a little, as detectors' boxes are.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from hund_tf.body import keypoints as keypoint_names
from hund_tf.compat import tf
from hund_tf.detection.features import crop_box, image_features
from hund_tf.detection.interface import Detection
from hund_tf.geometry import camera
from hund_tf.records.crop_jitter import CropJitter
from hund_tf.types import (
  NUM_JOINTS,
  NUM_KEYPOINTS,
  STATE_DIMS,
  HumanState,
  ImageFeatures,
  Intrinsics,
  SupervisionWeights,
  TrainingExample,
)

_MASK_SIDE = 960  # crops are kept at a side of 1 to 2 times so many pixels


class SeenPerson(NamedTuple):
  """A person in a photo: what was detected, and the camera."""

  source: str  # name of the photo
  detection: Detection  # photo pixels
  intrinsics: Intrinsics  # of the photo, fields [2], pixels


def compact(person: SeenPerson, jitter: CropJitter) -> SeenPerson:
  """The person in a smaller photo, of which every drawn crop is the same.

  What no crop covers is cut off, and large photos are reduced, so that hundreds
  of people can be kept in memory.
  """
  found = person.detection
  if found.mask is None:
    return person
  box = crop_box(found)
  size = np.array(found.mask.shape[::-1])
  low, high = jitter.reach(box)
  low = np.clip(np.floor(low), 0, size - 1).astype(int)
  high = np.clip(np.ceil(high), low + 1, size).astype(int)
  step = max(1, int(box[2] / _MASK_SIDE))
  first = low + step // 2  # the middle of each step x step pixels
  mask = found.mask[first[1] : high[1] : step, first[0] : high[0] : step]
  if mask.size == 0:
    return person
  points = found.keypoints.copy()
  points[:, :2] = (points[:, :2] - low) / step
  small = Detection(
    box=np.array([*(found.box[:2] - low), *found.box[2:]], np.float32) / step,
    score=found.score,
    keypoints=points,
    mask=np.ascontiguousarray(mask),
    landmarks_3d=found.landmarks_3d,
  )
  focal, center = (np.asarray(x, np.float32) for x in person.intrinsics)
  cameras = Intrinsics(focal / step, (center - low.astype("f4")) / step)
  return SeenPerson(person.source, small, cameras)


def mirror_image(person: SeenPerson) -> SeenPerson:
  """The person in the mirrored photo: left and right change sides."""
  found = person.detection
  # Without a mask the photo's width is not known, and any will do.
  width = 0.0 if found.mask is None else float(found.mask.shape[1])
  points = found.keypoints[list(keypoint_names.MIRROR)]
  points[:, 0] = width - points[:, 0]
  left, top, *size = found.box
  mirrored = found._replace(
    box=np.array([width - left - size[0], top, *size], np.float32),
    keypoints=points,
    mask=None if found.mask is None else found.mask[:, ::-1],
    landmarks_3d=_mirrored_3d(found.landmarks_3d),
  )
  focal, center = (np.asarray(x, np.float32) for x in person.intrinsics)
  cameras = Intrinsics(focal, np.array([width - center[0], center[1]], "f4"))
  return SeenPerson(person.source, mirrored, cameras)


def _mirrored_3d(spatial: np.ndarray | None) -> np.ndarray | None:
  """3D landmarks [137, 4] of the mirror image."""
  if spatial is None:
    return None
  return spatial[list(keypoint_names.MIRROR)] * np.float32([-1, 1, 1, 1])


def seen_people_batch(
  people: Sequence[SeenPerson], boxes: Sequence[np.ndarray]
) -> tuple[ImageFeatures, Intrinsics]:
  """Features of B people in given crops, and the cameras of the crops.

  Args:
    people: B people, of any photos.
    boxes: B square boxes [4], pixels of each person's photo.
  """
  features = image_features([person.detection for person in people], boxes)
  photos = [
    np.stack([np.asarray(x, np.float32) for x in field])
    for field in zip(*(person.intrinsics for person in people), strict=True)
  ]
  cameras = camera.crop_intrinsics(
    Intrinsics(*map(tf.constant, photos)),
    tf.constant(np.stack(boxes).astype(np.float32)),
  )
  return features, cameras


def unlabelled(
  features: ImageFeatures, intrinsics: Intrinsics, vertices: int
) -> TrainingExample:
  """Features as examples that can be trained on by L_u alone.

  Args:
    features: of B crops.
    intrinsics: of the crops, fields `[B, 2]`, crop pixels.
    vertices: of the mesh that truth would be given on.
  """
  batch = features.heatmap_weights.shape[0]
  none = tf.zeros([batch])
  return TrainingExample(
    features=features,
    image=tf.zeros([batch, 0, 0, 4]),
    intrinsics=intrinsics,
    state=HumanState(*(tf.zeros([batch, size]) for size in STATE_DIMS)),
    vertices=tf.zeros([batch, vertices, 3]),
    joints=tf.zeros([batch, NUM_JOINTS, 3]),
    keypoints=tf.zeros([batch, NUM_KEYPOINTS, 2]),
    keypoint_weights=tf.zeros([batch, NUM_KEYPOINTS]),
    weights=SupervisionWeights(
      alignment=tf.ones([batch]),
      keypoints=none,
      vertices=none,
      joints=none,
      latents=none,
    ),
  )


class PhotoBatches:
  """Batches of people in photos; each is a function of its number."""

  def __init__(
    self,
    people: Sequence[SeenPerson],
    batch_size: int,
    vertices: int,
    jitter: CropJitter | None = None,
    seed: int = 0,
  ):
    """Keeps the people.

    Args:
      people: at least one.
      batch_size: B; people come again, in other crops, where they are fewer.
      vertices: of the mesh that truth would be given on.
      jitter: of the crops.
      seed: of order and crops.

    Raises:
      ValueError: if there is nobody.
    """
    if not people:
      raise ValueError("people: got none, expected at least one")
    self._jitter = jitter or CropJitter()
    self._people = list(people)
    self._boxes = [crop_box(person.detection) for person in self._people]
    self._batch_size, self._vertices = batch_size, vertices
    self._seed = seed

  def batch(self, number: int) -> TrainingExample:
    """Batch `number`, from 0; everybody comes once before anybody twice."""
    count, size = len(self._people), self._batch_size
    rows = [
      self._order(place // count)[place % count]
      for place in range(number * size, (number + 1) * size)
    ]
    random = np.random.default_rng([self._seed, 1, number])
    boxes = [self._jitter.draw(random, self._boxes[row]) for row in rows]
    features, cameras = seen_people_batch(
      [self._people[r] for r in rows], boxes
    )
    return unlabelled(features, cameras, self._vertices)

  def _order(self, epoch: int) -> np.ndarray:
    random = np.random.default_rng([self._seed, 0, epoch])
    return random.permutation(len(self._people))

  def plain(self) -> Iterator[tuple[ImageFeatures, Intrinsics, int]]:
    """Everybody once, in the crops that `tools.reconstruct` makes.

    Yields:
      Features and cameras of B people, and how many of them count: the last
      batch is filled up.
    """
    count, size = len(self._people), self._batch_size
    for start in range(0, count, size):
      rows = [min(row, count - 1) for row in range(start, start + size)]
      features, cameras = seen_people_batch(
        [self._people[row] for row in rows], [self._boxes[row] for row in rows]
      )
      yield features, cameras, min(size, count - start)
