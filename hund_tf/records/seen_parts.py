"""Hands and faces of records that a detector has looked at, beside the truth.

manifest = shards.read_manifest(Path(folder))
for part in seen_parts.read(schema_records(manifest)):
  ...
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from hund_tf.body import keypoints as table
from hund_tf.records.schema import PersonRecord

PARTS = {
  "face": table.FACE,
  "left_hand": table.LEFT_HAND,
  "right_hand": table.RIGHT_HAND,
}


class SeenPart(NamedTuple):
  """A hand or face all of whose keypoints are in the photo.

  The record has the true state, the intrinsics of the image and what else the
  detector said.
  """

  name: str  # of PARTS
  record: PersonRecord
  points: np.ndarray  # [n, 2] true, pixels of the record's image
  pixels: float  # larger side of the true points
  seen: np.ndarray  # [n, 3] x, y and confidence; zeros where it was not found

  @property
  def found(self) -> bool:
    """Whether the detector tells all of its keypoints."""
    return bool((self.seen[:, 2] > 0.0).all())


def of_records(records: Iterable[PersonRecord]) -> Iterator[SeenPart]:
  """The whole parts of people whose body is known, found or not."""
  for record in records:
    if record.state_weight <= 0.0:
      continue
    for name, rows in PARTS.items():
      points = record.keypoints[rows]
      if (points[:, 2] > 0.0).all():
        extent = np.ptp(points[:, :2], axis=0).max()
        yield SeenPart(
          name, record, points[:, :2], float(extent), record.detected[rows]
        )
