"""Records with pictures, for tests of what looks at them."""

import cv2
import numpy as np

from hund_tf.records.regions import encode_png
from hund_tf.records.schema import PersonRecord
from tests.records import people


def make(body, count: int, seed: int = 0) -> list[PersonRecord]:
  """Records of `people` whose mask and body keypoints are drawn in colour."""
  records = []
  for record in people.make(body, count, seed):
    mask = cv2.imdecode(np.frombuffer(record.mask, np.uint8), 0)
    image = np.zeros((people.SIZE, people.SIZE, 3), np.uint8)
    image[mask > 0] = (60, 90, 60)
    for i, (x, y) in enumerate(record.keypoints[:25, :2]):
      color = (10 * i, 255 - 10 * i, 200 if i % 2 else 40)
      cv2.circle(image, (int(x), int(y)), 5, color, -1)
    records.append(
      record._replace(image=encode_png(image), visibility=np.ones(137))
    )
  return records
