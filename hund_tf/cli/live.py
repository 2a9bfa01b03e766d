"""`hund video --webcam`: people of a camera, followed live.

Each frame that is done is a line of JSON on the standard output, and is drawn
for NAME_overlay.mp4 and for the page of --webcam_port. Frames that come
meanwhile are dropped.
"""

import contextlib
import time
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from hund_tf import files, interrupts, locks
from hund_tf.api.demo import demo_photo
from hund_tf.cli.reconstruction import say
from hund_tf.photos.heights import heights_of_photo
from hund_tf.photos.loading import load_photo
from hund_tf.types import Intrinsics
from hund_tf.video import live, making, streams, writing
from hund_tf.video.live import LiveView
from hund_tf.video.live_page import LivePage
from hund_tf.video.making import Models, VideoConfig
from hund_tf.video.reading import Frame
from hund_tf.video.speed import frame_of
from hund_tf.video.streams import Capture, NewestFrame

_FPS = 10.0  # of the overlay video
_NAME = "webcam"


class _Done(NamedTuple):
  """What was done of a live view."""

  frames: int
  people: int  # numbers that were given
  seconds: float


def run(config: VideoConfig) -> int:
  """Follows a camera until it, the time or the user ends it.

  Returns:
    The exit status: 0, also after Ctrl-C, or 1 if the camera cannot be used.
  """
  try:
    with locks.only_writer(config.output.output_dir):
      capture = streams.open_camera(config.live_view.webcam or "")
      return follow(config, making.load(config, say), capture)
  except KeyboardInterrupt as error:
    say(interrupts.line(error))
    return interrupts.status(error)
  except (ValueError, OSError) as error:
    say(f"video: {error}")
    return 1


def follow(config: VideoConfig, models: Models, capture: Capture) -> int:
  """Follows the people of a camera that is open; see `run`."""
  try:
    height, width = _first(config, capture).shape[:2]
    camera = making.camera_of(config, _NAME, height, width).intrinsics
    say("getting ready")
    _warm_up(config, models, camera, (height, width))
    page = _page(config)
    first = _first(config, capture)
  except BaseException:
    capture.release()
    raise
  with NewestFrame(capture, first) as stream, page as shown_at:
    where = "" if shown_at is None else f" at {shown_at.url}"
    say(f"live{where}; Ctrl-C ends it")
    done = _follow(config, models, camera, stream, shown_at)
    dropped = stream.dropped
  rate = done.frames / max(done.seconds, 1e-6)
  say(
    f"{done.frames} frames, {dropped} more dropped, {done.people} people with "
    f"numbers, {rate:.2f} frames/s"
  )
  return 0


def _first(config: VideoConfig, capture: Capture) -> np.ndarray:
  """A frame `[H, W, 3]`, BGR."""
  there, pixels = capture.read()
  if not there or pixels is None:
    raise ValueError(f"--webcam: {config.live_view.webcam!r} gives no picture")
  return pixels


def _view(config: VideoConfig, models: Models, camera: Intrinsics) -> LiveView:
  heights, height = making.heights_of(config), None
  if heights is not None:
    (height,) = heights_of_photo(heights, _NAME, 1, "camera")
  return LiveView(
    making.watcher(config, models, camera),
    models.holder,
    models.body_model,
    camera,
    config.search_every,
    config.motion.moving_camera,
    height,
  )


def _warm_up(
  config: VideoConfig,
  models: Models,
  camera: Intrinsics,
  size: tuple[int, int],
) -> None:
  """Follows somebody in a photo: what is done first takes long."""
  image = frame_of(load_photo(demo_photo("astronaut")), size)
  view = _view(config, models, camera)
  for number in range(2):
    frame = Frame(number, float(number), image)
    live.shown(frame, view(frame), models.body_model, camera)


def _page(config: VideoConfig) -> contextlib.AbstractContextManager:
  port = config.live_view.webcam_port
  if port is None:
    return contextlib.nullcontext()
  return contextlib.closing(LivePage(port))


def _follow(
  config: VideoConfig,
  models: Models,
  camera: Intrinsics,
  stream: NewestFrame,
  page: LivePage | None,
) -> _Done:
  view = _view(config, models, camera)
  begin, frames, numbers = time.monotonic(), 0, set()
  last = config.live_view.webcam_seconds or float("inf")
  with _overlay(config) as video, contextlib.suppress(KeyboardInterrupt):
    while (frame := stream.take()) is not None and frame.seconds <= last:
      tracks = view(frame)
      image, line = live.shown(frame, tracks, models.body_model, camera)
      if "jsonl" in config.results:
        print(line, flush=True)
      if video is not None:
        video.add(image, frame.seconds)
      if page is not None:
        page.show(image)
      frames += 1
      numbers |= {track.id for track in tracks}
  return _Done(frames, len(numbers), time.monotonic() - begin)


@contextlib.contextmanager
def _overlay(config: VideoConfig) -> Iterator[writing.PacedWriter | None]:
  """Where pictures go, if they are asked for."""
  if "overlay" not in config.results:
    yield None
    return
  folder = files.prepare_output_dir(config.output.output_dir)
  with writing.video_writer(folder / f"{_NAME}_overlay.mp4", _FPS) as writer:
    paced = writing.PacedWriter(writer, _FPS)
    yield paced
    paced.close()
