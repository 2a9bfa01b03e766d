"""The protocols of what stands before the descent, and `real3d`, as a whole.

Each reads its truth, looks at the photos, writes NAME.csv and NAME.json, and
returns what to print.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hund_tf.body.model import BodyModel
from hund_tf.datasets.coco import CocoPerson
from hund_tf.detection.interface import Detection, PersonDetector
from hund_tf.detection.network_features import FeatureMaker
from hund_tf.evaluation import (
  annotated_people,
  detection_scores,
  detection_truth,
  figures,
  joint_definitions,
  keypoint_reliability,
  landmark_scores,
  part_scores,
  protocols,
  real3d,
  scoring,
)
from hund_tf.evaluation.config import EvaluationConfig
from hund_tf.evaluation.photo_predictions import Sighting, sighting_of
from hund_tf.evaluation.predictions import Predictions
from hund_tf.photos import loading
from hund_tf.records import shards

# Shows how far an iteration has come.
Progress = Callable[[Iterable], Iterable]
Predict = Callable[[Iterator[Sighting], int], Predictions]


def run_detection(
  config: EvaluationConfig,
  detector: PersonDetector,
  folder: Path,
  progress: Progress = iter,
) -> str:
  """Recall and precision, see `detection_scores`; all cases in a second CSV.

  Args:
    config: `truth`, a list of boxes, or `annotations`, keypoints.
    detector: searches the photos.
    folder: for the files; exists.
    progress: goes through the photos.

  Raises:
    ValueError: if the truth cannot be read.
    PhotoError: if a photo cannot be read.
    OutputError: if a file cannot be written.
  """
  if config.truth:
    photos = detection_truth.read_boxes(Path(config.truth), config.photo_dir)
  else:
    photos = [
      photo
      for name in config.annotations
      for photo in detection_truth.read_keypoints(Path(name), config.photo_dir)
    ]
  matches = detection_scores.evaluate(
    progress(photos),
    lambda path: detector.detect(loading.load_photo(path)),
    config.min_scored_px,
  )
  rows = detection_scores.summarize(matches)
  about = {
    "protocol": "detection",
    "least_likeness": detection_scores.LEAST_LIKENESS,
    "min_scored_px": config.min_scored_px,
  }
  figures.write(rows, about, folder, "detection")
  cases = detection_scores.cases(matches)
  figures.write_lines(cases, folder / "detection_cases.csv")
  ghosts = [case for case in cases if case["what"].startswith("ghost")]
  text = [figures.markdown(rows)]
  if ghosts:
    text += ["", "Ghosts:"]
  text += [
    f"{case['photo']}: {case['what'].removeprefix('ghost: ')}, at "
    f"{case['left']:.0f},{case['top']:.0f},{case['width']:.0f},"
    f"{case['height']:.0f}, score {case['score']:.2f}"
    for case in ghosts
  ]
  return "\n".join(text)


def _annotated(config: EvaluationConfig) -> list[list[CocoPerson]]:
  """The people that are judged, photo by photo.

  Raises:
    ValueError: if a file cannot be read, or there is nobody.
  """
  photos: dict[Path, list[CocoPerson]] = defaultdict(list)
  for name in config.annotations:
    people = annotated_people.read_people(Path(name), config.photo_dir)
    for person in landmark_scores.chosen(people, config.min_scored_px):
      photos[person.image].append(person)
  if not photos:
    raise ValueError(
      f"annotations {', '.join(config.annotations)}: nobody is at least "
      f"{config.min_scored_px:g} pixels large with at least "
      f"{landmark_scores.MIN_JOINTS} annotated visible joints"
    )
  return list(photos.values())


def _images(
  config: EvaluationConfig, progress: Progress
) -> Iterator[tuple[np.ndarray, Sequence[CocoPerson]]]:
  """Photos `[H, W, 3]` with those of their people who are judged."""
  if config.annotations:
    for people in progress(_annotated(config)):
      yield loading.load_photo(people[0].image), people
    return
  records = protocols.readable_records(
    shards.read_manifest(Path(config.truth or ""))
  )
  for record in progress(records):
    people = landmark_scores.chosen(
      [annotated_people.person_of(record)], config.min_scored_px
    )
    seen = sighting_of(record)
    if people and seen.image is not None:
      yield seen.image, people


def run_landmarks(
  config: EvaluationConfig,
  detector: PersonDetector,
  folder: Path,
  progress: Progress = iter,
  draw: Callable[[Mapping[str, Any]], object] = lambda found: None,
) -> str:
  """PCK, swaps and the worth of confidences; see `landmark_scores`.

  Args:
    config: `annotations`, or `truth`, person records with images.
    detector: is given the annotated boxes, or searches the photos with
      `search_people`.
    folder: for the files; exists.
    progress: goes through the photos.
    draw: is given the reliability of each group of keypoints.

  Raises:
    ValueError: if the annotations cannot be read.
    PhotoError: if a photo cannot be read.
    OutputError: if a file cannot be written.
  """
  judged, detections = [], []
  for image, people in _images(config, progress):
    judged += people
    detections += annotated_people.detected(
      detector, image, people, config.search_people
    )
  landmarks = landmark_scores.collect(judged, detections)
  rows = landmark_scores.summarize(landmarks)
  found = landmark_scores.about(landmarks)
  groups = keypoint_reliability.about(
    keypoint_reliability.judge(judged, detections)
  )
  draw(groups)
  about = {
    "protocol": "landmarks",
    "search": config.search_people,
    **found,
    "groups": groups,
  }
  figures.write(rows, about, folder, "landmarks")
  trust = found["confidence"]
  lines = [
    f"{found['people']} people, {found['found']} found",
    "",
    figures.markdown(rows),
    "",
    f"Left and right exchanged: {found['swaps']['exchanged']} of "
    f"{found['swaps']['pairs']} pairs of joints",
    f"Confidence for an error below {landmark_scores.RIGHT:g} box sides: AUC "
    f"{_number(trust['auc'])}, calibration error "
    f"{_number(trust['calibration_error'])}",
    "",
    "| confidence | points | mean confidence | right |",
    "| --- | --- | --- | --- |",
  ]
  lines += [
    f"| {line['from']:.1f} to {line['to']:.1f} | {line['points']} "
    f"| {line['confidence']:.3f} | {line['right']:.3f} |"
    for line in trust["reliability"]
  ]
  lines += ["", keypoint_reliability.table(groups)]
  return "\n".join(lines)


def _number(value: float | None) -> str:
  return "-" if value is None else f"{value:.3f}"


def run_parts(
  config: EvaluationConfig,
  detector: PersonDetector | None,
  features: FeatureMaker,
  folder: Path,
  progress: Progress = iter,
) -> str:
  """Whether B is right at annotated joints; see `part_scores`.

  Args:
    config: `annotations`.
    detector: is given the annotated boxes; None where features do without.
    features: make B.
    folder: for the files; exists.
    progress: goes through the photos.

  Raises:
    ValueError: if the annotations cannot be read.
    PhotoError: if a photo cannot be read.
    OutputError: if a file cannot be written.
  """
  judged = []
  for people in progress(_annotated(config)):
    image = loading.load_photo(people[0].image)
    detections: list[Detection | None] = [None] * len(people)
    if detector is not None:
      detections = annotated_people.detected(detector, image, people, False)
    judged.append(part_scores.of_photo(image, people, detections, features))
  found = part_scores.joined(judged)
  rows = part_scores.summarize(found)
  about = {"protocol": "parts", "people": len(found.visible)}
  figures.write(rows, about, folder, "parts")
  return f"{len(found.visible)} people\n\n{figures.markdown(rows)}"


def run_real3d(
  config: EvaluationConfig,
  predict: Predict,
  detector: PersonDetector,
  body_model: BodyModel,
  folder: Path,
) -> str:
  """Errors in 3D against named joints; see `real3d`.

  Args:
    config: `truth`; `predictions` are scored in `predict`'s place.
    predict: reconstructs sightings, of which it is told the number.
    detector: is given the true boxes, or searches the photos with
      `search_people`.
    body_model: whose joints are compared.
    folder: for the files; exists.

  Raises:
    ValueError: if the truth or the predictions cannot be used.
    PhotoError: if a photo cannot be read.
    OutputError: if a file cannot be written.
  """
  photos = real3d.read(Path(config.truth), config.photo_dir)
  truth = real3d.to_truth(photos)
  regressors = joint_definitions.choose(
    config.joint_regressor,
    real3d.stated_regressors(photos),
    truth.joints,
    truth.groups,
    body_model,
  )
  found = predict(
    real3d.sightings(photos, detector, regressors, config.search_people),
    len(truth.keys),
  )
  rows = real3d.summarize(truth, scoring.score(truth, found, "mid_hip"))
  about = {
    "protocol": "real3d",
    "root": "mid_hip",
    "unit": "mm",
    "search": config.search_people,
    "joint_regressor": None if config.predictions else regressors,
  }
  figures.write(rows, about, folder, "real3d")
  joints = "those of the predictions"
  if not config.predictions:
    joints = joint_definitions.described(regressors)
  return "\n".join(
    [
      "Millimetres, means over the people found ± standard errors; root: the "
      f"middle of the hips; joint regressor: {joints}",
      "",
      figures.markdown(rows, digits=1),
    ]
  )
