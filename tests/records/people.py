"""Records of random bodies, for tests of what reads records."""

import cv2
import numpy as np

from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.geometry import camera
from hund_tf.records import schema, shards
from hund_tf.records.regions import encode_png
from hund_tf.records.schema import PersonRecord
from hund_tf.types import (
  STATE_DIMS,
  HumanState,
  Intrinsics,
  state_to_vector,
)

SIZE = 300  # pixels of the stored images
LENS = np.array([400.0, 410.0, 140.0, 155.0], np.float32)


def _states(rng: np.random.Generator, count: int) -> HumanState:
  normal = [
    0.4 * rng.normal(size=(count, size)).astype(np.float32)
    for size in STATE_DIMS[:5]
  ]
  # Upright, facing the camera: the subject's left is on the right.
  rotation = np.tile(np.float32([1, 0, 0, -1, 0, 0]), (count, 1))
  rotation += 0.1 * rng.normal(size=rotation.shape).astype(np.float32)
  place = rng.normal([0.0, 0.0, 3.6], 0.1, (count, 3)).astype(np.float32)
  return HumanState(*map(tf.constant, (*normal, rotation, place)))


def make(
  body: BodyModel, count: int, seed: int = 0, dataset: str = "people"
) -> list[PersonRecord]:
  """Records with everything known; the mask is the hull of the body."""
  rng = np.random.default_rng(seed)
  states = _states(rng, count)
  output = body.decode(states, mesh=schema.MESH)
  lens = Intrinsics(LENS[:2], LENS[2:])
  points = camera.project(output.keypoints, lens).numpy()
  outlines = camera.project(output.vertices, lens).numpy()
  vectors = state_to_vector(states).numpy()
  records = []
  for i in range(count):
    low, high = points[i].min(0), points[i].max(0)
    mask = np.zeros((SIZE, SIZE), np.uint8)
    hull = cv2.convexHull(outlines[i].astype(np.int32))
    cv2.fillConvexPoly(mask, hull, 255)
    ones = np.ones((len(points[i]), 1))
    noise = rng.normal(size=points[i].shape)
    records.append(
      PersonRecord(
        key=f"{dataset}/{i}",
        dataset=dataset,
        image_size=np.array([SIZE, SIZE]),
        photo_box=np.array([0, 0, SIZE, SIZE]),
        intrinsics=LENS,
        intrinsics_weight=1.0,
        box=np.concatenate([low, high - low]),
        keypoints=np.concatenate([points[i], ones], 1),
        detected=np.concatenate([points[i] + noise, 0.9 * ones], 1),
        landmarks_3d=rng.uniform(size=(len(points[i]), 4)),
        mask=encode_png(mask),
        part_labels=encode_png(mask // 255 * 14),
        part_weights=np.ones(16),
        state=vectors[i],
        state_weight=1.0,
        body_joints=output.joints[i].numpy(),
        vertices=output.vertices[i].numpy(),
      )
    )
  return records


def unlabelled(record: PersonRecord) -> PersonRecord:
  """What a detector says of a person, and nothing else."""
  names = "key dataset image_size photo_box intrinsics box detected mask"
  names += " landmarks_3d"
  return PersonRecord(**{name: getattr(record, name) for name in names.split()})


def write(folder, name: str, records: list[PersonRecord], number: int = 2):
  """Writes a dataset into a folder, made if missing; returns its manifest."""
  folder.mkdir(parents=True, exist_ok=True)
  infos = [
    shards.write_shard(
      shards.shard_path(folder, name, i, number), records[i::number]
    )
    for i in range(number)
  ]
  return shards.write_manifest(folder, name, infos, {"made by": "a test"})
