"""Where faces and hands are looked at closely: square crops of the photo.

Each part of a person that is seen well enough gets a crop of the photo of its
own, with intrinsics by Eq. 1, so that what is found in it is in the camera
frame of the photo. Left hands are given as their mirror images, as if they were
right ones: crop pixels x -> 480 - x, and 3D x -> -x.
"""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from hund_tf.body import keypoints as table
from hund_tf.compat import tf
from hund_tf.detection.interface import Detection
from hund_tf.geometry import camera
from hund_tf.options import check, option
from hund_tf.types import CROP_SIZE, Intrinsics, PartFeatures

FACE, LEFT_HAND, RIGHT_HAND = "face", "left_hand", "right_hand"
HANDS = (LEFT_HAND, RIGHT_HAND)
PARTS = (FACE, *HANDS)
ROWS: dict[str, slice] = {
  FACE: table.FACE,
  LEFT_HAND: table.LEFT_HAND,
  RIGHT_HAND: table.RIGHT_HAND,
}


@dataclasses.dataclass(frozen=True)
class AttentionConfig:
  """Which faces and hands are looked at closely, and how much around them."""

  part_scale: float = option(
    1.6,
    "Side of the crop of a face or hand, larger sides of the box around its "
    "landmarks.",
    low=1.0,
  )
  part_points: int = option(
    12, "Fewest landmarks of a face or hand that is looked at.", low=3, high=21
  )
  part_score: float = option(
    0.3,
    "Least mean confidence of the known landmarks of a face or hand that is "
    "looked at.",
    low=0.0,
    high=1.0,
  )
  part_pixels: float = option(
    16.0,
    "Larger side of the box around the landmarks of a face or hand from which "
    "on it is looked at, pixels of the photo.",
    low=1.0,
  )
  part_inside: float = option(
    0.6,
    "Least share of the known landmarks of a face or hand inside the photo.",
    low=0.0,
    high=1.0,
  )

  def __post_init__(self):
    check(self)


class Region(NamedTuple):
  """A face or hand of a person as a detector gives it."""

  name: str  # one of PARTS
  reason: str  # why it is not looked at; empty where it is
  score: float  # mean confidence of its known landmarks, in [0, 1]
  size: float  # larger side of the box around these, pixels of the photo
  box: np.ndarray  # [4] float32 its square crop, pixels of the photo; zeros
  # where no landmark is known


def attend(
  detection: Detection,
  photo_size: tuple[int, int] | None = None,
  config: AttentionConfig | None = None,
) -> tuple[Region, ...]:
  """The face, the left and the right hand of a person, in this order.

  Args:
    detection: the person.
    photo_size: height and width, pixels; None where they are not known, and
      parts outside of the photo are then looked at as well.
    config: what is looked at.
  """
  config = config or AttentionConfig()
  points = np.asarray(detection.keypoints, np.float64)
  return tuple(
    _region(name, points[ROWS[name]], photo_size, config) for name in PARTS
  )


def part_box(points: np.ndarray, scale: float) -> np.ndarray:
  """The square crop `[4]` of points `[N, 2]`, in pixels, around their box."""
  low, high = points.min(axis=0), points.max(axis=0)
  side = scale * max(float(np.max(high - low)), 1.0)
  corner = (low + high) / 2 - side / 2
  return np.array([*corner, side, side], np.float32)


