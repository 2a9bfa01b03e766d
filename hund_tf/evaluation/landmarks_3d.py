"""Protocol `landmarks_3d`: the detector's 3D landmarks alone, against truth.

Photos with named 3D joints (`real3d`) or person records whose body is known.
The detector is given the true boxes. Landmarks and truth are compared in the
viewing frame of the crop, each group from its own root: 12 joints of the body,
the face's 68 points, each hand's 21.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hund_tf.body import joint_sets, keypoints
from hund_tf.body.landmarks_3d import viewed_landmarks
from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.detection.features import crop_box
from hund_tf.detection.interface import Detection, PersonDetector
from hund_tf.evaluation import (
  figures,
  metrics,
  photo_predictions,
  protocols,
  real3d,
)
from hund_tf.evaluation.config import EvaluationConfig
from hund_tf.evaluation.figures import Row
from hund_tf.evaluation.photo_predictions import Sighting
from hund_tf.geometry import camera
from hund_tf.records import schema, shards
from hund_tf.records.schema import PersonRecord
from hund_tf.types import NUM_KEYPOINTS, Intrinsics, state_from_vector

_MM = 1e3
_BATCH = 32  # bodies that are decoded together
_MANIFEST = ".manifest.json"  # how the names of manifests of records end
_LIMBS = ("ankle", "knee", "hip", "wrist", "elbow", "shoulder")
GROUPS = {
  "body": [keypoints.INDEX[f"{side}_{n}"] for n in _LIMBS for side in "rl"],
  "face": list(range(keypoints.FACE.start, keypoints.FACE.start + 68)),
  "left hand": list(range(*keypoints.LEFT_HAND.indices(NUM_KEYPOINTS))),
  "right hand": list(range(*keypoints.RIGHT_HAND.indices(NUM_KEYPOINTS))),
}
_WEIGHTS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)  # bins of the reliability


class Case(NamedTuple):
  """A person in a photo whose joints are known."""

  group: str  # of the table
  sighting: Sighting  # with a box
  points: np.ndarray  # [137, 3] metres, camera frame; NaN: unknown
  hidden: np.ndarray  # [137] 1 where something is in front


class Seen(NamedTuple):
  """N people as they were seen and as they are."""

  groups: tuple[str, ...]
  found: np.ndarray  # [N] bool
  landmarks: np.ndarray  # [N, 137, 4] x, y, z (metres) and weight
  truth: np.ndarray  # [N, 137, 3] metres, viewing frame; NaN: unknown
  hidden: np.ndarray  # [N, 137]


def photo_cases(
  photos: list[real3d.PhotoPeople], detector: PersonDetector
) -> Iterator[Case]:
  """The people of photos with named joints, as they are found in their boxes.

  Raises:
    PhotoError: if a photo cannot be read.
  """
  truth = real3d.to_truth(photos)
  known = [name in keypoints.INDEX for name in joint_sets.LSP_14]
  rows = [keypoints.INDEX[n] for n in joint_sets.LSP_14 if n in keypoints.INDEX]
  found = real3d.sightings(photos, detector, dict.fromkeys(truth.groups, ""))
  for sighting, group, joints in zip(
    found, truth.groups, truth.joints, strict=True
  ):
    points = np.full([NUM_KEYPOINTS, 3], np.nan)
    points[rows] = joints[known]
    yield Case(group, sighting, points, np.zeros(NUM_KEYPOINTS))


def record_cases(
  records: Iterable[PersonRecord],
  body_model: BodyModel,
  use_stored: bool = False,
) -> Iterator[Case]:
  """The people of records with an image, a box and a known body.

  Args:
    records: of people.
    body_model: of their bodies.
    use_stored: take what was detected from records that hold it.
  """
  known = (
    record
    for record in records
    if record.state_weight > 0 and (record.box[2:] > 0).all()
  )
  while batch := list(itertools.islice(known, _BATCH)):
    states = tf.constant(np.stack([record.state for record in batch]))
    bodies = body_model.decode(state_from_vector(states), mesh=schema.MESH)
    for record, points in zip(batch, bodies.keypoints.numpy(), strict=True):
      sighting = photo_predictions.sighting_of(record, use_stored)
      hidden = 1.0 * (record.visibility <= 0)
      yield Case(record.dataset, sighting, points, hidden)


def observe(cases: Iterable[Case], detector: PersonDetector) -> Seen:
  """What the detector says of people, beside the truth.

  Raises:
    ValueError: if there are none, or the detector gives no 3D landmarks.
  """
  groups, found, landmarks, truth, hidden = [], [], [], [], []
  for case in cases:
    detection, _ = photo_predictions.detected(case.sighting, detector)
    seen = np.zeros([NUM_KEYPOINTS, 4], np.float32)
    if detection is not None:
      if detection.landmarks_3d is None:
        raise ValueError("detector: gives no 3D landmarks, expected some")
      seen = detection.landmarks_3d
    groups.append(case.group)
    found.append(detection is not None)
    landmarks.append(seen)
    truth.append(_viewed(case))
    hidden.append(case.hidden)
  if not groups:
    raise ValueError("3D landmarks: got nobody whose joints are known")
  return Seen(
    tuple(groups), *(np.stack(x) for x in (found, landmarks, truth, hidden))
  )


def _viewed(case: Case) -> np.ndarray:
  """The truth `[137, 3]` as the crop around the box sees it."""
  box = crop_box(Detection(case.sighting.box, 1.0, np.zeros([0, 3])))
  lens = Intrinsics(*(np.asarray(x)[None] for x in case.sighting.intrinsics))
  lens = camera.crop_intrinsics(lens, tf.constant(box[None]))
  points = tf.constant(case.points[None], tf.float32)
  return viewed_landmarks(points, lens)[0].numpy()


def summarize(seen: Seen) -> list[Row]:
  """Errors by data set and group of keypoints, over people who show it.

  MPJPE moves the roots together, as the landmarks are given; the weights of the
  landmarks do not matter, but for those of 0 of a whole group.
  """
  groups = np.array(seen.groups)
  rows = []
  for dataset in sorted(set(seen.groups)):
    for name, points in GROUPS.items():
      here = groups == dataset
      known = np.isfinite(seen.truth[:, points]).all(-1)
      if (known & here[:, None]).any():
        rows.append(_row(f"{dataset}: {name}", seen, here, points, known))
  return rows


def _row(name, seen: Seen, here, points, known) -> Row:
  shown = here & (seen.landmarks[:, points, 3].max(1) > 0)
  found = seen.landmarks[shown][:, points, :3]
  truth = np.nan_to_num(seen.truth[shown][:, points])
  weights = known[shown].astype(np.float64)
  distances = np.linalg.norm(found - truth, axis=-1)
  return Row(
    name,
    {
      "people": int(here.sum()),
      "shown": int(shown.sum()),
      "points": int(known[here].sum(1).max()),
    },
    {
      "MPJPE-PA": figures.mean(_MM * metrics.pa_mpjpe(found, truth, weights)),
      "MPJPE": figures.mean(_MM * metrics.mean_over_joints(distances, weights)),
    },
  )


def reliability(seen: Seen) -> list[Row]:
  """Errors of single joints of the body by their weight.

  Standard errors are over joints, which takes them for independent.
  """
  points = GROUPS["body"]
  weights = seen.landmarks[:, points, 3]
  far = np.linalg.norm(
    seen.landmarks[:, points, :3] - seen.truth[:, points], axis=-1
  )
  far = np.where(seen.found[:, None], _MM * far, np.nan)
  rows = []
  for low, high in zip(_WEIGHTS[:-1], _WEIGHTS[1:], strict=True):
    inside = (weights >= low) & ((weights < high) | (high == 1.0))
    here = inside & np.isfinite(far)
    rows.append(
      Row(
        f"{low:.1f} to {high:.1f}",
        {"joints": int(here.sum())},
        {"error": figures.mean(far[here])},
      )
    )
  return rows


def run(
  config: EvaluationConfig,
  detector: PersonDetector,
  body_model: BodyModel,
  folder: Path,
  progress: Callable[[Iterator[Case]], Iterable[Case]] = iter,
) -> str:
  """Measures, writes landmarks_3d.csv and .json, and returns what to print.

  Args:
    config: `truth`: a list of photos, or records.
    detector: is given the true boxes.
    body_model: of the bodies of records.
    folder: for the files; exists.
    progress: goes through the people.

  Raises:
    ValueError: if the truth cannot be used.
    PhotoError: if a photo cannot be read.
    OutputError: if a file cannot be written.
  """
  path = Path(config.truth)
  if path.suffix == ".json" and not path.name.endswith(_MANIFEST):
    cases = photo_cases(real3d.read(path, config.photo_dir), detector)
  else:
    records = protocols.readable_records(shards.read_manifest(path))
    cases = record_cases(records, body_model)
  seen = observe(progress(cases), detector)
  rows, trust = summarize(seen), reliability(seen)
  about = {
    "protocol": "landmarks_3d",
    "unit": "mm",
    "reliability": [figures.as_dict(row) for row in trust],
  }
  figures.write(rows, about, folder, "landmarks_3d")
  return "\n".join(
    [
      "Millimetres, means over people who show the group ± standard errors; "
      "each group from its own root",
      "",
      figures.markdown(rows, digits=1),
      "",
      "Joints of the body by the weight of the landmark:",
      "",
      figures.markdown(trust, digits=1),
    ]
  )
