"""What the page does with videos, without gradio: a clip in, files out."""

import dataclasses
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2

from hund_tf.body.model import BodyModel
from hund_tf.demo.work import MAX_PEOPLE
from hund_tf.files import OutputFolder
from hund_tf.video import making, reading, writing
from hund_tf.video.making import Models, VideoConfig
from hund_tf.video.progress import Progress
from hund_tf.video.reading import FrameReader
from hund_tf.video.tracks import Track

RESULTS = ("overlay", "npz", "jsonl", "glb", "bvh")
_MOST_FPS = 30.0  # of frames that are taken of a clip
_MOST_SIDE = 3840  # pixels
_SHOWN_SIDE = 640  # pixels, of the overlay that the page shows
_TOGETHER = 10  # frames after which it is told how far it is
_NOBODY = "Nobody was found in this video."
# Is told what is done, and of how many frames how many are.
Tell = Callable[[str, int, int], None]


@dataclasses.dataclass(frozen=True)
class Film:
  """What the page shows of a video."""

  overlay: Path  # WebM, which browsers show
  files: tuple[Path, ...]
  words: str  # Markdown


class _Told(Progress):
  """Tells how far a pass is."""

  def __init__(self, tell: Tell):
    self._tell, self._what, self._done, self._total = tell, "", 0, 0

  def begin(self, what: str, total: int) -> None:
    """See `Progress`."""
    self._what, self._done, self._total = what, 0, total
    self.frames(0, 0)

  def frames(self, count: int, people: int) -> None:
    """See `Progress`."""
    self._done += count
    self._tell(self._what, self._done, max(self._total, self._done))


class Filmer:
  """Reconstructs videos; the models are loaded with the first one."""

  def __init__(
    self,
    most_s: float,
    load: Callable[[VideoConfig, Callable[[str], None]], Models] = making.load,
  ):
    """Keeps the limit.

    Args:
      most_s: seconds that a video may last.
      load: of models.
    """
    self._most_s, self._load = most_s, load
    self._models: Models | None = None

  def __call__(
    self,
    clip: str | Path,
    folder: str | Path,
    focal_px: float | None = None,
    height_m: float | None = None,
    tell: Tell = lambda what, done, total: None,
  ) -> Film:
    """Reconstructs the people of a video.

    Args:
      clip: the video file.
      folder: a folder of its own for the files is made in it.
      focal_px: focal length, pixels; None: not known.
      height_m: stature of everybody, metres; None: not known.
      tell: is told how far it is.

    Raises:
      ValueError: if the video or a number cannot be used.
    """
    info = reading.video_info(clip)
    self._check(clip, info)
    own = Path(tempfile.mkdtemp(dir=folder))
    try:
      return self._film(clip, info, own, (focal_px, height_m), tell)
    except BaseException:
      shutil.rmtree(own)
      raise

  def _film(
    self,
    clip: str | Path,
    info: reading.VideoInfo,
    own: Path,
    known: tuple[float | None, float | None],
    tell: Tell,
  ) -> Film:
    config = VideoConfig(
      clip=str(clip),
      output=OutputFolder(str(own)),
      take_every=max(round(info.fps / _MOST_FPS), 1),
      focal_px=known[0],
      height_m=known[1],
      max_people=MAX_PEOPLE,
    )
    source, info = making.source_of_clip(config)
    if self._models is None:
      tell("loading", 0, 1)
      self._models = self._load(config, lambda line: None)
    body_model = self._models.body_model
    made, results = making.make(
      config, self._models, source, info, _Told(tell), _TOGETHER
    )
    tracks = made()
    results.save(made, tracks, own, "people", RESULTS)
    for frames in own.glob("*_frames"):
      shutil.rmtree(frames)
    overlay = _for_browsers(own / "people_overlay.mp4", tell)
    kept = sorted(path for path in own.iterdir() if path != overlay)
    words = described(tracks, len(made.frames), body_model, bool(known[1]))
    return Film(overlay, tuple(kept), words)

  def _check(self, clip: str | Path, info: reading.VideoInfo) -> None:
    if max(info.width, info.height) > _MOST_SIDE:
      raise ValueError(
        f"the video has {info.width} x {info.height} pixels; give one of at "
        f"most {_MOST_SIDE} along each side"
      )
    if reading.is_longer(clip, self._most_s):
      raise ValueError(
        f"the video is longer than {self._most_s:g} s; give a part of it, or "
        "use `hund video`, which takes any length"
      )


def _for_browsers(path: Path, tell: Tell) -> Path:
  """A smaller copy of a video as WebM."""
  copy = path.with_suffix(".webm")
  with FrameReader(path) as reader:
    with writing.video_writer(copy, reader.fps) as writer:
      for frame in reader.frames():
        height, width = frame.image.shape[:2]
        scale = min(_SHOWN_SIDE / max(height, width), 1.0)
        size = round(scale * width), round(scale * height)
        writer.add(cv2.resize(frame.image, size, interpolation=cv2.INTER_AREA))
        done = frame.number + 1
        tell("preparing to show", done, max(reader.num_frames, done))
  return copy


def described(
  tracks: Sequence[Track], frames: int, body_model: BodyModel, given: bool
) -> str:
  """A line of Markdown for each person, whose height is given or not."""
  if not tracks:
    return _NOBODY
  source = "given" if given else "estimated"
  lines = [f"{frames} frames"]
  for track in tracks:
    seen, height = track.observed.sum(), writing.height_of(track, body_model)
    lines.append(
      f"- person {track.id}: seen in {seen} frames, {height:.2f} m tall "
      f"({source})"
    )
  return "\n\n".join([lines[0], "\n".join(lines[1:])])