def _region(
  name: str,
  points: np.ndarray,
  photo_size: tuple[int, int] | None,
  config: AttentionConfig,
) -> Region:
  known = points[points[:, 2] > 0.0]
  if not len(known):
    return Region(name, "not seen", 0.0, 0.0, np.zeros([4], np.float32))
  box = part_box(known[:, :2], config.part_scale)
  score = float(known[:, 2].mean())
  size = float(box[2]) / config.part_scale
  found = Region(name, "", score, size, box)
  if len(known) < config.part_points:
    return found._replace(
      reason=f"{len(known)} landmarks are seen, fewer than {config.part_points}"
    )
  if score < config.part_score:
    return found._replace(
      reason=f"score {score:.2f} is below {config.part_score:g}"
    )
  if photo_size is not None:
    height, width = photo_size
    inside = (known[:, :2] >= 0.0) & (known[:, :2] < [width, height])
    share = float(inside.all(axis=1).mean())
    if share < config.part_inside:
      return found._replace(
        reason=f"{share:.0%} of its landmarks are in the photo, less than "
        f"{config.part_inside:.0%}"
      )
  if size < config.part_pixels:
    return found._replace(
      reason=f"{size:.0f} pixels large, smaller than {config.part_pixels:g}"
    )
  return found


def close_ups(
  detections: Sequence[Detection],
  regions: Sequence[Region],
  intrinsics: Intrinsics,
) -> tuple[PartFeatures, Intrinsics]:
  """What is known of N faces, or of N hands of either side, in their crops.

  Args:
    detections: of N parts, the person whom each belongs to.
    regions: N faces, or N hands.
    intrinsics: of the photos, fields `[N, 2]`, pixels.

  Returns:
    The features, and the intrinsics of the crops by Eq. 1; those of left hands
    mirrored. 3D landmarks are taken as they are: their viewing frame is that of
    the part's region.
  """
  cameras = camera.crop_intrinsics(
    intrinsics, tf.constant(np.stack([r.box for r in regions]))
  )
  mirrored = np.array([r.name == LEFT_HAND for r in regions])
  rows = [
    _close_up(detection, region)
    for detection, region in zip(detections, regions, strict=True)
  ]
  features = PartFeatures(*(np.stack(x) for x in zip(*rows, strict=True)))
  features = mirrored_features(features, mirrored)
  return (
    PartFeatures(*map(tf.constant, features)),
    mirrored_intrinsics(cameras, mirrored),
  )


def _close_up(detection: Detection, region: Region) -> tuple[np.ndarray, ...]:
  """The fields of `PartFeatures` of one part."""
  rows = ROWS[region.name]
  points = np.asarray(detection.keypoints[rows], np.float32)
  left, top, side, _ = region.box
  pixels = (points[:, :2] - [left, top]) * (CROP_SIZE / side)
  inside = ((pixels >= 0.0) & (pixels < CROP_SIZE)).all(axis=1)
  known = inside & (points[:, 2] > 0.0)
  spatial = np.zeros([len(points), 4], np.float32)
  if detection.landmarks_3d is not None:
    spatial = np.asarray(detection.landmarks_3d[rows], np.float32)
  return (
    np.where(known[:, None], pixels, 0.0).astype(np.float32),
    np.where(known, np.clip(points[:, 2], 0.0, 1.0), 0.0).astype(np.float32),
    spatial[:, :3],
    spatial[:, 3],
  )


def mirrored_features(
  features: PartFeatures, chosen: np.ndarray
) -> PartFeatures:
  """The features of which those `chosen` `[N]` are mirrored, numpy.

  Unknown points stay where they are.
  """
  known = (features.weights > 0.0) & chosen[:, None]
  points, spatial = features.keypoints.copy(), features.landmarks_3d.copy()
  points[..., 0] = np.where(known, CROP_SIZE - points[..., 0], points[..., 0])
  spatial[..., 0] *= np.where(chosen, -1.0, 1.0)[:, None]
  return features._replace(keypoints=points, landmarks_3d=spatial)


def mirrored_intrinsics(cameras: Intrinsics, chosen: np.ndarray) -> Intrinsics:
  """Intrinsics of crops `[N, 2]`, of those `chosen` `[N]` mirrored."""
  center = np.array(cameras.center, np.float32)
  center[:, 0] = np.where(chosen, CROP_SIZE - center[:, 0], center[:, 0])
  return Intrinsics(tf.convert_to_tensor(cameras.focal), tf.constant(center))
