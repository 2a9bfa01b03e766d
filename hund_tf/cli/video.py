"""Reconstructs the people of a video in 3D: tracks, one body each, motion.

Of a video NAME.* it writes, as --results asks, NAME_overlay.mp4, NAME_side.mp4,
NAME_person_00.npz and .bvh and so on, NAME.jsonl, NAME.glb, and always
NAME_summary.json (see docs/guide/video.md). What is seen in single frames is
kept in NAME_frames/, so that a run that was stopped goes on, and another one
with other smoothing is quick.
"""

import dataclasses
import sys
import time
from pathlib import Path
from typing import Any

from tqdm import tqdm

import hund_tf
from hund_tf import files, interrupts, locks
from hund_tf.body.model import BodyConfig, BodyModel
from hund_tf.cli.reconstruction import say
from hund_tf.detection.detector import PeopleDetector
from hund_tf.detection.search import SearchConfig
from hund_tf.files import OutputFolder
from hund_tf.losses.alignment import AlignmentObjective, ObjectiveConfig
from hund_tf.options import REQUIRED, check, option
from hund_tf.photos import cameras
from hund_tf.photos.people_config import PeopleConfig
from hund_tf.photos.source import source_of
from hund_tf.reconstruction import method_config
from hund_tf.reconstruction.method_config import MethodConfig
from hund_tf.reconstruction.part_config import PartsConfig
from hund_tf.reconstruction.quality import QualityError
from hund_tf.video.fitting import MethodFitter
from hund_tf.video.progress import FramesPerSecond
from hund_tf.video.reading import VideoInfo, video_info
from hund_tf.video.reconstruction import Source, VideoReconstruction
from hund_tf.video.results import KINDS, Results
from hund_tf.video.shapes import ShapeHolder
from hund_tf.video.steadying import MotionConfig
from hund_tf.video.watching import Watcher

_MOST_BYTES = 4e8  # of frames that are held together
_OF_PHOTOS = {f.name: f.metadata for f in dataclasses.fields(PeopleConfig)}


def _as_of_photos(name: str) -> Any:
  """An option that means what it means for photos."""
  return dataclasses.field(default=None, metadata=_OF_PHOTOS[name])


@dataclasses.dataclass(frozen=True, kw_only=True)
class VideoConfig:
  """A video and its results."""

  clip: str = option(REQUIRED, "The video file.")
  output: OutputFolder
  results: tuple[str, ...] = option(
    KINDS, "Results to write of the video.", choices=KINDS
  )
  take_every: int = option(
    1, "Frames from one that is reconstructed to the next.", low=1
  )
  search_every: int = option(
    10,
    "Frames from one that is searched for people to the next; in those between "
    "they are looked for where they were.",
    low=1,
  )
  warm_stages: int = option(
    0,
    "Stages of descents that go on from the frame before; 0: all descents "
    "begin anew.",
    low=0,
    high=20,
  )
  close_ups: bool = option(
    False,
    "Read faces and hands by networks of their own, as photos' are; slower.",
  )
  focal_px: float | None = _as_of_photos("focal_px")
  fov_degrees: float | None = _as_of_photos("fov_degrees")
  max_people: int | None = _as_of_photos("max_people")
  search: SearchConfig = SearchConfig()
  motion: MotionConfig = MotionConfig()
  method: MethodConfig = MethodConfig()
  objective: ObjectiveConfig = ObjectiveConfig()
  body: BodyConfig = BodyConfig()

  def __post_init__(self):
    check(self)


class _Bar(FramesPerSecond):
  """Shows how far a pass is."""

  def __init__(self):
    super().__init__()
    self._bar: tqdm | None = None

  def begin(self, what: str, total: int) -> None:
    """See `Progress`."""
    super().begin(what, total)
    self.close()
    self._bar = tqdm(
      total=total or None, unit="frame", desc=what, file=sys.stderr
    )

  def frames(self, count: int, people: int) -> None:
    """See `Progress`."""
    super().frames(count, people)
    if self._bar is not None:
      _, seen, _ = self.passes[self._what]
      self._bar.set_postfix_str(f"{seen} people in all", refresh=False)
      self._bar.update(count)

  def close(self) -> None:
    """Ends the bar."""
    if self._bar is not None:
      self._bar.close()
      self._bar = None


