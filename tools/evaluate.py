"""Scores reconstructions by a protocol; prints a table, writes CSV and JSON.

  python -m tools.evaluate --protocol=h36m_p1 --truth=H36M_TEST \\
    --output_dir=results
  python -m tools.evaluate --protocol=3dpw --truth=3DPW_TEST \\
    --predictions=other_system.npz --output_dir=results

Protocols (docs/guide/evaluation.md, docs/guide/photo_evaluation.md):
  h36m_p1        Human3.6M, S9 and S11, every 5th frame: Table 1.
  h36m_p2        Human3.6M, camera 60457274 and first takes only.
  3dpw           3DPW's test split: Table 3.
  h36m_official  Human3.6M's withheld subjects: writes the submission: Table 2.
  synthetic      held-out synthetic examples, whose whole truth is known.
  shape          stature and girths of held-out synthetic people.
  pose_sets      named sets of held-out poses, by set.
  photos_2d      COCO-style keypoint annotations: PCK@0.1 of the reprojected
                 body.
  silhouettes    COCO-style annotations with masks: areas and widths of bodies
                 over those of the masks.
  real3d         photos with calibrated cameras and named 3D joints.
  joint_floor    the part of real3d's errors that is the joints' definition.
  detection      who is found in photos, against boxes or keypoints.
  landmarks      the detector's keypoints, against annotated ones.
  landmarks_3d   the detector's 3D landmarks, against 3D joints or records.
  parts          parts of the multitask network at annotated joints.
  part_gates     hands of others, swapped ones and objects, and how many of
                 them bodies accept.
  hands, faces   bodies and landmarks at annotated hands and faces.
  close_ups      bodies with and without their hands and faces read closely.
"""

import dataclasses
import functools
import itertools
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from flags import (
  body_flags,
  evaluation_flags,
  feature_flags,
  folder_flags,
  method_flags,
  objective_flags,
  part_flags,
  program,
  synthetic_flags,
)
from hund_tf import files, locks
from hund_tf.body.adapters import joint_regressor
from hund_tf.body.model import BodyModel
from hund_tf.datasets.coco import read_coco_keypoints
from hund_tf.detection import feature_config, lone_hands
from hund_tf.detection.detector import PeopleDetector
from hund_tf.evaluation import (
  close_up_looks,
  close_up_scores,
  fused_parts,
  h36m_submission,
  h36m_withheld,
  joint_definitions,
  joint_floor,
  landmarks_3d,
  part_gate_trials,
  photo_predictions,
  photo_protocols,
  photos_2d,
  pose_set_errors,
  predictions,
  protocols,
  reports,
  scoring,
  shape_errors,
  silhouettes,
  synthetic_errors,
  tables,
)
from hund_tf.evaluation.config import EvaluationConfig
from hund_tf.evaluation.photo_predictions import Sighting
from hund_tf.evaluation.pose_set_errors import SetExamples
from hund_tf.evaluation.predictions import Predictions
from hund_tf.losses.alignment import AlignmentObjective
from hund_tf.photos.people import SeenPhoto, make_finder
from hund_tf.reconstruction.attention import HANDS
from hund_tf.reconstruction.method_config import find_parts
from hund_tf.reconstruction.methods import Method
from hund_tf.reconstruction.reconstructor import Reconstructor
from hund_tf.records import shards
from hund_tf.synthetic.examples import SyntheticExamples
from hund_tf.synthetic.pose_sets import NAMES, PoseSets
from hund_tf.training.hund.validation import HELD_OUT_SEED, ValidationSet
from hund_tf.visualization.reliability_plot import save_keypoint_plot

_TRIAL_BATCH = 32  # people of --protocol=part_gates at a time


def _method() -> Method:
  return method_flags.to_method(
    AlignmentObjective(body_flags.to_model(), objective_flags.to_config())
  )


