"""A small Human3.6M test split as person records."""

import numpy as np

from hund_tf.records import shards
from hund_tf.records.schema import PersonRecord

CAMERAS = ("54138969", "60457274")
FRAMES = (0, 5, 10)
TAKES = {
  "S9": ("Directions", "Directions 1", "SittingDown", "SittingDown 1"),
  "S11": ("Directions 1", "Photo 1"),
  "S1": ("Directions 1",),
}


def joints_of(number, count=17):
  """A person of its own for each number, in the camera frame."""
  random = np.random.default_rng(number)
  return random.normal(scale=0.4, size=(count, 3)) + [0.1, 0.2, 4.0]


def records():
  """All records: subjects, takes, cameras, frames."""
  found = []
  for subject, takes in TAKES.items():
    for take in takes:
      for camera in CAMERAS:
        for frame in FRAMES:
          found.append(
            PersonRecord(
              key=f"{subject}/{take}/{camera}/{frame:06d}",
              dataset="h36m",
              subject=subject,
              sequence=take.split(" ")[0],
              camera=camera,
              frame=frame,
              joint_set="h36m_17",
              joints=joints_of(len(found)).astype(np.float32),
              joint_weights=np.ones(17, np.float32),
            )
          )
  return found


def write(folder, people):
  """Writes records as a data set of two shards."""
  half = len(people) // 2
  infos = [
    shards.write_shard(shards.shard_path(folder, "h36m", i, 2), part)
    for i, part in enumerate((people[:half], people[half:]))
  ]
  return shards.write_manifest(folder, "h36m", infos, {})
