"""Videos and the files of Human3.6M, damaged."""

import functools
import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from hund_tf.datasets.human36m import cameras, files
from hund_tf.photos.video import VideoError, read_frames
from tests.datasets.human36m import fixture
from tests.fuzz.kind import ACCEPTED, Kind
from tests.fuzz.mutations import mutated

_FRAMES = 5
_CODES = {".mp4": "mp4v", ".avi": "MJPG"}


@functools.cache
def _videos() -> tuple[bytes, ...]:
  """Short clips by the codecs that OpenCV writes."""
  rng = np.random.default_rng(0)
  found = []
  with tempfile.TemporaryDirectory() as folder:
    for suffix, code in _CODES.items():
      path = str(Path(folder, f"clip{suffix}"))
      kind = cv2.VideoWriter_fourcc(*code)
      writer = cv2.VideoWriter(path, kind, 10.0, (96, 64))
      for _ in range(_FRAMES):
        small = rng.integers(0, 255, (4, 6, 3), np.uint8)
        writer.write(cv2.resize(small, (96, 64)))
      writer.release()
      found.append(Path(path).read_bytes())
  return tuple(found)


def _make_video(rng: np.random.Generator) -> bytes:
  return mutated(_videos()[rng.integers(len(_CODES))], rng)


def _read_video(path: Path) -> str:
  for number, image in read_frames(path):
    assert number >= 0 and image.dtype == np.uint8 and image.shape[2] == 3
    if number >= 4 * _FRAMES:  # the file may say that frames come again
      break
  return ACCEPTED


def _written(write: Callable[[Path], None]) -> Callable[[], bytes]:
  """The bytes of a file of the fixture, written once."""

  @functools.cache
  def read() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
      write(Path(folder))
      return next(
        p for p in Path(folder).rglob("*") if p.is_file()
      ).read_bytes()

  return read


def _write_pose(folder: Path) -> None:
  fixture.write_cdf(folder / "a.cdf", fixture.world_joints(3))


def _write_masks(folder: Path) -> None:
  boxes = [(3, 4, 10, 12), None, (5, 5, 20, 9)]
  fixture.write_masks(folder / "a.mat", boxes, (40, 30))


def _read_pose(path: Path) -> str:
  joints = files.read_pose(path, 3)
  assert joints.shape[1:] == (32, 3)
  return ACCEPTED


def _read_masks(path: Path) -> str:
  masks = files.BoxMasks(path)
  try:
    for frame in range(4):
      box = masks.box(frame)
      assert box is None or (np.isfinite(box).all() and box[2:].min() > 0)
  finally:
    masks.close()
  return ACCEPTED


def _read_cameras(path: Path) -> str:
  for camera in cameras.read_cameras(path).values():
    assert np.isfinite(camera.rotation).all()
  return ACCEPTED


def _kind(
  name: str, suffix: str, write: Callable[[Path], None], read, documented
) -> Kind:
  data = _written(write)
  return Kind(
    f"Human3.6M: {name}",
    *(150, 15, suffix),
    lambda rng: mutated(data(), rng),
    read,
    (documented,),
    100,
  )


KINDS = (
  Kind(
    "videos",
    *(500, 50, ".mp4"),
    _make_video,
    _read_video,
    (VideoError,),
    200,
  ),
  _kind("poses", ".cdf", _write_pose, _read_pose, files.DamagedInput),
  _kind("masks", ".mat", _write_masks, _read_masks, files.DamagedInput),
  _kind("cameras", ".xml", fixture.write_metadata, _read_cameras, ValueError),
)