def _chunk_frames(info: VideoInfo) -> int:
  """Frames that are held, and kept as a file, together."""
  fitting = int(_MOST_BYTES / (3 * info.width * info.height))
  return min(max(fitting // 10 * 10, 10), 60)


def _stem(path: Path) -> str:
  """What the names of results begin with."""
  return files.unique_stems([path])[0]


def _settings(config: VideoConfig, path: Path) -> str:
  """What sightings of single frames depend on."""
  used = config.method, config.objective, config.body, config.search
  numbers = config.search_every, config.warm_stages, config.max_people
  weights = ""
  if config.method.method == "hund":
    weights = source_of(config.method.weights_path).sha256
  return repr(
    (
      hund_tf.__version__,
      source_of(path).sha256,
      used,
      numbers,
      (config.close_ups, config.take_every),
      (config.focal_px, config.fov_degrees),
      weights,
    )
  )


def make(
  config: VideoConfig, progress: FramesPerSecond
) -> tuple[VideoReconstruction, Results]:
  """Looks at the video and loads the models.

  Raises:
    ValueError: if the video, an option or a file of weights cannot be used.
  """
  path = files.expand(config.clip)
  options = cameras.camera_options(None, config.focal_px, config.fov_degrees)
  info = video_info(path)
  camera = cameras.photo_camera(options, path, info.height, info.width)
  body_model = BodyModel(shape_decoder=config.body.shape_decoder)
  objective = AlignmentObjective(body_model, config.objective)
  method = method_config.make_method(config.method, objective)
  parts = PartsConfig() if config.close_ups else PartsConfig(("none",))
  try:
    quality = method_config.find_calibration(config.method, objective)
  except QualityError as error:
    say(f"warning: {error}; people are given no quality")
    quality = None
  fitter = MethodFitter(
    method,
    config.warm_stages,
    quality,
    parts=method_config.find_parts(parts, method, config.method),
  )
  watcher = Watcher(
    PeopleDetector(config.search),
    fitter,
    camera.intrinsics,
    search_every=config.search_every,
    least_score=config.search.detection_threshold,
    max_people=config.max_people,
    warm=config.warm_stages > 0,
  )
  anchor = method_config.find_anchor(config.method, body_model)
  size = info.width, info.height
  stated = _settings(config, path)
  source = Source(path, config.take_every, size, camera, stated)
  made = VideoReconstruction(
    source,
    watcher,
    ShapeHolder(body_model, anchor),
    body_model,
    files.expand(config.output.output_dir) / f"{_stem(path)}_frames",
    config.motion,
    _chunk_frames(info),
    progress,
  )
  return made, Results(source, body_model, progress)


def run(config: VideoConfig) -> int:
  """Reconstructs a video.

  Returns:
    The exit status: 0, 1 if the video failed, 130 if it was interrupted (0 if
    by SIGTERM).
  """
  bar = _Bar()
  try:
    with locks.only_writer(config.output.output_dir):
      return _run(config, bar)
  except KeyboardInterrupt as error:
    bar.close()
    say(
      f"{interrupts.line(error)}; the same command goes on where it was stopped"
    )
    return interrupts.status(error)
  except (ValueError, OSError) as error:
    bar.close()
    say(f"video: {error}")
    return 1


def _run(config: VideoConfig, bar: _Bar) -> int:
  begin = time.time()
  made, results = make(config, bar)
  tracks = made()
  folder = files.expand(config.output.output_dir)
  stem = _stem(files.expand(config.clip))
  results.save(made, tracks, folder, stem, config.results)
  bar.close()
  if made.unreadable:
    say(f"warning: {made.unreadable} frames could not be decoded")
  if made.dropped:
    say(
      f"{made.dropped} people were seen for less than "
      f"{config.motion.min_track_s:g} s and are left out (--min_track_s)"
    )
  if made.cuts:
    say(f"cuts before frames {', '.join(map(str, made.cuts))}")
  if not tracks:
    say("no person found")
  for what, (frames, people, seconds) in bar.passes.items():
    rate = frames / max(seconds, 1e-6)
    print(f"{what}: {frames} frames, {people} people, {rate:.2f} frames/s")
  print(
    f"{len(made.frames)} frames, {len(tracks)} people with numbers, "
    f"{time.time() - begin:.0f} s; results in {config.output.output_dir}"
  )
  return 0
