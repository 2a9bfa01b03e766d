"""People as a detector would see them, made from synthetic examples."""

import numpy as np

from hund_tf.detection.interface import Detection
from hund_tf.training.adaptation.photo_batches import SeenPerson
from hund_tf.types import Intrinsics, TrainingExample


def seen_people(example: TrainingExample) -> list[SeenPerson]:
  """The people of a batch, each in a photo that is its crop, without mask."""
  people = []
  for i in range(len(example.joints)):
    points = example.keypoints[i].numpy()
    known = example.keypoint_weights[i].numpy() > 0.0
    low, high = points[known].min(0), points[known].max(0)
    people.append(
      SeenPerson(
        source=f"photo_{i}.jpg",
        detection=Detection(
          box=np.array([*low, *(high - low)], np.float32),
          score=1.0,
          keypoints=np.concatenate([points, known[:, None]], 1).astype("f4"),
        ),
        intrinsics=Intrinsics(*(x[i].numpy() for x in example.intrinsics)),
      )
    )
  return people
