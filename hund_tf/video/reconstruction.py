"""A video in, tracks out: the first pass, the second, and what is kept."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from hund_tf import files
from hund_tf.body.model import BodyModel
from hund_tf.photos.cameras import PhotoCamera
from hund_tf.photos.heights import UserHeights, heights_of_photo
from hund_tf.video.assignment import Assignment
from hund_tf.video.progress import Progress
from hund_tf.video.reading import Frame, FrameReader
from hund_tf.video.shapes import ShapeHolder
from hund_tf.video.sightings import Chunk, read_chunk, write_chunk
from hund_tf.video.steadying import MotionConfig
from hund_tf.video.tracks import Track, build_tracks

_SETTINGS = "settings.json"


@dataclasses.dataclass(frozen=True)
class Source:
  """A video and how it is read."""

  path: Path
  step: int  # every how manieth frame
  size: tuple[int, int]  # width and height of its frames, pixels
  camera: PhotoCamera
  settings: str  # what sightings depend on, in words that differ if they may


class VideoReconstruction:
  """Reconstructs one video; what was done of it before is not done again."""

  def __init__(
    self,
    source: Source,
    watch: Callable[[Sequence[Frame]], Chunk],
    holder: ShapeHolder,
    body_model: BodyModel,
    folder: Path,
    config: MotionConfig,
    chunk_frames: int = 60,
    progress: Progress | None = None,
    heights: UserHeights | None = None,
  ):
    """Keeps the parts.

    Args:
      source: the video.
      watch: sees people in the frames of a chunk.
      holder: fits poses to known shapes.
      body_model: of the states.
      folder: for what is seen in single frames.
      config: tracks and motion.
      chunk_frames: frames that are seen, and kept as a file, together.
      progress: is told of it.
      heights: statures that are known.
    """
    self._source, self._watch, self._holder = source, watch, holder
    self._body_model, self._folder = body_model, folder
    self._config, self._length = config, chunk_frames
    self._progress = progress or Progress()
    self._heights = heights
    self.unreadable = 0
    self.dropped = 0  # tracks that were too short
    self.cuts: list[int] = []  # numbers of frames
    self.frames: list[int] = []
    self.seconds: list[float] = []
    self._chunks = 0

  def __call__(self) -> list[Track]:
    """Sees everybody, and gives the tracks of all.

    Raises:
      VideoError: if no frame can be decoded.
      ValueError: if heights are not of as many as there are.
      KeyboardInterrupt: the chunk at hand is then left out whole.
    """
    self._keep_folder()
    assignment = Assignment()
    for chunk in self._first_pass():
      assignment.add(chunk)
    self.dropped = assignment.drop_short(self._config.min_track_s)
    self.cuts, self.frames = assignment.cuts, assignment.frames
    self.seconds = assignment.seconds
    heights = None
    if self._heights is not None:
      count = len(assignment.members)
      heights = heights_of_photo(
        self._heights, self._source.path, count, "people with numbers"
      )
    return build_tracks(
      assignment,
      self._stored(),
      self._holder,
      self._body_model,
      self._source.camera.intrinsics,
      self._config,
      heights,
    )

  def _keep_folder(self) -> None:
    """Empties the folder if it is of another video or other settings."""
    folder = files.prepare_output_dir(self._folder)
    stated = {"settings": self._source.settings, "chunk_frames": self._length}
    path = folder / _SETTINGS
    try:
      same = path.exists() and files.read_json(path) == stated
    except ValueError:
      same = False
    files.remove_unfinished(folder, "*")
    if not same:
      for old in folder.glob("??????.npz"):
        old.unlink()
      files.write_json(path, stated)

  def _stored(self) -> Iterator[Chunk]:
    for index in range(self._chunks):
      chunk = read_chunk(self._folder, index)
      if chunk is None:
        raise files.OutputError(
          self._folder / f"{index:06d}.npz",
          "cannot be read again",
          "run the command once more",
        )
      yield chunk

  def _first_pass(self) -> Iterator[Chunk]:
    """The chunks of the video, of which those that are there are read."""
    done, index = 0, 0
    with FrameReader(self._source.path) as reader:
      step = self._source.step
      self._progress.begin("seeing people", reader.num_frames // step)
      while (chunk := read_chunk(self._folder, index)) is not None:
        done = int(chunk.numbers[-1]) + step
        index += 1
        self._progress.frames(len(chunk.numbers), len(chunk.owners))
        yield chunk
      batch: list[Frame] = []
      for frame in reader.frames(done, step):
        batch.append(frame)
        if len(batch) == self._length:
          yield self._seen(index, batch)
          index, batch = index + 1, []
      if batch:
        yield self._seen(index, batch)
        index += 1
      self.unreadable = reader.unreadable
    self._chunks = index

  def _seen(self, index: int, batch: Sequence[Frame]) -> Chunk:
    chunk = self._watch(batch)
    write_chunk(self._folder, index, chunk)
    self._progress.frames(len(batch), len(chunk.owners))
    return chunk
