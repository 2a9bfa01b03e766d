"""Scores tracks of walking people, against single frames.

  python -m tools.evaluate_video --output_dir=out

Draws a clip of people whose truth is known: two cross, one leaves and returns.
It is reconstructed as `hund video` does, and frame by frame as photos are, and
both are compared with the truth. --warm_trials adds descents that go on from
the last frame, by so many stages. --walk is a motion-capture clip (BVH) that
people walk by, in place of a simple gait.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from flags import program
from flags.from_config import define
from hund_tf import files
from hund_tf.body import measures
from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.files import OutputFolder
from hund_tf.motion import mocap
from hund_tf.options import check, option
from hund_tf.synthetic import clips
from hund_tf.synthetic.images.clip_frames import draw_clip
from hund_tf.types import state_from_vector
from hund_tf.video import making, scores, writing
from hund_tf.video.progress import FramesPerSecond
from hund_tf.video.sightings import read_chunk
from hund_tf.video.steadying import MotionConfig


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Trials:
  """A clip and what is tried on it."""

  output: OutputFolder
  clip_frames: int = option(150, "Frames of the clip.", low=20)
  clip_seed: int = option(0, "Of clothes and background.", low=0)
  walk: str | None = option(
    None, "Motion-capture clip (BVH, 30 Hz) of somebody who walks."
  )
  warm_trials: tuple[int, ...] = option(
    (), "Numbers of stages of descents that go on from the last frame."
  )
  single_frames: bool = option(
    True, "Reconstruct the frames one by one, too, which takes longest."
  )
  known_statures: bool = option(
    False, "Reconstruct once more with everybody's true stature stated."
  )
  motion: MotionConfig = MotionConfig()

  def __post_init__(self):
    check(self)


_to_trials = define(_Trials, "Trials")


def _clip(trials: _Trials, body_model: BodyModel) -> tuple[clips.Clip, Path]:
  """The clip's truth, and its file, drawn if it is not there."""
  motion = None
  if trials.walk is not None:
    motion = mocap.read_clip(trials.walk)
  clip = clips.walking(body_model, num_frames=trials.clip_frames, motion=motion)
  name = f"clip_{trials.clip_frames}_{trials.clip_seed}"
  if trials.walk is not None:
    name += f"_{Path(trials.walk).stem}"
  path = files.prepare_output_dir(trials.output.output_dir) / f"{name}.mp4"
  if not path.exists():
    with writing.video_writer(path, clips.FPS) as writer:
      for frame in draw_clip(body_model, clip, trials.clip_seed):
        writer.add(frame)
  return clip, path


def _statures(
  clip: clips.Clip,
  found: Sequence[Sequence[scores.Found]],
  numbers: int,
  body_model: BodyModel,
) -> list[float | None]:
  """The true statures, metres, in the order of numbers."""
  heights: list[float | None] = [None] * numbers
  for person, number in scores.numbers_of(found, clip).items():
    if number >= 0:
      shape = state_from_vector(clip.states[person, :1]).shape
      tall = measures.stature(body_model, tf.constant(shape, tf.float32))
      heights[number] = round(float(tall[0]), 3)
  return heights


def _row(name: str, found: scores.Scores, rate: float | None) -> None:
  speed = "" if rate is None else f" {rate:7.2f}"
  print(
    f"{name:<28}{100 * found.found:6.1f}{100 * found.right:8.1f}"
    f"{found.pa_mpjpe[0]:8.1f} ({found.pa_mpjpe[1]:.1f})"
    f"{found.mpjpe[0]:8.1f} ({found.mpjpe[1]:.1f}){found.place:8.0f}"
    f"{found.acceleration:8.2f}{found.acceleration_camera:8.2f}"
    f"{found.slip:6.0f}{found.slip_called:6.0f}{100 * found.stand_recall:7.1f}"
    f"{100 * found.stand_precision:7.1f}{found.shape_variance:9.4f}{speed}",
    flush=True,
  )


def main(argv: Sequence[str]) -> int:
  del argv
  trials = _to_trials()
  body_model = BodyModel()
  clip, path = _clip(trials, body_model)
  folder = Path(trials.output.output_dir)
  count = len(clip.seconds)
  print(
    f"{len(clip.states)} people, {count} frames, {int(clip.inside.sum())} "
    "times somebody inside; in % found, right number; in mm (standard error) "
    "PA-MPJPE, MPJPE, pelvis; in m/s^2 acceleration error, in the camera "
    "frame; in mm/s slip of feet that stand, and of those said to; in % feet "
    "that stand of which it is said, and feet said to that do; variance of "
    "shape; frames/s of the first pass"
  )
  there = None
  settings = [("single frames", 1, 0)] if trials.single_frames else []
  settings += [("tracks", 10, 0)]
  settings += [(f"tracks, warm {n}", 10, n) for n in trials.warm_trials]
  for name, search_every, warm in settings:
    config = making.VideoConfig(
      clip=str(path),
      output=OutputFolder(str(folder / f"{search_every}_{warm}")),
      search_every=search_every,
      warm_stages=warm,
      motion=trials.motion,
    )
    progress = FramesPerSecond()
    models = making.load(config, print)
    source, info = making.source_of_clip(config)
    made, _ = making.make(config, models, source, info, progress)
    tracks = made()
    frames, _, seconds = progress.passes["seeing people"]
    rate = frames / seconds
    found = scores.of_tracks(tracks, body_model, count)
    if search_every == 1:
      kept = Path(config.output.output_dir) / f"{path.stem}_frames"
      chunks = [c for i in range(count) if (c := read_chunk(kept, i))]
      single = scores.of_chunks(chunks, body_model, count)
      _row(name, scores.score(single, clip), rate)
      there = scores.where_found(single, clip)
      name = "tracks, all searched"
    _row(name, scores.score(found, clip), rate)
    if trials.known_statures:
      heights = _statures(clip, found, len(tracks), body_model)
      stated = dataclasses.replace(config, height_m=heights)
      made, _ = making.make(stated, models, source, info)
      known = scores.of_tracks(made(), body_model, count)
      _row("  statures known", scores.score(known, clip), None)
    if there is not None:
      _row("  where single frames are", scores.score(found, clip, there), None)
  return 0


if __name__ == "__main__":
  program.run(main)
