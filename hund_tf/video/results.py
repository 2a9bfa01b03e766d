"""The results of a video: which files there are, and the pass that draws."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hund_tf import files
from hund_tf.body.model import BodyModel
from hund_tf.export.bvh_people import write_person
from hund_tf.export.rigged import View, write_rigged
from hund_tf.export.usd import write_usd
from hund_tf.extras import load_extra
from hund_tf.video import pictures, writing
from hund_tf.video.progress import Progress
from hund_tf.video.reading import Frame, FrameReader
from hund_tf.video.reconstruction import Source, VideoReconstruction
from hund_tf.video.tracks import Track, posed

KINDS = ("overlay", "side", "npz", "jsonl", "glb", "bvh", "usd")
DEFAULT_KINDS = KINDS[:-1]  # the last needs an extra
_HELD = 8  # frames whose bodies are posed together for pictures


def prepare(kinds: Collection[str]) -> None:
  """Looks for what some kinds need, before a video is seen.

  Raises:
    ImportError: if a package is missing.
  """
  if "usd" in kinds:
    load_extra("pxr", "usd")


class Results:
  """Writes the results of a video."""

  def __init__(
    self,
    source: Source,
    body_model: BodyModel,
    progress: Progress | None = None,
  ):
    self._source, self._body_model = source, body_model
    self._progress = progress or Progress()

  def save(
    self,
    made: VideoReconstruction,
    tracks: Sequence[Track],
    folder: Path,
    stem: str,
    kinds: Sequence[str],
  ) -> None:
    """Writes the kinds of results that are asked for, of `KINDS`.

    Raises:
      OutputError: if a file cannot be written.
    """
    camera = self._source.camera
    if "npz" in kinds:
      for track in tracks:
        path = folder / f"{stem}_person_{track.id:02d}.npz"
        writing.write_track(path, track, self._body_model, camera.intrinsics)
    if "jsonl" in kinds:
      writing.write_lines(
        folder / f"{stem}.jsonl",
        made.frames,
        made.seconds,
        tracks,
        self._body_model,
      )
    view = View(camera.intrinsics, *self._source.size)
    for kind, end, write in (
      ("glb", "glb", write_rigged),
      ("usd", "usdc", write_usd),
    ):
      if kind in kinds and tracks:
        people = [writing.rigged_person(track) for track in tracks]
        write(folder / f"{stem}.{end}", people, self._body_model, view)
    if "bvh" in kinds:
      for track in tracks:
        path = folder / f"{stem}_person_{track.id:02d}.bvh"
        write_person(path, writing.rigged_person(track), self._body_model)
    facts = self._facts(made)
    writing.write_summary(
      folder / f"{stem}_summary.json", facts, tracks, self._body_model
    )
    if "overlay" in kinds or "side" in kinds:
      self._pictures(made, tracks, folder, stem, kinds)

  def _facts(self, made: VideoReconstruction) -> dict[str, Any]:
    camera = self._source.camera
    return {
      "video": {
        "file": files.printable(self._source.path.name),
        "frames": len(made.frames),
        "seconds": round(made.seconds[-1], 6) if made.seconds else 0.0,
        "step": self._source.step,
        "unreadable_frames": made.unreadable,
      },
      "camera": {
        "focal": [float(x) for x in camera.intrinsics.focal],
        "center": [float(x) for x in camera.intrinsics.center],
        "source": camera.source,
      },
      "cuts": made.cuts,
      "tracks_left_out": made.dropped,
    }

  def _pictures(self, made, tracks, folder, stem, kinds) -> None:
    """Reads the video once more and draws what was asked for."""
    fps = fps_of(made.seconds)
    rows = [{int(f): i for i, f in enumerate(t.frames)} for t in tracks]
    low, high = _extent(tracks)
    side = pictures.SideView(low, high)
    self._progress.begin("drawing", len(made.frames))
    paths = {
      kind: folder / f"{stem}_{kind}.mp4"
      for kind in ("overlay", "side")
      if kind in kinds
    }
    writers = [writing.video_writer(path, fps) for path in paths.values()]
    opened = dict(zip(paths, [w.__enter__() for w in writers], strict=True))
    failed: BaseException | None = None
    try:
      with FrameReader(self._source.path) as reader:
        for frame, figures in self._drawn(
          reader.frames(0, self._source.step), tracks, rows
        ):
          if "overlay" in opened:
            intrinsics = self._source.camera.intrinsics
            image = pictures.overlay(frame.image, figures, intrinsics)
            opened["overlay"].add(image)
          if "side" in opened:
            opened["side"].add(side.draw(figures))
          self._progress.frames(1, len(figures))
    except BaseException as error:
      failed = error
      raise
    finally:
      kind = type(failed) if failed else None
      for writer in reversed(writers):
        writer.__exit__(kind, failed, None)

  def _drawn(self, frames, tracks, rows) -> Iterator[tuple[Frame, list]]:
    """Frames and who is to be drawn in each; a few are posed at a time."""
    faces = self._body_model.faces(pictures.MESH)
    held: list[Frame] = []

    def flush():
      bodies = []
      for track, row in zip(tracks, rows, strict=True):
        some = [row[f.number] for f in held if f.number in row]
        if some:
          given = np.array(some)
          body = posed(self._body_model, track, given, pictures.MESH)
          bodies.append(
            (track, dict(zip(some, body.vertices, strict=True)), row)
          )
      for frame in held:
        yield (
          frame,
          [
            pictures.Figure(t.id, at[row[frame.number]], faces)
            for t, at, row in bodies
            if frame.number in row
          ],
        )

    for frame in frames:
      held.append(frame)
      if len(held) == _HELD:
        yield from flush()
        held = []
    yield from flush()


def _extent(tracks: Sequence[Track]) -> tuple[np.ndarray, np.ndarray]:
  """Least and greatest coordinates of pelvises, without rare ones."""
  if not tracks:
    return np.array([-1.0, -0.5, 2.0]), np.array([1.0, 0.5, 4.0])
  places = np.concatenate([t.translation for t in tracks])
  return np.percentile(places, 1, axis=0), np.percentile(places, 99, axis=0)


def fps_of(seconds: Sequence[float]) -> float:
  """Mean frames a second."""
  if len(seconds) < 2:
    return 25.0
  return (len(seconds) - 1) / max(seconds[-1] - seconds[0], 1e-3)
