"""Fields of a record that follow from the region of the photo it stores."""

from typing import Any

import numpy as np

from hund_tf.records.regions import (
  Region,
  region_box,
  region_intrinsics,
  region_points,
)


def region_fields(
  region: Region,
  intrinsics: np.ndarray,
  box: np.ndarray,
  keypoints: np.ndarray,
) -> dict[str, Any]:
  """The fields of the region, and intrinsics, box and keypoints in it.

  Args:
    region: of the photo.
    intrinsics: `[4]` fx, fy, cx, cy of the photo, known.
    box: `[4]` of the person, photo pixels.
    keypoints: `[137, 3]` x, y, weight; photo pixels.

  Returns:
    Arguments of `PersonRecord`; `keypoints` of weight zero are all zero.
  """
  known = keypoints[:, 2:] > 0
  points = region_points(keypoints[:, :2], region)
  points = np.concatenate([points, keypoints[:, 2:]], axis=-1)
  return region._asdict() | {
    "intrinsics": region_intrinsics(intrinsics, region),
    "intrinsics_weight": 1.0,
    "box": region_box(box, region),
    "keypoints": np.where(known, points, 0.0).astype(np.float32),
  }
