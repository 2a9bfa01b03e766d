"""This project's predictions for photos, one person in each."""

import io
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
from PIL import Image

from hund_tf.body import joint_regressors, keypoints
from hund_tf.body.joint_sets import H36M_17, SMPL_24
from hund_tf.body.model import BodyModel
from hund_tf.detection.interface import Detection, PersonDetector
from hund_tf.evaluation.compared_joints import head_top_vertex
from hund_tf.evaluation.predictions import Predictions
from hund_tf.geometry.camera import default_intrinsics
from hund_tf.reconstruction.reconstructor import Reconstructor
from hund_tf.records.schema import PersonRecord
from hund_tf.types import Intrinsics


class Sighting(NamedTuple):
  """A person to be reconstructed in a photo."""

  key: str  # names the person
  image: np.ndarray | None  # [H, W, 3] uint8 RGB; None: cannot be read
  intrinsics: Intrinsics  # of the photo, fields [2], pixels
  box: np.ndarray | None = None  # [4] pixels; None: searched for
  detection: Detection | None = None  # if the person has been detected
  problem: str = ""  # why there is no image
  joint_regressor: str = ""  # that gives all joints; "": Human3.6M's gives its
  # 17 and SMPL's gives its 24


def sighting_of(record: PersonRecord, use_stored: bool = False) -> Sighting:
  """The person of a record.

  Args:
    record: with an image.
    use_stored: take the detected keypoints and the mask of the record, if it
      has any, in place of a detector's.
  """
  image, mask, problem = None, None, "the record has no image"
  stored = use_stored and record.detected[:, 2].any()
  if record.image:
    try:
      image = _decoded(record.image, "RGB")
      if stored and record.mask:
        mask = _decoded(record.mask, "L") > 0
    except (OSError, ValueError, SyntaxError) as error:
      image, problem = None, f"an image of it cannot be decoded ({error})"
  if image is None:
    zero = np.zeros(2, np.float32)
    return Sighting(record.key, None, Intrinsics(zero, zero), problem=problem)
  intrinsics = Intrinsics(record.intrinsics[:2], record.intrinsics[2:])
  if not (intrinsics.focal > 0).all():
    intrinsics = default_intrinsics(*image.shape[:2])
  box = record.box if (record.box[2:] > 0).all() else None
  detection = None
  if stored and box is not None:
    score = float(record.detected[keypoints.BODY, 2].mean())
    detection = Detection(
      box, score, record.detected, mask, record.landmarks_3d
    )
  return Sighting(record.key, image, intrinsics, box, detection)


def _decoded(data: bytes, mode: str) -> np.ndarray:
  with Image.open(io.BytesIO(data)) as image:
    return np.asarray(image.convert(mode))


def detected(
  sighting: Sighting, detector: PersonDetector
) -> tuple[Detection | None, str]:
  """The person of a sighting, or why nobody was found."""
  if sighting.image is None:
    return None, sighting.problem
  if sighting.detection is not None:
    return sighting.detection, ""
  boxes = None if sighting.box is None else [sighting.box]
  try:
    found = detector.detect(sighting.image, boxes=boxes, max_people=1)
  except ValueError as error:
    return None, str(error)
  return (found[0], "") if found else (None, "nobody was found")


def predict(
  sightings: Iterable[Sighting],
  detector: PersonDetector,
  reconstructor: Reconstructor,
  body_model: BodyModel,
  batch_size: int = 32,
  report: Callable[[int], None] = lambda count: None,
) -> tuple[Predictions, dict[str, str]]:
  """Human3.6M's and SMPL's joints of reconstructed people.

  Args:
    sightings: people, read one by one.
    detector: finds landmarks where a sighting has none.
    reconstructor: fits bodies.
    body_model: of the bodies.
    batch_size: people that are reconstructed together.
    report: called with the number of people of each batch that is done.

  Returns:
    Predictions for all sightings in their order, and for those that have none
    (their joints are NaN) the reason by key.
  """
  head_top = head_top_vertex(body_model)
  keys: list[str] = []
  joints: dict[str, _Joints] = {}
  problems: dict[str, str] = {}
  for batch in _batches(sightings, batch_size):
    found, cameras, seen, images = [], [], [], []
    for sighting in batch:
      keys.append(sighting.key)
      detection, problem = detected(sighting, detector)
      if detection is None:
        problems[sighting.key] = problem
      else:
        found.append(detection)
        cameras.append(sighting.intrinsics)
        seen.append(sighting)
        images.append(sighting.image)
    if found:
      stacked = Intrinsics(*(np.stack(x) for x in zip(*cameras, strict=True)))
      people = reconstructor(found, stacked, images)
      for sighting, person in zip(seen, people, strict=True):
        body = person.body
        joints[sighting.key] = _regressed(
          sighting.joint_regressor, body.joints, body.vertices[head_top]
        )
        if not np.isfinite(joints[sighting.key].h36m).all():
          problems[sighting.key] = "the reconstruction is not finite"
    report(len(batch))
  return _predictions(keys, joints), problems


class _Joints(NamedTuple):
  """Joints of a person."""

  h36m: np.ndarray  # [17, 3]
  smpl: np.ndarray  # [24, 3]


def _regressed(
  regressor: str, joints: np.ndarray, head_top: np.ndarray
) -> _Joints:
  """Joints of datasets from this body's `[63, 3]`; see `Sighting`."""
  given = joint_regressors.regress
  return _Joints(
    given(regressor or "h36m", H36M_17, joints, head_top),
    given(regressor or "smpl", SMPL_24, joints, head_top),
  )


def _predictions(keys: list[str], joints: dict[str, _Joints]) -> Predictions:
  """Predictions of all keys, NaN where there are no joints."""
  h36m = np.full([len(keys), len(H36M_17), 3], np.nan)
  smpl = np.full([len(keys), len(SMPL_24), 3], np.nan)
  for row, key in enumerate(keys):
    if key in joints:
      h36m[row], smpl[row] = joints[key]
  return Predictions(tuple(keys), {"joints_17": h36m, "joints_24": smpl})


def _batches(
  sightings: Iterable[Sighting], size: int
) -> Iterator[list[Sighting]]:
  batch: list[Sighting] = []
  for sighting in sightings:
    batch.append(sighting)
    if len(batch) == size:
      yield batch
      batch = []
  if batch:
    yield batch
