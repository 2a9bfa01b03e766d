"""Videos for a page, and what reconstructs them without networks."""

from pathlib import Path

from hund_tf.demo.films import Filmer
from hund_tf.video.making import Models
from hund_tf.video.writing import video_writer
from tests.video import made


class _Holder:
  """Leaves states as they are, but for the shape."""

  def __call__(self, people, shapes, intrinsics):
    del intrinsics
    states = people.polished.copy()
    states[:, 159:175] = shapes
    return states


def filmer(body_model, most_s: float) -> Filmer:
  """A filmer that finds the squares of `made.frame`."""
  models = Models(body_model, made.Detector(), made.Fitter(), _Holder())
  return Filmer(most_s, lambda config, warn: models)


def clip(path: Path, count: int, people=((0, 60, 30),)) -> Path:
  """Writes a video of so many frames, 30 a second, of somebody who goes."""
  with video_writer(path, 30.0) as writer:
    for i in range(count):
      moved = [(color, x + i, y) for color, x, y in people]
      writer.add(made.frame(i, moved).image)
  return path