def _on_photos(config: EvaluationConfig, evaluate: Callable) -> list:
  """What `evaluate` finds of people, a finder, a reconstructor and a body."""
  people = [
    person
    for name in config.annotations
    for person in read_coco_keypoints(Path(name), config.photo_dir)
  ]
  method = _method()
  reconstructor = Reconstructor(
    method,
    features=feature_flags.to_features(method),
    parts=part_flags.to_parts(method),
  )
  finder = make_finder()
  with tqdm(unit="photo", file=sys.stderr) as bar:

    def find(path: Path) -> SeenPhoto:
      bar.update()
      return finder(path)

    body = method.objective.body_model
    return evaluate(people, find, reconstructor, body)


def _photos_2d(config: EvaluationConfig, folder: Path) -> list[str]:
  begin = time.time()
  scores = _on_photos(
    config, lambda *given: photos_2d.evaluate_photos(*given[:3])
  )
  photos_2d.write(scores, folder, time.time() - begin)
  print(photos_2d.table(scores))
  return []


def _silhouettes(config: EvaluationConfig, folder: Path) -> list[str]:
  scores = _on_photos(
    config,
    lambda *given: silhouettes.evaluate(*given[:3], given[3].faces("full")),
  )
  print(silhouettes.run(scores, folder))
  return []


def _predicted(
  config: EvaluationConfig, sightings: Iterator[Sighting], count: int
) -> Predictions:
  """Reconstructs people; names on stderr those that were not found."""
  method = _method()
  if config.joint_regressor != joint_definitions.AUTO:
    sightings = (
      sighting._replace(joint_regressor=config.joint_regressor)
      for sighting in sightings
    )
  with tqdm(total=count, unit="person", file=sys.stderr) as bar:
    found, problems = photo_predictions.predict(
      sightings,
      PeopleDetector(),
      Reconstructor(
        method,
        features=feature_flags.to_features(method),
        parts=part_flags.to_parts(method),
      ),
      method.objective.body_model,
      config.people_batch,
      bar.update,
    )
  for key, problem in problems.items():
    print(f"{key}: {problem}", file=sys.stderr)
  if config.save_predictions:
    predictions.save(found, config.save_predictions)
  return found


def _read_predictions(config: EvaluationConfig) -> Predictions:
  regressor = None
  if config.regressor:
    regressor = joint_regressor.load(config.regressor)
  return predictions.load(config.predictions, regressor)


def _records(config: EvaluationConfig, folder: Path) -> list[str]:
  protocol = protocols.PROTOCOLS[config.protocol]
  manifest = shards.read_manifest(Path(config.truth))
  problems: list[str] = []
  truth = protocols.collect(
    protocols.readable_records(manifest, problems.append), protocol
  )
  if config.predictions:
    found = _read_predictions(config)
    method = Path(config.predictions).stem
  else:
    keys = set(truth.keys)
    sightings = (
      photo_predictions.sighting_of(record, config.use_stored_detections)
      for record in protocols.readable_records(manifest)
      if record.key in keys
    )
    found = _predicted(config, sightings, len(keys))
    method = method_flags.name()
  scores = scoring.score(truth, found, config.mpjpe_root)
  text, warnings = reports.of_records(
    protocol,
    truth,
    scores,
    config.mpjpe_root,
    method,
    folder,
    problems,
    None if config.predictions else config.joint_regressor,
  )
  print(text)
  return warnings


def _official(config: EvaluationConfig, folder: Path) -> list[str]:
  if config.predictions:
    found = _read_predictions(config)
  else:
    videos = h36m_withheld.list_videos(config.h36m_dir, config.video_frame_step)
    found = _predicted(
      config,
      h36m_withheld.sightings(config.h36m_dir, videos),
      sum(len(video.frames) for video in videos),
    )
  path = folder / "h36m_official.results"
  done = h36m_submission.write(found, path)
  print(
    f"{path}: {done.frames} frames of {done.videos} videos, experiment "
    f"{done.experiment}; {done.filled} frames were interpolated. The server "
    "gives the error; Table 2 of the paper, millimetres:\n"
  )
  print(tables.published(protocols.TABLE_2, ("mpjpe",)))
  return []


