"""People as they were seen in single frames, and the files that hold them.

A video is done in chunks of frames; what is seen in a chunk is one file, so a
run that is stopped goes on after the last whole chunk.
"""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hund_tf import files, npz_arrays
from hund_tf.types import (
  MAP_SIZE,
  NUM_JOINTS,
  NUM_KEYPOINTS,
  STATE_SIZE,
)

LOOKS_SIZE = 2 * 64  # numbers that tell people apart by their clothes
COLORS_SIZE = 64  # numbers that tell frames apart


class People(NamedTuple):
  """N people in frames, or one without the first axis; float32 but as said."""

  box: np.ndarray  # [N, 4] left, top, width, height, pixels
  score: np.ndarray  # [N] in [0, 1]
  keypoints: np.ndarray  # [N, 137, 3] x, y (pixels), confidence in [0, 1]
  landmarks_3d: np.ndarray  # [N, 137, 4] as of `Detection`
  mask: np.ndarray  # [N, 60, 60] uint8, 255 where the person is in the crop
  crop_box: np.ndarray  # [N, 4] square, pixels
  looks: np.ndarray  # [N, 128] colours of the upper and of the lower body
  last: np.ndarray  # [N, 204] s_M
  polished: np.ndarray  # [N, 204] s_M fitted to what is seen, if that is done
  state: np.ndarray  # [N, 204] the same with hands and face put on
  quality: np.ndarray  # [N] in [0, 1]; NaN: not known
  uncertainty: np.ndarray  # [N, 63] mm; NaN: not known

  def row(self, index: int | np.ndarray) -> "People":
    """One of them, or some."""
    return People(*(field[index] for field in self))


# Of each field, without the first axis; in the order of the fields.
_SHAPES: dict[str, tuple[int, ...]] = {
  "box": (4,),
  "score": (),
  "keypoints": (NUM_KEYPOINTS, 3),
  "landmarks_3d": (NUM_KEYPOINTS, 4),
  "mask": (MAP_SIZE, MAP_SIZE),
  "crop_box": (4,),
  "looks": (LOOKS_SIZE,),
  "last": (STATE_SIZE,),
  "polished": (STATE_SIZE,),
  "state": (STATE_SIZE,),
  "quality": (),
  "uncertainty": (NUM_JOINTS,),
}


class Chunk(NamedTuple):
  """What is seen in F consecutive frames, N people in all."""

  numbers: np.ndarray  # [F] int32 of the frames
  seconds: np.ndarray  # [F] float64 since the first frame of the video
  colors: np.ndarray  # [F, 64] histogram of each frame
  owners: np.ndarray  # [N] int32 the row of each one's frame, not falling
  people: People

  def of_frame(self, row: int) -> np.ndarray:
    """Rows of the people of a frame."""
    return np.flatnonzero(self.owners == row)


def stacked(people: list[People]) -> People:
  """People with a first axis."""
  if people:
    return People(*(np.stack(field) for field in zip(*people, strict=True)))
  empty = (np.zeros((0, *shape), np.float32) for shape in _SHAPES.values())
  return People(*empty)._replace(
    mask=np.zeros((0, MAP_SIZE, MAP_SIZE), np.uint8)
  )


def _path(folder: Path, index: int) -> Path:
  return folder / f"{index:06d}.npz"


def write_chunk(folder: Path, index: int, chunk: Chunk) -> None:
  """Writes a chunk, atomically.

  Raises:
    OutputError: if it cannot be written.
  """
  arrays = chunk._asdict() | chunk.people._asdict()
  del arrays["people"]
  files.write_npz(_path(folder, index), arrays)


def read_chunk(folder: str | os.PathLike, index: int) -> Chunk | None:
  """Reads a chunk; None if it is not there, or not whole."""
  names = {*People._fields, *Chunk._fields} - {"people"}
  try:
    arrays = npz_arrays.read(
      _path(Path(folder), index),
      types=npz_arrays.NUMBERS,
      names=names,
      only_finite=False,
    )
  except (OSError, ValueError):
    return None
  if arrays.keys() != names:
    return None
  people = People(**{name: arrays.pop(name) for name in People._fields})
  chunk = Chunk(**arrays, people=people)
  return chunk if _is_whole(chunk) else None


def _is_whole(chunk: Chunk) -> bool:
  """Whether all arrays have the shapes that they must have."""
  count, frames = len(chunk.owners), len(chunk.numbers)
  right = (
    f.shape == (count, *s)
    for f, s in zip(chunk.people, _SHAPES.values(), strict=True)
  )
  return (
    chunk.seconds.shape == (frames,)
    and chunk.colors.shape == (frames, COLORS_SIZE)
    and all(right)
    and bool(np.all((chunk.owners >= 0) & (chunk.owners < frames)))
  )
