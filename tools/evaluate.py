"""Scores reconstructions by a protocol; prints a table, writes CSV and JSON.

  python -m tools.evaluate --protocol=photos_2d --output_dir=results \\
    --annotations=person_keypoints.json --photo_dir=photos

Protocols:
  photos_2d  COCO-style keypoint annotations: PCK@0.1 of the reprojected body.
"""

import csv
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from absl import app
from tqdm import tqdm

from flags import body_flags, evaluation_flags, method_flags, objective_flags
from hund_tf.data import camera_options, output_folder, photos
from hund_tf.data.coco import read_coco_keypoints
from hund_tf.detection.mediapipe_detector import MediaPipeDetector
from hund_tf.evaluation import photos_2d
from hund_tf.losses.alignment import AlignmentObjective
from hund_tf.reconstruction.reconstructor import Reconstructor


def _photos_2d(config) -> list[photos_2d.PersonScore]:
  people = [
    person
    for name in config.annotations
    for person in read_coco_keypoints(Path(name), config.photo_dir)
  ]
  detector = MediaPipeDetector()
  reconstructor = Reconstructor(
    method_flags.to_method(
      AlignmentObjective(body_flags.to_model(), objective_flags.to_config())
    )
  )
  bar = tqdm(unit="photo", file=sys.stderr)

  def reconstruct(path: Path):
    image = photos.load_photo(path)
    camera = camera_options.photo_camera(
      camera_options.CameraOptions(), path, *image.shape[:2]
    )
    found = reconstructor(detector.detect(image), camera.intrinsics)
    bar.update()
    return found

  return photos_2d.evaluate_photos(people, reconstruct)


def _write(folder: Path, scores, seconds: float) -> None:
  fields = ("image", "found", "joints", "correct", "correct_landmarks")
  with output_folder.atomic_path(folder / "photos_2d.csv") as temporary:
    with temporary.open("w", newline="", encoding="utf-8") as file:
      writer = csv.writer(file)
      writer.writerow((*fields, "left", "top", "width", "height"))
      for score in scores:
        row = [getattr(score, name) for name in fields]
        writer.writerow([*row, *(f"{value:.1f}" for value in score.box)])
  summary = {
    "protocol": "photos_2d",
    "people": len(scores),
    "found": sum(score.found for score in scores),
    "pck_0.1": photos_2d.mean_pck(scores),
    "pck_0.1_landmarks": photos_2d.mean_pck(scores, landmarks=True),
    "seconds": round(seconds, 1),
  }
  with output_folder.atomic_path(folder / "photos_2d.json") as temporary:
    temporary.write_text(json.dumps(summary, indent=2), encoding="utf-8")


def main(argv: Sequence[str]) -> int:
  if len(argv) > 1:
    print(f"unknown arguments {argv[1:]}; see --help", file=sys.stderr)
    return 1
  begin = time.time()
  try:
    config = evaluation_flags.to_config()
    folder = output_folder.prepare_output_dir(config.output_dir)
    scores = _photos_2d(config)
    _write(folder, scores, time.time() - begin)
  except ValueError as error:
    print(error, file=sys.stderr)
    return 1
  print(photos_2d.table(scores))
  return 0


if __name__ == "__main__":
  app.run(main)