def _synthetic_method(config: EvaluationConfig) -> Method:
  """The method, if it needs no image."""
  features = feature_flags.to_config().features
  if features != "landmarks":
    raise ValueError(
      f"--features={features}: the examples of --protocol={config.protocol} "
      "have no images, expected --features=landmarks"
    )
  return _method()


def _synthetic(config: EvaluationConfig, folder: Path) -> list[str]:
  method, count = _synthetic_method(config), config.synthetic_examples
  body_model = method.objective.body_model
  poses, settings = synthetic_flags.to_held_out(body_model.pose_prior)
  made = SyntheticExamples(body_model, poses, settings)
  examples = ValidationSet(made, count, HELD_OUT_SEED).examples
  errors = synthetic_errors.measure(examples, method, config.mpjpe_root)
  name, captured = method_flags.name(), len(poses.up)
  print(reports.of_synthetic(errors, config.mpjpe_root, name, captured, folder))
  return []


def _shape(config: EvaluationConfig, folder: Path) -> list[str]:
  method, count = _synthetic_method(config), config.synthetic_examples
  body_model = method.objective.body_model
  poses, settings = synthetic_flags.to_held_out(body_model.pose_prior)
  groups = (
    (focal, ValidationSet(made, count, HELD_OUT_SEED).examples)
    for focal in shape_errors.FOCALS
    for made in [
      SyntheticExamples(body_model, poses, settings.whole_people(focal))
    ]
  )
  print(shape_errors.run(groups, method, method_flags.name(), folder))
  return []


def _part_gates(config: EvaluationConfig, folder: Path) -> list[str]:
  method = _synthetic_method(config)
  settings = dataclasses.replace(part_flags.to_config(), parts=HANDS)
  parts = find_parts(settings, method, method_flags.to_config())
  assert parts is not None
  poses, scenes = synthetic_flags.to_held_out(
    method.objective.body_model.pose_prior
  )
  scenes = dataclasses.replace(scenes, render_parts=False)
  made = SyntheticExamples(method.objective.body_model, poses, scenes)
  examples = (
    made.example_batch(HELD_OUT_SEED, step, _TRIAL_BATCH)
    for step in itertools.count()
  )
  count = config.gate_trials
  print(part_gate_trials.run(examples, method, parts.judged, count, folder))
  return []


def _streamed_sets(
  config: EvaluationConfig, body_model: BodyModel
) -> Iterator[SetExamples]:
  poses, settings = synthetic_flags.to_held_out(body_model.pose_prior)
  sets = PoseSets(body_model, held_out=True)
  made = SyntheticExamples(body_model, poses, settings.whole_people(), sets)
  for name in NAMES:
    people = made.of_set(HELD_OUT_SEED, name, config.pose_set_examples)
    yield SetExamples(name, people)


def _pose_sets(config: EvaluationConfig, folder: Path) -> list[str]:
  method = _synthetic_method(config)
  if config.pose_set_records:
    groups = pose_set_errors.of_records(Path(config.pose_set_records))
  else:
    groups = _streamed_sets(config, method.objective.body_model)
  groups = tqdm(groups, total=len(NAMES), unit="set", file=sys.stderr)
  name, root = method_flags.name(), config.mpjpe_root
  print(pose_set_errors.run(groups, method, name, root, folder))
  return []


def _real3d(config: EvaluationConfig, folder: Path) -> list[str]:
  def predict(sightings: Iterator[Sighting], count: int) -> Predictions:
    if config.predictions:
      return _read_predictions(config)
    return _predicted(config, sightings, count)

  detector = PeopleDetector()
  body_model = body_flags.to_model()
  print(
    photo_protocols.run_real3d(config, predict, detector, body_model, folder)
  )
  return []


def _joint_floor(config: EvaluationConfig, folder: Path) -> list[str]:
  truth, body_model = Path(config.truth), body_flags.to_model()
  print(joint_floor.run(truth, config.photo_dir, body_model, folder))
  return []


