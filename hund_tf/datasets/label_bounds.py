"""Labels far outside their photo, which count as mistakes.

Annotations and motion capture place joints beyond the photo's border, too: the
feet of a person whom the border cuts off. A camera that shows part of a person
shows a fair share of it, so they lie about as far beyond as the photo is long.
What lies further comes from damaged files, other units or another camera, and
one such label would outweigh all others in a sum of distances.
"""

import numpy as np

from hund_tf.body import keypoints
from hund_tf.records import regions
from hund_tf.records.schema import PersonRecord

MAX_OUTSIDE = 1.0  # beyond the photo's border, over the photo's longer side


def near_photo(points: np.ndarray, photo_size: np.ndarray) -> np.ndarray:
  """Whether points are finite and not far outside a photo.

  Args:
    points: `[..., 2]` pixels of the photo.
    photo_size: `[2]` width, height; zero: unknown, and nothing is far.

  Returns:
    `[...]` bool.
  """
  size = np.asarray(photo_size, np.float64)
  near = np.isfinite(points).all(axis=-1)
  if size.any():
    reach = MAX_OUTSIDE * size.max()
    inside = (points >= -reach) & (points <= size + reach)
    near &= inside.all(axis=-1)
  return near


def without_far_labels(
  record: PersonRecord,
) -> tuple[PersonRecord, dict[str, int]]:
  """Gives weight zero to labels that are not finite or far outside the photo.

  A 3D joint is where its projection is; one behind the camera is far outside.

  Args:
    record: with the size of its photo.

  Returns:
    The record, in which such labels are zero, and how many there were by kind:
    "keypoints", "detected keypoints" and "3D joints"; kinds without are absent.
  """
  changed, far = {}, {}
  for name, title in (
    ("keypoints", "keypoints"),
    ("detected", "detected keypoints"),
  ):
    rows = np.asarray(getattr(record, name), np.float64)
    known = ~(rows[:, 2] <= 0)  # NaN is a label that is to be counted
    lost = known & ~(_near(rows[:, :2], record) & np.isfinite(rows[:, 2]))
    for middle, ends in keypoints.MIDPOINT_ROWS.items():
      lost[middle] |= known[middle] and lost[ends].any()
    changed[name] = np.where(lost[:, None], 0.0, rows)
    if name == "keypoints":
      changed["visibility"] = np.where(lost, 0.0, record.visibility)
    far[title] = int(lost.sum())
  joints = np.asarray(record.joints, np.float64)
  weights = np.asarray(record.joint_weights, np.float64)
  lost = ~(weights <= 0) & ~(
    _joints_near(joints, record) & np.isfinite(weights)
  )
  changed["joints"] = np.where(lost[:, None], 0.0, joints)
  changed["joint_weights"] = np.where(lost, 0.0, weights)
  far["3D joints"] = int(lost.sum())
  far = {title: number for title, number in far.items() if number}
  return (record._replace(**changed) if far else record), far


def _near(points: np.ndarray, record: PersonRecord) -> np.ndarray:
  """`near_photo` of points `[N, 2]` of the stored image."""
  if not np.any(record.photo_size):
    return near_photo(points, record.photo_size)
  region = regions.Region(
    record.image, record.image_size, record.photo_box, record.photo_size
  )
  return near_photo(regions.photo_points(points, region), record.photo_size)


def _joints_near(joints: np.ndarray, record: PersonRecord) -> np.ndarray:
  """`[J]` whether joints project to near the photo."""
  if record.intrinsics_weight <= 0:
    return np.isfinite(joints).all(axis=-1)
  intrinsics = np.asarray(record.intrinsics, np.float64)
  with np.errstate(all="ignore"):
    pixels = joints[:, :2] / joints[:, 2:] * intrinsics[:2] + intrinsics[2:]
  near = np.isfinite(joints).all(axis=-1) & _near(pixels, record)
  return near & (joints[:, 2] > 0)
