"""Prints the errors of the front end: modelled, on synthetic and real photos.

  python -m tools.detect_records --looked_at_records=PHOTOS --output_dir=SEEN
  python -m tools.front_end_errors --seen_records=SEEN \\
    [--annotations=COCO.json --annotations=MPII.json] [--real3d=TRUTH.json] \\
    [--fitted_people=2000]

Prints quantiles of the errors of keypoints and of 3D landmarks
(docs/front_end_errors.md). The modelled errors are those of streamed examples,
for the people of the records. --fitted_people fits the asset of
`hund_tf.synthetic.keypoint_noise`; to be run again whenever the networks that
find keypoints, or their confidences, change.
"""

import dataclasses
import itertools
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from flags import body_flags, program
from flags.from_config import define
from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.datasets import detected_records
from hund_tf.datasets.coco import CocoPerson
from hund_tf.detection.detector import PeopleDetector
from hund_tf.draws import Draws
from hund_tf.evaluation import (
  annotated_people,
  front_end_errors,
  landmarks_3d,
  real3d,
)
from hund_tf.evaluation.config import AnnotatedPhotos
from hund_tf.evaluation.front_end_errors import Keypoints
from hund_tf.evaluation.landmarks_3d import Seen
from hund_tf.geometry import camera
from hund_tf.options import check, option
from hund_tf.photos.loading import load_photo
from hund_tf.records import schema, shards
from hund_tf.records.schema import PersonRecord
from hund_tf.synthetic import (
  detector_noise,
  keypoint_noise,
  keypoint_noise_fit,
  landmark_noise,
)
from hund_tf.synthetic.detector_noise import DetectorNoiseConfig
from hund_tf.synthetic.keypoint_noise import KeypointErrors, MeasuredBody
from hund_tf.types import Intrinsics, state_from_vector

_BATCH = 128  # people whose bodies are decoded together
_LEAST_SIDE = 60.0  # of a person's box, pixels


@dataclasses.dataclass(frozen=True)
class FrontEndConfig(AnnotatedPhotos):
  """What is measured on."""

  seen_records: str = option(
    "", "Folder or manifest of records that tools.detect_records wrote."
  )
  seen_people: int = option(
    2000, "People of these that are measured on, the last ones.", low=1
  )
  fitted_people: int = option(
    0,
    "People that modelled errors of keypoints are fitted to, from the first; "
    "0: none, and nothing is written.",
    low=0,
  )
  keypoint_noise_file: str = option(
    str(keypoint_noise.ASSET),
    "The .npz that is fitted; by default the one of the package.",
  )
  real3d: str | None = option(
    None, "JSON file of photos with 3D joints, as of --protocol=real3d."
  )

  def __post_init__(self):
    check(self)
    if not self.seen_records:
      raise ValueError("--seen_records: got none, expected a folder")


_to_config = define(FrontEndConfig, "Errors of the front end")


def _records(config: FrontEndConfig) -> list[PersonRecord]:
  """Those that are measured on; the errors are fitted to others."""
  manifest = shards.read_manifest(Path(config.seen_records))
  rest = manifest.count - config.fitted_people
  if rest < 1:
    raise ValueError(
      f"--fitted_people: got {config.fitted_people}, expected less than the "
      f"{manifest.count} people of --seen_records"
    )
  first = manifest.count - min(config.seen_people, rest)
  return list(itertools.islice(shards.read_records(manifest), first, None))


def _fit(config: FrontEndConfig, body_model: BodyModel) -> KeypointErrors:
  manifest = shards.read_manifest(Path(config.seen_records))
  records = itertools.islice(
    shards.read_records(manifest), config.fitted_people
  )
  people = []
  while batch := list(itertools.islice(records, _BATCH)):
    people.append(_whole_people(batch, body_model))
  errors = keypoint_noise_fit.fit(
    *(np.concatenate(column) for column in zip(*people, strict=True))
  )
  keypoint_noise_fit.save(errors, Path(config.keypoint_noise_file))
  return errors


def _whole_people(
  records: list[PersonRecord], body_model: BodyModel
) -> tuple[np.ndarray, ...]:
  """What `keypoint_noise_fit.fit` takes: the truth beyond the photo, too."""
  states = tf.constant(np.stack([record.state for record in records]))
  body = body_model.decode(state_from_vector(states), mesh=schema.MESH)
  lenses = np.stack([record.intrinsics for record in records])
  lenses = Intrinsics(tf.constant(lenses[:, :2]), tf.constant(lenses[:, 2:]))
  truth = camera.project(body.keypoints, lenses).numpy()
  seen = np.stack([record.detected for record in records])
  boxes = np.stack([record.box for record in records])
  size = boxes[:, None, 2:].max(axis=-1, keepdims=True)
  middle = boxes[:, None, :2] + boxes[:, None, 2:] / 2
  places = np.array([detected_records.photo_place(r) for r in records])
  corners = np.stack([places[:, :2], places[:, :2] + places[:, 2:]], axis=1)
  return (
    (seen[..., :2] - middle) / size,
    seen[..., 2],
    (truth - middle) / size,
    np.float32([record.visibility <= 0 for record in records]),
    np.float32((corners - middle) / size).reshape(-1, 4),
  )


