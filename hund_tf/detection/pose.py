"""Body landmarks and foreground of one person, from a region around them.

One look of the landmark network can snap to a neighbour or to the wrong limb,
so a person is looked at several times (turned, scaled, mirrored) and each
landmark is where most of the looks agree.
"""

from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
from scipy.special import expit

from hund_tf.detection.anchors import POSE_STRIDES, decode, ssd_anchors
from hund_tf.detection.networks import (
  POSE_DETECTION,
  POSE_LANDMARK,
  shared_network,
)
from hund_tf.detection.roi import Roi, aligned_angle, crop_rois, crop_views

_MIN_PROPOSAL = 0.4  # score of a region
_COUNT = 39  # 33 landmarks, 2 alignment points, 4 spare
_ROI_SCALE = 1.25
_KERNEL = 7  # cells of the heatmap neighbourhood
_SURE = 0.2  # of joints that a region must enclose
_REACH = 1.1  # radius around a person, reaches of the joints from the mid hip
_TRUNKS = 1.6  # radius at least, lengths of the trunk
_AGREEMENT = 0.03  # kernel width for looks that agree, sides of the region
# Left-right pairs among MediaPipe's 33 landmarks.
MIRROR_33 = (0, 4, 5, 6, 1, 2, 3, 8, 7, 10, 9) + tuple(
  i + 1 if i % 2 else i - 1 for i in range(11, 33)
)
# The 15 landmarks that say whether two poses are of one person.
MAIN = (0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26)
# (scale, turn in radians, mirrored) of the looks at a person.
LOOKS = (
  (1.0, 0.0, False),
  (1.0, 0.0, True),
  (1.0, 0.15, False),
  (1.0, 0.15, True),
  (1.0, -0.15, False),
  (1.0, -0.15, True),
)


class Pose(NamedTuple):
  """MediaPipe's pose of one person, seen once."""

  landmarks: np.ndarray  # [33, 4] x, y (pixels), visibility, presence
  world: np.ndarray  # [33, 3] metres from the mid hip: x right, y down, z away
  # from the viewer, as the photo is turned
  alignment: np.ndarray  # [2, 2] mid hip and a point on the enclosing circle
  score: float  # that there is a person in the region, [0, 1]
  mask: np.ndarray  # [256, 256] float32 foreground probability in the region
  roi: Roi  # where the network looked


class Looks(NamedTuple):
  """Several looks at one person, and what they agree on."""

  poses: tuple[Pose, ...]  # the first is the plain one
  landmarks: np.ndarray  # [33, 4] where the looks agree
  agreement: np.ndarray  # [33] share of looks that agree, [0, 1]
  stability: float  # mean agreement of the main landmarks, [0, 1]
  weights: np.ndarray  # [L] of the looks, with the sum 1

  @property
  def score(self) -> float:
    """Mean score of the looks."""
    return float(np.mean([pose.score for pose in self.poses]))

  @property
  def roi(self) -> Roi:
    """Region of the plain look."""
    return self.poses[0].roi


def alignment_roi(points: np.ndarray) -> Roi:
  """Region around a person from mid hip and circle point [2, 2], pixels."""
  center, rim = np.asarray(points, float)
  size = 2.0 * float(np.linalg.norm(rim - center)) * _ROI_SCALE
  angle = aligned_angle(center, rim, 90.0)
  return Roi(float(center[0]), float(center[1]), max(size, 1.0), angle)


def joints_roi(joints: np.ndarray) -> Roi:
  """Region around a person from COCO's joints.

  As `alignment_roi`: the mid hip is the centre, and the trunk points up.

  Args:
    joints: [17, 3] x, y (pixels) and how sure they are, in [0, 1].
  """
  shoulders, hips = joints[5:7, :2].mean(axis=0), joints[11:13, :2].mean(axis=0)
  sure = joints[joints[:, 2] > _SURE, :2]
  reach = np.linalg.norm(sure - hips, axis=1).max(initial=0.0)
  radius = max(_REACH * reach, _TRUNKS * np.linalg.norm(shoulders - hips), 1.0)
  angle = aligned_angle(hips, shoulders, 90.0)
  return Roi(float(hips[0]), float(hips[1]), 2.0 * radius * _ROI_SCALE, angle)


def turned(points: np.ndarray, angle: float) -> np.ndarray:
  """Points [..., 2] (x right, y down) turned clockwise on the screen."""
  c, s = np.cos(angle), np.sin(angle)
  return points @ np.array([[c, s], [-s, c]])


def refine_from_heatmaps(
  points: np.ndarray, heatmaps: np.ndarray, kernel: int = _KERNEL
) -> np.ndarray:
  """Moves points to the centre of mass of their heatmap's neighbourhood.

  Args:
    points: [K, 2] x, y in [0, 1].
    heatmaps: [S, S, K] logits.
    kernel: side of the neighbourhood, cells.

  Returns:
    [K, 2]; a point stays where no cell of its neighbourhood reaches 0.5.
  """
  side = heatmaps.shape[0]
  reach = (kernel - 1) // 2
  refined = np.array(points, np.float64)
  for k, (x, y) in enumerate(points):
    column, row = int(x * side), int(y * side)
    if not (0 <= column < side and 0 <= row < side):
      continue
    r0, c0 = max(0, row - reach), max(0, column - reach)
    patch = expit(
      heatmaps[r0 : row + reach + 1, c0 : column + reach + 1, k].astype(float)
    )
    if patch.max() < 0.5:
      continue
    rows, columns = np.mgrid[: patch.shape[0], : patch.shape[1]]
    refined[k] = [
      ((columns + c0) * patch).sum() / patch.sum() / side,
      ((rows + r0) * patch).sum() / patch.sum() / side,
    ]
  return refined


