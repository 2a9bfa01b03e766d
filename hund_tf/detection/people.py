"""Finds several people: regions over tiles, poses, and suppression."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hund_tf.detection.anchors import (
  POSE_STRIDES,
  decode,
  non_maximum_suppression,
  ssd_anchors,
)
from hund_tf.detection.networks import POSE_DETECTION, shared_network
from hund_tf.detection.pose import (
  MAIN,
  MORE_LOOKS,
  Looks,
  Pose,
  PoseNetwork,
  alignment_roi,
  merge,
)
from hund_tf.detection.roi import Roi, crop_roi, paste_roi, tile_rois

_AVOIDANCE = 6.0  # how much looks that resemble a neighbour lose
_MASK_SIDE = 256  # larger side of the masks that are compared, pixels


@dataclass(frozen=True)
class SearchConfig:
  """How people are searched for."""

  tile_fractions: tuple[float, ...] = (1.5, 1.0, 0.5, 1 / 3)
  min_detection_score: float = 0.4
  min_pose_score: float = 0.5
  min_quality: float = 0.3  # of the looks at a person
  min_stability: float = 0.74  # of the looks at a person
  max_candidates: int = 16  # regions that are looked at closely
  max_similarity: float = 0.4  # of two different people's landmarks
  max_contained: float = 0.75  # of the smaller of two people's masks
  clear_stability: float = 0.82  # above, people may hide one another


def landmark_similarity(
  a: np.ndarray, b: np.ndarray, size: float, sigma: float = 0.06
) -> float:
  """Mean Gaussian closeness of two people's main landmarks, in [0, 1].

  As COCO's object keypoint similarity, with one width for all landmarks.

  Args:
    a: [33, 2+] pixels.
    b: [33, 2+] pixels.
    size: side of the smaller of the two regions, pixels.
    sigma: width, in sides.
  """
  main = list(MAIN)
  distance = np.linalg.norm(a[main, :2] - b[main, :2], axis=-1) / size
  return float(np.mean(np.exp(-0.5 * (distance / sigma) ** 2)))


def same_region(a: Roi, b: Roi) -> bool:
  """Whether two regions show a person alike: place, size and turn."""
  larger = max(a.size, b.size)
  near = np.hypot(a.x - b.x, a.y - b.y) < 0.1 * larger
  turn = abs((a.angle - b.angle + np.pi) % (2 * np.pi) - np.pi)
  return bool(near and min(a.size, b.size) > 0.75 * larger and turn < 0.4)


def quality(looks: Looks) -> float:
  """How surely `looks` show one whole person, in [0, 1]."""
  seen = np.mean(looks.landmarks[:, 2] * looks.landmarks[:, 3])
  return float(looks.score * seen * looks.stability)


class PeopleFinder:
  """Finds the people of a photo with MediaPipe's detection and pose networks.

  MediaPipe's own graphs follow one person; here its detector runs over the
  whole photo and over tiles, and every region that it proposes is tried.
  """

  def __init__(self, config: SearchConfig | None = None):
    self.config = config or SearchConfig()
    self.pose = PoseNetwork()
    self._detector = shared_network(POSE_DETECTION)
    self._anchors = ssd_anchors(self._detector.side, POSE_STRIDES)

  def regions(
    self, image: np.ndarray, tiles: Sequence[Roi]
  ) -> list[tuple[float, Roi]]:
    """(score, region around a person) for what the detector sees in tiles."""
    side = self._detector.side
    out = self._detector([crop_roi(image, tile, side) for tile in tiles])
    regions = []
    for tile, values, logits in zip(
      tiles, out["boxes"], out["logits"], strict=True
    ):
      found = decode(
        values,
        logits[:, 0],
        self._anchors,
        side,
        self.config.min_detection_score,
      )
      kept = non_maximum_suppression(found.boxes, found.scores, max_iou=0.3)
      regions += [
        (
          float(found.scores[i]),
          alignment_roi(tile.to_image(found.keypoints[i, :2])),
        )
        for i in kept
      ]
    return regions

  def _first_poses(
    self, image: np.ndarray, rois: Sequence[Roi]
  ) -> list[tuple[float, Pose]]:
    """Distinct poses after two passes, with what is seen, best first."""
    found = self.pose.read(image, [(roi, False) for roi in rois])
    for _ in range(2):
      again = [i for i, pose in enumerate(found) if pose.score >= 0.3]
      views = [(alignment_roi(found[i].alignment), False) for i in again]
      for i, pose in zip(again, self.pose.read(image, views), strict=True):
        found[i] = pose
    poses: list[tuple[float, Pose]] = []
    for pose in found:
      if pose.score >= self.config.min_pose_score:
        seen = pose.landmarks[:, 2] * pose.landmarks[:, 3]
        poses.append((pose.score * float(seen.mean()), pose))
    poses.sort(key=lambda item: -item[0])
    kept: list[tuple[float, Pose]] = []
    for seen, pose in poses:
      if all(self._similarity(pose, other) < 0.7 for _, other in kept):
        kept.append((seen, pose))
    return kept

  @staticmethod
  def _similarity(a: Pose | Looks, b: Pose | Looks) -> float:
    size = min(a.roi.size, b.roi.size)
    return landmark_similarity(a.landmarks, b.landmarks, size)

  def find(self, image: np.ndarray) -> list[Looks]:
    """The people of an [H, W, 3] uint8 photo, surest first."""
    height, width = image.shape[:2]
    tiles = [
      tile
      for fraction in self.config.tile_fractions
      for tile in tile_rois(height, width, fraction)
    ]
    proposals = self.regions(image, tiles)
    proposals.sort(key=lambda item: -item[0])
    rois: list[Roi] = []
    for _, roi in proposals:
      if not any(same_region(roi, other) for other in rois):
        rois.append(roi)
    poses = self._first_poses(image, rois[: self.config.max_candidates])
    people = self.pose.look(
      image, [alignment_roi(pose.alignment) for _, pose in poses]
    )
    return self.separate(image, self.suppress(people, height, width))

  def suppress(
    self, people: list[Looks], height: int, width: int
  ) -> list[Looks]:
    """Drops weak and double people; the surest first."""
    people = [
      p
      for p in people
      if quality(p) >= self.config.min_quality
      and p.stability >= self.config.min_stability
    ]
    people.sort(key=quality, reverse=True)
    scale = min(1.0, _MASK_SIDE / max(height, width))
    kept: list[tuple[Looks, np.ndarray]] = []
    for person in people:
      mask = small_mask(person, height, width, scale)
      if not any(
        self._double(person, mask, other, taken) for other, taken in kept
      ):
        kept.append((person, mask))
    return [person for person, _ in kept]

  def _double(
    self, a: Looks, mask_a: np.ndarray, b: Looks, mask_b: np.ndarray
  ) -> bool:
    if self._similarity(a, b) > self.config.max_similarity:
      return True
    if a.stability >= self.config.clear_stability:
      return False
    inner = np.count_nonzero(mask_a & mask_b)
    smaller = min(np.count_nonzero(mask_a), np.count_nonzero(mask_b))
    return inner > self.config.max_contained * max(smaller, 1)

  def separate(self, image: np.ndarray, people: list[Looks]) -> list[Looks]:
    """Looks again at people whose landmarks meet, each avoiding the others.

    Where two people overlap, some looks at one show the other. Looks count
    less the more they resemble the other person.
    """
    if not people:
      return people
    merged = [person.landmarks for person in people]
    sizes = [person.roi.size for person in people]

    def resemblance(landmarks: np.ndarray, i: int, j: int) -> float:
      return landmark_similarity(landmarks, merged[j], min(sizes[i], sizes[j]))

    others = [
      [
        j
        for j in range(len(people))
        if j != i and self._touch(people[i], people[j])
      ]
      for i in range(len(people))
    ]
    result = list(people)
    meeting = [i for i in range(len(people)) if others[i]]
    rois = [people[i].roi for i in meeting]
    more = self.pose.look(image, rois, MORE_LOOKS)
    for i, looks in zip(meeting, more, strict=True):
      poses = people[i].poses + looks.poses
      weights = [
        np.exp(
          -_AVOIDANCE
          * sum(resemblance(pose.landmarks, i, j) for j in others[i])
        )
        for pose in poses
      ]
      result[i] = merge(poses, np.array(weights))
      merged[i] = result[i].landmarks
    return result

  def _touch(self, a: Looks, b: Looks) -> bool:
    """Whether a look at one person resembles the other person."""
    size = min(a.roi.size, b.roi.size)
    pairs = [(p.landmarks, b.landmarks) for p in a.poses]
    pairs += [(p.landmarks, a.landmarks) for p in b.poses]
    return max(landmark_similarity(p, q, size) for p, q in pairs) > 0.1


def small_mask(
  person: Looks, height: int, width: int, scale: float
) -> np.ndarray:
  """[scale * H, scale * W] bool: where the plain look sees the person."""
  pose = person.poses[0]
  roi = Roi(
    pose.roi.x * scale,
    pose.roi.y * scale,
    pose.roi.size * scale,
    pose.roi.angle,
  )
  rows, columns = max(1, round(height * scale)), max(1, round(width * scale))
  return paste_roi(pose.mask, roi, rows, columns) > 0.5