def _draws() -> Draws:
  return Draws(tf.constant(0), tf.constant(0))


def modelled_keypoints(
  seen: Keypoints, errors: KeypointErrors | None
) -> Keypoints:
  """The same people with the errors of streamed examples.

  Args:
    seen: the people.
    errors: fitted ones, for all of them; None: those that are stated.
  """
  truth = tf.constant(np.nan_to_num(seen.truth), tf.float32)
  hidden = tf.constant(seen.hidden, tf.float32)
  measured = None
  if errors is not None:
    everywhere = tf.tile([[-9.0, -9.0, 9.0, 9.0]], [len(seen.truth), 1])
    measured = MeasuredBody(
      tf.fill([len(seen.truth), 1], True),
      *keypoint_noise.corrupt_body(_draws(), truth, hidden, everywhere, errors),
    )
  points, confidence, _ = detector_noise.corrupt_keypoints(
    _draws(), truth, hidden, DetectorNoiseConfig(), measured=measured
  )
  return seen._replace(points=points.numpy(), confidence=confidence.numpy())


def modelled_landmarks(seen: Seen) -> Seen:
  """The same people with the errors of streamed examples."""
  points, weights = landmark_noise.corrupt_landmarks(
    _draws(),
    tf.constant(seen.truth, tf.float32),
    tf.constant(seen.hidden, tf.float32),
    DetectorNoiseConfig(landmark_3d_absent=0.0),
  )
  found = np.concatenate([points, weights[..., None]], axis=-1)
  for rows in landmarks_3d.GROUPS.values():
    shown = seen.landmarks[:, rows, 3].max(axis=1) > 0
    found[np.ix_(~shown, rows)] = 0.0
  return seen._replace(landmarks=found)


def _annotated(
  config: FrontEndConfig, detector: PeopleDetector
) -> Keypoints | None:
  """Annotated people of photos, as they are detected in their boxes."""
  people: list[CocoPerson] = []
  for name in config.annotations:
    people += annotated_people.read_people(Path(name), config.photo_dir)
  large = [p for p in people if p.box[2:].max() >= _LEAST_SIDE]
  photos = dict.fromkeys(person.image for person in large)
  paired, found = [], []
  for photo in tqdm(photos, unit="photo", file=sys.stderr):
    here = [person for person in large if person.image == photo]
    boxes = [person.box for person in here]
    paired += here
    found += annotated_people.detect(detector, load_photo(photo), boxes)
  if not any(found):
    return None
  return front_end_errors.of_people(paired, found)


def _measure(config: FrontEndConfig, body_model: BodyModel) -> Iterator[str]:
  detector, records = PeopleDetector(), _records(config)
  if config.fitted_people:
    errors = _fit(config, body_model)
    yield f"wrote {config.keypoint_noise_file}"
  else:
    errors = keypoint_noise.load(Path(config.keypoint_noise_file))
  seen = front_end_errors.of_records(records)
  sources = {
    "stated": modelled_keypoints(seen, None),
    "fitted": modelled_keypoints(seen, errors),
    "synthetic photos": seen,
  }
  real = _annotated(config, detector)
  if real is not None:
    sources["real photos"] = real
  yield "Keypoints, person sizes:"
  yield front_end_errors.keypoint_table(sources)
  cases = landmarks_3d.record_cases(records, body_model, use_stored=True)
  spatial = landmarks_3d.observe(
    tqdm(cases, unit="person", total=len(records), file=sys.stderr), detector
  )
  sources = {
    "fitted": modelled_landmarks(spatial),
    "synthetic photos": spatial,
  }
  if config.real3d:
    photos = real3d.read(Path(config.real3d), config.photo_dir)
    cases = landmarks_3d.photo_cases(photos, detector)
    sources["real photos"] = landmarks_3d.observe(cases, detector)
  yield "3D landmarks, millimetres:"
  yield front_end_errors.landmark_table(sources)


def main(argv: Sequence[str]) -> int:
  if len(argv) > 1:
    print(f"unknown arguments {argv[1:]}; see --help", file=sys.stderr)
    return 1
  try:
    for text in _measure(_to_config(), body_flags.to_model()):
      print(f"{text}\n")
  except (ValueError, OSError) as error:
    print(f"front_end_errors: {error}", file=sys.stderr)
    return 1
  return 0


if __name__ == "__main__":
  program.run(main)
