"""COCO and COCO-WholeBody person keypoints in the order of our 137."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hund_tf.body import keypoints
from hund_tf.types import NUM_KEYPOINTS

COCO_NAMES = (
  "nose",
  "l_eye",
  "r_eye",
  "l_ear",
  "r_ear",
  "l_shoulder",
  "r_shoulder",
  "l_elbow",
  "r_elbow",
  "l_wrist",
  "r_wrist",
  "l_hip",
  "r_hip",
  "l_knee",
  "r_knee",
  "l_ankle",
  "r_ankle",
)
FOOT_NAMES = (
  "l_big_toe",
  "l_small_toe",
  "l_heel",
  "r_big_toe",
  "r_small_toe",
  "r_heel",
)
COCO_INDICES = tuple(keypoints.INDEX[name] for name in COCO_NAMES)
FOOT_INDICES = tuple(keypoints.INDEX[name] for name in FOOT_NAMES)


class CocoPerson(NamedTuple):
  """An annotated person of a photo."""

  image: Path  # the photo
  box: np.ndarray  # [4] left, top, width, height, pixels
  keypoints: np.ndarray  # [137, 2] pixels, 0 where not annotated
  visibility: np.ndarray  # [137] 0 not annotated, 1 hidden, 2 visible


def _midpoints(points: np.ndarray, visibility: np.ndarray) -> None:
  """Fills neck and mid hip where both ends are annotated, in place."""
  for name, pair in (("neck", "shoulder"), ("mid_hip", "hip")):
    ends = [keypoints.INDEX[f"{side}_{pair}"] for side in "lr"]
    if np.all(visibility[ends] > 0):
      target = keypoints.INDEX[name]
      points[target] = points[ends].mean(axis=0)
      visibility[target] = visibility[ends].min()


def _person(annotation: dict, image: Path) -> CocoPerson:
  points = np.zeros((NUM_KEYPOINTS, 2), np.float32)
  visibility = np.zeros(NUM_KEYPOINTS, np.int32)
  groups = [
    ("keypoints", COCO_INDICES),
    ("foot_kpts", FOOT_INDICES),
    ("face_kpts", range(25, 93)),
    ("lefthand_kpts", range(95, 116)),
    ("righthand_kpts", range(116, 137)),
  ]
  for key, indices in groups:
    if key not in annotation:
      continue
    values = np.asarray(annotation[key], np.float32)
    rows = list(indices)
    if values.size != 3 * len(rows):
      raise ValueError(
        f"annotation {annotation.get('id')}: {key} has {values.size} numbers, "
        f"expected {3 * len(rows)}"
      )
    values = values.reshape(-1, 3)
    known = values[:, 2] > 0
    points[rows] = np.where(known[:, None], values[:, :2], 0.0)
    visibility[rows] = np.where(known, np.maximum(values[:, 2], 1), 0)
  _midpoints(points, visibility)
  box = np.asarray(annotation["bbox"], np.float32)
  return CocoPerson(image, box, points, visibility)


def read_coco_keypoints(
  annotations: Path, images: Path | None = None
) -> list[CocoPerson]:
  """Reads the people of a COCO or COCO-WholeBody keypoint file.

  Crowds and people without an annotated keypoint are left out. The order of the
  137 differs from COCO's; neck and mid hip are midpoints.

  Args:
    annotations: the JSON file.
    images: folder of the photos; by default that of the JSON file.

  Returns:
    People in the order of the file.

  Raises:
    ValueError: if the file is not such a JSON file.
  """
  annotations = Path(annotations)
  folder = annotations.parent if images is None else Path(images)
  try:
    content = json.loads(annotations.read_text())
    names = {image["id"]: image["file_name"] for image in content["images"]}
    rows = content["annotations"]
    return [
      _person(row, folder / names[row["image_id"]])
      for row in rows
      if not row.get("iscrowd") and row.get("num_keypoints")
    ]
  except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError) as e:
    raise ValueError(
      f"{annotations}: not a COCO keypoint file ({type(e).__name__}: {e}); "
      "expected JSON with images and annotations, each person with keypoints"
    ) from e
