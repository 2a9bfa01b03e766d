"""Foreground masks of the people of a photo."""

from collections.abc import Sequence

import numpy as np

from hund_tf.detection.pose import Looks
from hund_tf.detection.roi import paste_roi


def person_probability(person: Looks, height: int, width: int) -> np.ndarray:
  """[H, W] float32 mean foreground probability over the looks at a person."""
  total = np.zeros((height, width), np.float32)
  for pose in person.poses:
    total += paste_roi(pose.mask, pose.roi, height, width)
  return total / len(person.poses)


def person_masks(
  people: Sequence[Looks], height: int, width: int
) -> list[np.ndarray]:
  """One mask per person; a pixel belongs to the likeliest person only.

  Args:
    people: the people of one photo.
    height: of the photo, pixels.
    width: of the photo, pixels.

  Returns:
    [H, W] uint8 masks of 0 and 1.
  """
  best = np.full((height, width), 0.5, np.float32)
  owner = np.full((height, width), -1, np.int16)
  for i, person in enumerate(people):
    probability = person_probability(person, height, width)
    wins = probability > best
    best[wins], owner[wins] = probability[wins], i
  return [(owner == i).astype(np.uint8) for i in range(len(people))]
