"""Reconstructs the people of photos in 3D.

  python -m tools.reconstruct --output_dir=results photo.jpg ...

For each photo NAME.* it writes, as --save asks, NAME_overlay.png,
NAME_views.png, NAME_stages.png, NAME_descent.gif, NAME.glb, NAME.obj and
NAME.json (see docs/result_schema.md).
It exits with 1 if a photo failed; the other photos are done all the same.
"""

import collections
import contextlib
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from absl import app
from tqdm import tqdm

from flags import (
  body_flags,
  feature_flags,
  method_flags,
  objective_flags,
  output_flags,
  photo_flags,
)
from hund_tf import files
from hund_tf.body.model import BodyModel, TextureCoordinates
from hund_tf.export import meshes as mesh_export
from hund_tf.export import report
from hund_tf.losses.alignment import AlignmentObjective
from hund_tf.photos import people as people_finder
from hund_tf.photos.listing import list_photos
from hund_tf.reconstruction.quality import QualityCalibration, QualityError
from hund_tf.reconstruction.reconstructor import Person, Reconstructor
from hund_tf.rendering.tfg_op import RasterizerOpError
from hund_tf.visualization import descent_pictures, overlay


class _Job(NamedTuple):
  """What is the same for all photos."""

  photo: photo_flags.PhotoConfig
  output: output_flags.OutputConfig
  finder: people_finder.Finder
  reconstructor: Reconstructor
  body: BodyModel
  faces: np.ndarray  # [F, 3] of the full mesh
  uv: TextureCoordinates
  method: str
  seconds: collections.Counter  # by step, of all photos


def _quality(objective: AlignmentObjective) -> QualityCalibration | None:
  """The calibration of the method; people go without if it is unusable."""
  try:
    found = method_flags.to_quality(objective)
  except QualityError as error:
    _say(f"warning: {error}; people are given no quality")
    return None
  if found is None and method_flags.name() == "hund":
    _say(
      f"no quality calibration of {method_flags.weights_path()} with these "
      "settings: people are given no quality; tools.calibrate_quality makes one"
    )
  return found


def _make_job(arguments: Sequence[str]) -> _Job:
  """Reads the flags and loads the models; raises ValueError on bad flags."""
  config = photo_flags.to_config(arguments)
  finder = people_finder.make_finder(config.people)
  output = output_flags.to_config()
  files.prepare_output_dir(output.output_dir)
  body = body_flags.to_model()
  objective = AlignmentObjective(body, objective_flags.to_config())
  method = method_flags.to_method(objective)
  return _Job(
    photo=config,
    output=output,
    finder=finder,
    reconstructor=Reconstructor(
      method, _quality(objective), feature_flags.to_features(method)
    ),
    body=body,
    faces=body.faces("full"),
    uv=body.uv(),
    method=method_flags.name(),
    seconds=collections.Counter(),
  )


@contextlib.contextmanager
def _timed(job: _Job, step: str) -> Iterator[None]:
  """Adds the seconds of the block to those of a step."""
  begin = time.perf_counter()
  yield
  job.seconds[step] += time.perf_counter() - begin


def _save(job, path, stem, image, camera, people: list[Person]) -> None:
  """Writes the results of one photo; a bad value stops it before any file."""
  folder, save = Path(job.output.output_dir), job.output.save
  content = report.build_report(
    path,
    image,
    camera,
    job.method,
    people,
    include_trace=job.method.startswith("hund"),
  )
  meshes = [
    mesh_export.PersonMesh(person.body.vertices, job.faces, None, *job.uv)
    for person in people
  ]
  if save & {"overlay", "views"}:
    picture = overlay.draw_overlay(image, meshes, camera.intrinsics)
    if "overlay" in save:
      files.write_png(folder / f"{stem}_overlay.png", picture)
    if people and "views" in save:
      views = overlay.draw_views(image, picture, meshes)
      files.write_png(folder / f"{stem}_views.png", views)
  if people and save & {"stages", "gif"}:
    _save_descents(job, folder, stem, image, camera, people)
  if people and "glb" in save:
    mesh_export.write_glb(folder / f"{stem}.glb", meshes)
  if people and "obj" in save:
    mesh_export.write_obj(folder / f"{stem}.obj", meshes)
  if "json" in save:
    report.write_report(folder / f"{stem}.json", content)


def _save_descents(job, folder, stem, image, camera, people) -> None:
  """Writes the pictures of the people's descents that are asked for."""
  descents = descent_pictures.decode_descents(people, job.body)
  arguments = image, descents, camera.intrinsics
  if "stages" in job.output.save:
    strip = descent_pictures.draw_stages(*arguments)
    files.write_png(folder / f"{stem}_stages.png", strip)
  if "gif" in job.output.save:
    frames = descent_pictures.draw_descent_frames(*arguments)
    descent_pictures.write_animation(folder / f"{stem}_descent.gif", frames)


def _reconstruct(job: _Job, path: Path, stem: str) -> int:
  """Does one photo; returns the number of people.

  Raises:
    ValueError: if the photo, its boxes, its camera or a result fails.
  """
  with _timed(job, "detection"):
    seen = job.finder(path)
  with _timed(job, job.method):
    people = job.reconstructor(
      seen.detections, seen.camera.intrinsics, seen.image
    )
  with _timed(job, "drawing and writing"):
    _save(job, path, stem, seen.image, seen.camera, people)
  if not people:
    _say(
      f"{path}: no person found; give a photo that shows most of a person, "
      "or --boxes"
    )
  return len(people)


def _say(line: str) -> None:
  tqdm.write(line, file=sys.stderr)


def main(argv: Sequence[str]) -> int:
  begin = time.time()
  try:
    job = _make_job(argv[1:])
  except (ValueError, RasterizerOpError) as error:
    _say(str(error))
    return 1
  listing = list_photos(job.photo.images)
  for error in listing.errors:
    _say(str(error))
  failed, people = len(listing.errors), 0
  for line in [*listing.left_out, *job.finder.unused_keys(listing.paths)]:
    _say(f"warning: {line}")
  stems = files.unique_stems(listing.paths)
  bar = tqdm(
    zip(listing.paths, stems, strict=True),
    total=len(listing.paths),
    unit="photo",
    file=sys.stderr,
  )
  for path, stem in bar:
    try:
      people += _reconstruct(job, path, stem)
    except ValueError as error:
      _say(people_finder.named(error, path))
      failed += 1
  done = len(listing.paths) - (failed - len(listing.errors))
  print(
    f"{done} photos done, {people} people, {failed} failed, "
    f"{time.time() - begin:.0f} s; results in {job.output.output_dir}"
  )
  if people:
    steps = (f"{k} {v / people:.2f}" for k, v in job.seconds.items())
    print(f"seconds per person: {', '.join(steps)}")
  return 1 if failed else 0


if __name__ == "__main__":
  app.run(main)
