"""Faces and hands of people read in close-ups, those of a kind in one batch."""

from collections.abc import Mapping, Sequence

import numpy as np

from hund_tf.compat import tf
from hund_tf.detection.interface import Detection
from hund_tf.geometry import camera, rotation
from hund_tf.reconstruction.attention import (
  FACE,
  HANDS,
  LEFT_HAND,
  AttentionConfig,
  Region,
  attend,
  close_ups,
)
from hund_tf.reconstruction.part_results import (
  PartReader,
  PartResult,
  mirrored_hand,
  mirrored_points,
)
from hund_tf.types import Intrinsics


def read_parts(
  detections: Sequence[Detection],
  photo_sizes: Sequence[tuple[int, int] | None],
  cameras: Intrinsics,
  readers: Mapping[str, PartReader],
  config: AttentionConfig,
) -> dict[str, list[PartResult]]:
  """Every part of everybody, without a judgement.

  Args:
    detections: B people.
    photo_sizes: of each one's photo: height and width, pixels, or None.
    cameras: of the photos, fields `[B, 2]`, pixels.
    readers: by the names of the parts that are asked for.
    config: what is looked at.

  Returns:
    By their names the parts of all people, in their order; those that are not
    looked at say why.
  """
  regions = [
    attend(detection, size, config)
    for detection, size in zip(detections, photo_sizes, strict=True)
  ]
  found = {
    region.name: [] for region in (regions or [()])[0] if region.name in readers
  }
  for row in regions:
    for region in row:
      if region.name in readers:
        found[region.name].append(_unread(region))
  for kind in ((FACE,), HANDS):
    asked = [
      (i, region)
      for i, row in enumerate(regions)
      for region in row
      if region.name in kind and region.name in readers and not region.reason
    ]
    if not asked:
      continue
    people, seen = zip(*asked, strict=True)
    results = read_regions(
      readers[seen[0].name],
      [detections[i] for i in people],
      seen,
      Intrinsics(*(np.asarray(x)[list(people)] for x in cameras)),
    )
    for (i, region), result in zip(asked, results, strict=True):
      found[region.name][i] = result
  return found


def read_regions(
  reader: PartReader,
  detections: Sequence[Detection],
  regions: Sequence[Region],
  cameras: Intrinsics,
) -> list[PartResult]:
  """N faces, or N hands of either side, each of a person.

  Args:
    reader: of faces, or of right hands.
    detections: N people.
    regions: N of their parts.
    cameras: of the photos, fields `[N, 2]`, pixels.

  Returns:
    What was read, in the photos' camera frames.
  """
  features, crops = close_ups(detections, regions, cameras)
  trace = reader(features, crops)
  points = reader.keypoints(
    tf.nest.map_structure(lambda x: x[:, -1], trace.state)
  )
  trace, points = tf.nest.map_structure(np.array, (trace, points))
  left = np.array([region.name == LEFT_HAND for region in regions])
  if left.any():
    points[left] = mirrored_points(points[left])
    own = tf.nest.map_structure(lambda x: x[left], trace.state)
    for whole, some in zip(trace.state, mirrored_hand(own), strict=True):
      whole[left] = some
  last = tf.nest.map_structure(lambda x: x[:, -1], trace.state)
  rotations = rotation.from_6d(tf.constant(last.rotation)).numpy()
  photos = Intrinsics(*(tf.constant(x, tf.float32) for x in cameras))
  pixels = camera.project(tf.constant(points), photos).numpy()
  return [
    _unread(region)._replace(
      state=tf.nest.map_structure(lambda x, k=k: x[k], last),
      rotation=rotations[k],
      keypoints=points[k],
      keypoints_2d=pixels[k],
      trace=tf.nest.map_structure(lambda x, k=k: x[k], trace),
    )
    for k, region in enumerate(regions)
  ]


def _unread(region: Region) -> PartResult:
  """A part of which no more is known than its region."""
  return PartResult(
    region.name, False, region.reason, region.score, region.size, region.box
  )
