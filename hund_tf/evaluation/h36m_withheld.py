"""The people in the videos of Human3.6M's withheld subjects."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from hund_tf.datasets.human36m import cameras, files
from hund_tf.evaluation.h36m_submission import SUBJECTS
from hund_tf.evaluation.photo_predictions import Sighting
from hund_tf.photos.video import open_video
from hund_tf.types import Intrinsics


class Video(NamedTuple):
  """A video of a withheld subject."""

  path: Path
  subject: str
  take: str
  camera: str
  frames: tuple[int, ...]  # that are looked at


def list_videos(root: str | os.PathLike, step: int = 1) -> list[Video]:
  """Videos S2/Videos/*.mp4 of a folder, and of S3, S4 and S10.

  Args:
    root: the folder; also of the layout extracted/S2/Videos.
    step: frames from one that is looked at to the next. The last frame of a
      video always is, since the length of the submission is known by it.

  Raises:
    ValueError: if there is no video, or no frame of one can be decoded.
  """
  root = Path(root).expanduser()
  videos = []
  for subject in SUBJECTS:
    for base in (root, root / "extracted"):
      for path in sorted((base / subject / "Videos").glob("*.mp4")):
        take, _, camera = path.stem.rpartition(".")
        if take[:1] != "_" and camera in cameras.PHOTO_SIZES:
          frames = _frames(path, step)
          videos.append(Video(path, subject, take, camera, frames))
  if not videos:
    raise ValueError(
      f"{root}: no videos of {', '.join(SUBJECTS)}; expected such as "
      "'S2/Videos/Directions 1.54138969.mp4'"
    )
  return videos


def _frames(path: Path, step: int) -> tuple[int, ...]:
  capture = open_video(path)
  count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
  capture.release()
  if not 0 < count <= files.MOST_FRAMES:
    raise ValueError(
      f"{path}: is said to have {count:,} frames; expected a complete MP4 file "
      f"of at most {files.MOST_FRAMES:,}"
    )
  return tuple(sorted({*range(0, count, step), count - 1}))


def sightings(
  root: str | os.PathLike, videos: list[Video]
) -> Iterator[Sighting]:
  """A person in each frame, in photos without the lens' distortion.

  Args:
    root: folder with `metadata.xml`, which has the cameras.
    videos: of `list_videos`.

  Raises:
    ValueError: if `metadata.xml` cannot be used.
  """
  metadata = files.find_metadata(root)
  known = cameras.read_cameras(metadata)
  for video in videos:
    camera = known[video.subject, video.camera]
    intrinsics = Intrinsics(
      camera.focal.astype(np.float32), camera.center.astype(np.float32)
    )
    maps = cameras.undistortion_maps(camera)
    images = files.video_frames(video.path, video.camera, video.frames)
    for frame, image in zip(video.frames, images, strict=True):
      key = f"{video.subject}/{video.take}/{video.camera}/{frame:06d}"
      if isinstance(image, files.DamagedInput):
        yield Sighting(key, None, intrinsics, problem=str(image))
        continue
      image = cv2.remap(image, *maps, interpolation=cv2.INTER_CUBIC)
      yield Sighting(key, image, intrinsics)