def agree(
  landmarks: np.ndarray, size: float, weights: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
  """Where most of several looks put each landmark.

  Per landmark, the look with the most (weighted) looks near it is found, and
  the looks are averaged with Gaussian weights around it.

  Args:
    landmarks: [L, K, 4] x, y (pixels), visibility, presence of L looks.
    size: side of the region, pixels; the unit of distance.
    weights: [L] of the looks; 1 by default.

  Returns:
    [K, 4] landmarks and [K] the share of looks that agree, in [0, 1].
  """
  count = len(landmarks)
  weights = np.ones(count) if weights is None else np.asarray(weights, float)
  points = landmarks[..., :2]
  distance = np.linalg.norm(points[:, None] - points[None], axis=-1) / size
  kernel = np.exp(-0.5 * (distance / _AGREEMENT) ** 2)  # [L, L, K]
  density = np.einsum("abk,b->ak", kernel, weights) * weights[:, None]
  best = np.argmax(density, axis=0)
  near = kernel[best, :, np.arange(points.shape[1])] * weights  # [K, L]
  total = near.sum(axis=1, keepdims=True)
  merged = np.einsum("kl,lkc->kc", near / total, landmarks)
  return merged, total[:, 0] / weights.sum()


class PoseDetector:
  """Proposes regions around people, also where most of the body is unseen."""

  def __init__(self):
    self._network = shared_network(POSE_DETECTION)
    self._anchors = ssd_anchors(self._network.side, POSE_STRIDES)

  def __call__(
    self, images: Sequence[np.ndarray], tiles: Sequence[Roi]
  ) -> list[Roi | None]:
    """The surest region in each upright square tile, None if there is none.

    Args:
      images: [H, W, 3] uint8, the photo of each tile.
      tiles: where is looked.
    """
    if not tiles:
      return []
    side = self._network.side
    out = self._network(crop_rois(images, tiles, side))
    regions: list[Roi | None] = []
    for tile, boxes, logits in zip(
      tiles, out["boxes"], out["logits"], strict=True
    ):
      found = decode(boxes, logits[:, 0], self._anchors, side, _MIN_PROPOSAL)
      if len(found.scores):
        best = np.argmax(found.scores)
        points = tile.to_image(found.keypoints[best, :2])
        regions.append(alignment_roi(points))
      else:
        regions.append(None)
    return regions


class PoseNetwork:
  """Runs the pose landmark network on regions of a photo."""

  def __init__(self):
    self._network = shared_network(POSE_LANDMARK)

  def read(
    self, images: Sequence[np.ndarray], views: Sequence[tuple[Roi, bool]]
  ) -> list[Pose]:
    """Reads the people in some regions of photos, in one batch.

    Args:
      images: [H, W, 3] uint8, the photo of each view.
      views: regions, and whether each is looked at mirrored; the result of a
        mirrored look is mirrored back.
    """
    if not views:
      return []
    out = self._network(crop_views(images, views, self._network.side))
    return [
      self._pose({name: value[i] for name, value in out.items()}, *view)
      for i, view in enumerate(views)
    ]

  def _pose(self, out: dict[str, np.ndarray], roi: Roi, mirrored: bool) -> Pose:
    """The pose that the network's outputs for one region say."""
    raw = out["landmarks"].reshape(_COUNT, 5)
    points = raw[:, :2] / self._network.side
    points = refine_from_heatmaps(points, out["heatmaps"])
    mask = expit(out["mask"][..., 0])
    if mirrored:
      points[:, 0] = 1.0 - points[:, 0]
      mask = mask[:, ::-1]
    pixels = roi.to_image(points)
    landmarks = np.concatenate([pixels[:33], expit(raw[:33, 3:])], axis=-1)
    world = out["world_landmarks"].reshape(_COUNT, 3)[:33].astype(np.float64)
    if mirrored:
      landmarks = landmarks[list(MIRROR_33)]
      world = world[list(MIRROR_33)] * [-1.0, 1.0, 1.0]
    world[:, :2] = turned(world[:, :2], roi.angle)
    score = float(out["score"][0])
    return Pose(landmarks, world, pixels[33:35], score, mask, roi)

  def look(
    self,
    images: Sequence[np.ndarray],
    rois: Sequence[Roi],
    looks: tuple[tuple[float, float, bool], ...] = LOOKS,
  ) -> list[Looks]:
    """Looks at the person in each region several times and merges."""
    views = [
      (roi._replace(size=roi.size * scale, angle=roi.angle + turn), mirrored)
      for roi in rois
      for scale, turn, mirrored in looks
    ]
    seen = [image for image in images for _ in looks]
    poses = iter(self.read(seen, views))
    return [merge(tuple(islice(poses, len(looks)))) for _ in rois]


def merge(poses: tuple[Pose, ...], weights: np.ndarray | None = None) -> Looks:
  """Merges looks [L] at one person with weights [L]."""
  landmarks = np.stack([pose.landmarks for pose in poses])
  merged, share = agree(landmarks, poses[0].roi.size, weights)
  weights = np.ones(len(poses)) if weights is None else weights
  stability = float(np.mean(share[list(MAIN)]))
  return Looks(poses, merged, share, stability, weights / np.sum(weights))
