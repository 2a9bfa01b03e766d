"""Models and the settings that a video, or a live view, is reconstructed by."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import hund_tf
from hund_tf import files
from hund_tf.body.model import BodyConfig, BodyModel
from hund_tf.detection.detector import PeopleDetector
from hund_tf.detection.interface import PersonDetector
from hund_tf.detection.search import SearchConfig
from hund_tf.files import OutputFolder
from hund_tf.losses.alignment import AlignmentObjective, ObjectiveConfig
from hund_tf.options import check, option
from hund_tf.photos import cameras
from hund_tf.photos.cameras import PhotoCamera
from hund_tf.photos.heights import UserHeights, user_heights
from hund_tf.photos.people_config import PeopleConfig
from hund_tf.photos.source import source_of
from hund_tf.reconstruction import method_config
from hund_tf.reconstruction.method_config import MethodConfig
from hund_tf.reconstruction.part_config import PartsConfig
from hund_tf.reconstruction.quality import QualityError
from hund_tf.types import Intrinsics
from hund_tf.video.fitting import Fitter, MethodFitter
from hund_tf.video.progress import Progress
from hund_tf.video.reading import VideoInfo, video_info
from hund_tf.video.reconstruction import Source, VideoReconstruction
from hund_tf.video.results import DEFAULT_KINDS, KINDS, Results
from hund_tf.video.shapes import ShapeHolder
from hund_tf.video.steadying import MotionConfig
from hund_tf.video.watching import Watcher

_MOST_BYTES = 4e8  # of frames that are held together
_MOST_FRAMES = 60
_OF_PHOTOS = {f.name: f.metadata for f in dataclasses.fields(PeopleConfig)}


def _as_of_photos(name: str) -> Any:
  """An option that means what it means for photos."""
  return dataclasses.field(default=None, metadata=_OF_PHOTOS[name])


@dataclasses.dataclass(frozen=True)
class LiveConfig:
  """Live view."""

  webcam: str | None = option(
    None,
    "Camera to follow live in place of a video file: its number (0 is the "
    "first one) or the address of a stream that OpenCV opens.",
  )
  webcam_port: int | None = option(
    None,
    "Port of a page on this machine that shows the live view; 0: any that is "
    "free.",
    low=0,
    high=65535,
  )
  webcam_seconds: float = option(
    0.0, "Seconds after which a live view ends; 0: when it is stopped.", low=0
  )

  def __post_init__(self):
    check(self)


@dataclasses.dataclass(frozen=True, kw_only=True)
class VideoConfig:
  """A video and its results."""

  clip: str | None = option(None, "The video file.")
  output: OutputFolder
  results: tuple[str, ...] = option(
    DEFAULT_KINDS, "Results to write of the video.", choices=KINDS
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
  height_m: str | float | Sequence[float | None] | Mapping[str, Any] | None = (
    _as_of_photos("height_m")
  )
  live_view: LiveConfig = LiveConfig()
  search: SearchConfig = SearchConfig()
  motion: MotionConfig = MotionConfig()
  method: MethodConfig = MethodConfig()
  objective: ObjectiveConfig = ObjectiveConfig()
  body: BodyConfig = BodyConfig()

  def __post_init__(self):
    check(self)


def chunk_frames(info: VideoInfo) -> int:
  """Frames that are held, and kept as a file, together."""
  fitting = int(_MOST_BYTES / (3 * info.width * info.height))
  return min(max(fitting // 10 * 10, 10), _MOST_FRAMES)


def stem(path: Path) -> str:
  """What the names of results begin with."""
  return files.unique_stems([path])[0]


def settings(config: VideoConfig, path: Path) -> str:
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


@dataclasses.dataclass(frozen=True)
class Models:
  """What takes long to load, and serves for any number of videos."""

  body_model: BodyModel
  detector: PersonDetector
  fitter: Fitter
  holder: ShapeHolder


def load(config: VideoConfig, warn: Callable[[str], None]) -> Models:
  """Loads the models of a configuration.

  Args:
    config: options; its video is not looked at.
    warn: is told if people will have no quality.

  Raises:
    ValueError: if an option or a file of weights cannot be used.
  """
  body_model = BodyModel(shape_decoder=config.body.shape_decoder)
  objective = AlignmentObjective(body_model, config.objective)
  method = method_config.make_method(config.method, objective)
  parts = PartsConfig() if config.close_ups else PartsConfig(("none",))
  try:
    quality = method_config.find_calibration(config.method, objective)
  except QualityError as error:
    warn(f"warning: {error}; people are given no quality")
    quality = None
  fitter = MethodFitter(
    method,
    config.warm_stages,
    quality,
    parts=method_config.find_parts(parts, method, config.method),
  )
  anchor = method_config.find_anchor(config.method, body_model)
  detector = PeopleDetector(config.search)
  return Models(body_model, detector, fitter, ShapeHolder(body_model, anchor))


def camera_of(
  config: VideoConfig, name: str | Path, height: int, width: int
) -> PhotoCamera:
  """The camera of frames, as options state it.

  Raises:
    ValueError: if the options cannot be, or are too many.
  """
  options = cameras.camera_options(None, config.focal_px, config.fov_degrees)
  return cameras.photo_camera(options, name, height, width)


def watcher(
  config: VideoConfig, models: Models, intrinsics: Intrinsics
) -> Watcher:
  """What sees people in frames."""
  return Watcher(
    models.detector,
    models.fitter,
    intrinsics,
    search_every=config.search_every,
    least_score=config.search.detection_threshold,
    max_people=config.max_people,
    warm=config.warm_stages > 0,
  )


def heights_of(config: VideoConfig) -> UserHeights | None:
  """The statures that are known.

  Raises:
    ValueError: if they cannot be read, or are not an adult's.
  """
  return None if config.height_m is None else user_heights(config.height_m)


def source_of_clip(config: VideoConfig) -> tuple[Source, VideoInfo]:
  """Looks at the video file.

  Raises:
    ValueError: if it, or the stated camera, cannot be used.
  """
  path = files.expand(config.clip or "")
  info = video_info(path)
  camera = camera_of(config, path, info.height, info.width)
  size = info.width, info.height
  stated = settings(config, path)
  return Source(path, config.take_every, size, camera, stated), info


def make(
  config: VideoConfig,
  models: Models,
  source: Source,
  info: VideoInfo,
  progress: Progress | None = None,
  together: int | None = None,
) -> tuple[VideoReconstruction, Results]:
  """What reconstructs a video, and writes the results.

  Args:
    config: options.
    models: of `load` of the same options.
    source: of `source_of_clip`.
    info: likewise.
    progress: is told of it.
    together: frames that are seen, and told of, together; by default as many as
      memory is meant for.

  Raises:
    ValueError: if stated heights cannot be used.
  """
  folder = files.expand(config.output.output_dir)
  made = VideoReconstruction(
    source,
    watcher(config, models, source.camera.intrinsics),
    models.holder,
    models.body_model,
    folder / f"{stem(source.path)}_frames",
    config.motion,
    min(chunk_frames(info), together or _MOST_FRAMES),
    progress,
    heights_of(config),
  )
  return made, Results(source, models.body_model, progress)
