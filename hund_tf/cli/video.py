"""Reconstructs the people of a video in 3D: tracks, one body each, motion.

Of a video NAME.* it writes, as --results asks, NAME_overlay.mp4, NAME_side.mp4,
NAME_person_00.npz and .bvh and so on, NAME.jsonl, NAME.glb, NAME.usdc, and
always NAME_summary.json (see docs/guide/video.md). What is seen in single
frames is kept in NAME_frames/, so that a run that was stopped goes on, and
another one with other smoothing is quick.

With --webcam people are followed live: see there.
"""

import sys
import time

from tqdm import tqdm

from hund_tf import files, interrupts, locks
from hund_tf.cli import live
from hund_tf.cli.reconstruction import say
from hund_tf.video import making, results
from hund_tf.video.making import VideoConfig
from hund_tf.video.progress import FramesPerSecond

__all__ = ["VideoConfig", "run"]


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


def run(config: VideoConfig) -> int:
  """Reconstructs a video, or follows a camera.

  Returns:
    The exit status: 0, 1 if the video failed, 130 if it was interrupted (0 if
    by SIGTERM).
  """
  if (config.clip is None) == (config.live_view.webcam is None):
    say("video: give either a video file or --webcam")
    return 1
  if config.live_view.webcam is not None:
    return live.run(config)
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
  except (ValueError, OSError, ImportError) as error:
    bar.close()
    say(f"video: {error}")
    return 1


def _run(config: VideoConfig, bar: _Bar) -> int:
  begin = time.time()
  results.prepare(config.results)
  source, info = making.source_of_clip(config)
  made, writer = making.make(
    config, making.load(config, say), source, info, bar
  )
  tracks = made()
  folder = files.expand(config.output.output_dir)
  stem = making.stem(source.path)
  writer.save(made, tracks, folder, stem, config.results)
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