_by_photo = functools.partial(tqdm, unit="photo", file=sys.stderr)


def _detection(config: EvaluationConfig, folder: Path) -> list[str]:
  detector = PeopleDetector()
  print(photo_protocols.run_detection(config, detector, folder, _by_photo))
  return []


def _landmarks(config: EvaluationConfig, folder: Path) -> list[str]:
  detector = PeopleDetector()

  def draw(found: Mapping[str, Any]) -> None:
    if config.keypoint_plot:
      save_keypoint_plot(config.keypoint_plot, found)

  print(
    photo_protocols.run_landmarks(config, detector, folder, _by_photo, draw)
  )
  return []


def _landmarks_3d(config: EvaluationConfig, folder: Path) -> list[str]:
  progress = functools.partial(tqdm, unit="person", file=sys.stderr)
  print(
    landmarks_3d.run(
      config, PeopleDetector(), body_flags.to_model(), folder, progress
    )
  )
  return []


def _parts(config: EvaluationConfig, folder: Path) -> list[str]:
  settings = feature_flags.to_config()
  if settings.features == "landmarks":
    raise ValueError(
      "--features=landmarks: has no parts; expected --features=network or "
      "--features=both with --protocol=parts"
    )
  features = feature_config.load_features(settings, channels=0)
  detector = PeopleDetector() if settings.features == "both" else None
  print(
    photo_protocols.run_parts(config, detector, features, folder, _by_photo)
  )
  return []


def _close_ups(config: EvaluationConfig, folder: Path) -> list[str]:
  method = _method()
  reconstructor = Reconstructor(
    method,
    features=feature_flags.to_features(method),
    parts=part_flags.to_parts(method),
  )
  detector = PeopleDetector()
  look = close_up_looks.looker(
    detector,
    reconstructor,
    config.search_people,
    functools.partial(lone_hands.lone_hands, detector.hands),
  )
  print(close_up_scores.run(config, look, folder, _by_photo))
  return []


def _fused(config: EvaluationConfig, folder: Path) -> list[str]:
  method = _method()
  parts = part_flags.to_parts(method)
  if parts is None:
    raise ValueError(
      "--protocol=close_ups: there are no parts; expected --parts and "
      "--method=hund"
    )
  print(
    fused_parts.run(
      config.truth,
      method.objective.body_model,
      Reconstructor(method),
      Reconstructor(method, parts=parts),
      folder,
    )
  )
  return []


_RUN = {
  **dict.fromkeys(protocols.PROTOCOLS, _records),
  "h36m_official": _official,
  "synthetic": _synthetic,
  "shape": _shape,
  "pose_sets": _pose_sets,
  "part_gates": _part_gates,
  "photos_2d": _photos_2d,
  "silhouettes": _silhouettes,
  "real3d": _real3d,
  "joint_floor": _joint_floor,
  "detection": _detection,
  "landmarks": _landmarks,
  "landmarks_3d": _landmarks_3d,
  "parts": _parts,
  "hands": _close_ups,
  "faces": _close_ups,
  "close_ups": _fused,
}


def main(argv: Sequence[str]) -> int:
  if len(argv) > 1:
    print(f"unknown arguments {argv[1:]}; see --help", file=sys.stderr)
    return 1
  try:
    config = evaluation_flags.to_config()
    folder = files.expand(folder_flags.output_dir())
    with locks.only_writer(folder, config.protocol):
      warnings = _RUN[config.protocol](config, folder)
  except (ValueError, OSError) as error:
    print(f"evaluate: {error}", file=sys.stderr)
    return 1
  for line in warnings:
    print(f"WARNING: {line}", file=sys.stderr)
  if warnings and not config.allow_partial:
    print(
      "evaluate: not what the protocol expects, see above; --allow_partial "
      "accepts it",
      file=sys.stderr,
    )
    return 1
  return 0


if __name__ == "__main__":
  program.run(main)
