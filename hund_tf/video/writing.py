"""Results of a video: pictures in motion, arrays, and lines of JSON."""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np

import hund_tf
from hund_tf import files
from hund_tf.body import measures, skeleton
from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.export.report_numbers import (
  LATENT,
  METRES,
  PIXEL,
  rotation_vectors,
  rounded,
)
from hund_tf.export.rig import Keys, RiggedPerson
from hund_tf.files import OutputError
from hund_tf.geometry import camera, rotation
from hund_tf.types import Intrinsics
from hund_tf.video.pictures import color_of
from hund_tf.video.tracks import Track, posed

SCHEMA = "hund_tf.video"
VERSION = "1.0"
_TOGETHER = 64
_LEAST_FPS = 1.0
_BROWSERS = ".webm"  # is shown by all of them


class VideoWriter:
  """Writes frames of one size."""

  def __init__(self, path: Path, fps: float):
    self._path, self._fps = path, max(fps, _LEAST_FPS)
    self._writer: cv2.VideoWriter | None = None

  def add(self, image: np.ndarray) -> None:
    """Adds a frame `[H, W, 3]` uint8 RGB.

    Raises:
      OutputError: if there is no encoder, or no room.
    """
    # Encoders want even sides.
    height, width = (n - n % 2 for n in image.shape[:2])
    if self._writer is None:
      name = "VP80" if self._path.suffix == _BROWSERS else "mp4v"
      code = cv2.VideoWriter.fourcc(*name)
      size = (width, height)
      self._writer = cv2.VideoWriter(str(self._path), code, self._fps, size)
      if not self._writer.isOpened():
        raise OutputError(
          self._path,
          "OpenCV cannot write this video",
          "give a folder with room, or leave the videos out of --save",
        )
    self._writer.write(np.ascontiguousarray(image[:height, :width, ::-1]))

  def close(self) -> None:
    """Ends the file."""
    if self._writer is not None:
      self._writer.release()


@contextmanager
def video_writer(path: str | os.PathLike, fps: float) -> Iterator[VideoWriter]:
  """Writes a video, atomically: WebM if it is called so, or else MPEG-4.

  Raises:
    OutputError: if it cannot be written, or no frame was.
  """
  with files.atomic_path(path) as temporary:
    writer = VideoWriter(temporary, fps)
    try:
      yield writer
    finally:
      writer.close()


class PacedWriter:
  """Writes frames that come now and then at an even rate: by repeating them."""

  def __init__(self, writer: VideoWriter, fps: float):
    """Keeps the writer, whose frames are so many a second."""
    self._writer, self._fps = writer, fps
    self._last: np.ndarray | None = None
    self._written = 0

  def add(self, image: np.ndarray, seconds: float) -> None:
    """Adds a frame `[H, W, 3]` of a time since the first one."""
    if self._last is not None:
      for _ in range(self._written, round(seconds * self._fps)):
        self._writer.add(self._last)
        self._written += 1
    self._last = image

  def close(self) -> None:
    """Adds the last frame."""
    if self._last is not None:
      self._writer.add(self._last)


def write_track(
  path: str | os.PathLike,
  track: Track,
  body_model: BodyModel,
  intrinsics: Intrinsics,
) -> None:
  """Writes everything of one person as arrays: `docs/guide/video.md`.

  Raises:
    OutputError: if the file cannot be written.
  """
  parts = []
  for begin in range(0, len(track.frames), _TOGETHER):
    rows = slice(begin, begin + _TOGETHER)
    body = posed(body_model, track, rows, "proxy_1500")
    latents = body_model.encode_pose(
      tf.constant(track.rotations[rows], tf.float32)
    )
    root = rotation.to_6d(tf.constant(track.rotations[rows, 0], tf.float32))
    pixels = camera.project(tf.constant(body.keypoints), intrinsics)
    parts.append(
      (body.joints, body.keypoints, pixels.numpy(), root.numpy())
      + tuple(x.numpy() for x in latents)
    )
  columns = [np.concatenate(c) for c in zip(*parts, strict=True)]
  joints, keypoints, pixels, root, body_pose, left_hand, right_hand = columns
  single = np.float32
  files.write_npz(
    path,
    {
      "id": np.int32(track.id),
      "frames": track.frames.astype(np.int32),
      "seconds": track.seconds,
      "observed": track.observed,
      "pieces": track.pieces.astype(np.int32),
      "boxes": track.boxes.astype(single),
      "quality": track.quality.astype(single),
      "uncertainty": track.uncertainty.astype(single),
      "contacts": track.contacts,
      "rotations": track.rotations.astype(single),
      "translation": track.translation.astype(single),
      "joints": joints,
      "keypoints": keypoints,
      "keypoints_2d": pixels,
      "body_pose": body_pose,
      "left_hand": left_hand,
      "right_hand": right_hand,
      "shape": track.shape.astype(single),
      "expression": track.expression.astype(single),
      "root_rotation_6d": root,
      "height_m": height_of(track, body_model),
      "focal": np.asarray(intrinsics.focal, single),
      "center": np.asarray(intrinsics.center, single),
      "joint_names": np.array(skeleton.NAMES),
      "joint_parents": np.array(skeleton.PARENTS, np.int32),
    },
  )


def rigged_person(track: Track) -> RiggedPerson:
  """A person in motion, for animated files; times are those of the video."""
  keys = Keys(
    track.seconds, track.rotations, track.translation, track.expression
  )
  return RiggedPerson(
    track.shape[-1],
    track.expression[0],
    track.rotations[0],
    track.translation[0],
    keys,
    f"person_{track.id}",
    color_of(track.id),
  )


def height_of(track: Track, body_model: BodyModel) -> np.float32:
  """Stature of a person, metres."""
  return np.float32(measures.stature(body_model, track.shape[-1:])[0])


def write_lines(
  path: str | os.PathLike,
  frames: Sequence[int],
  seconds: Sequence[float],
  tracks: Sequence[Track],
  body_model: BodyModel,
) -> None:
  """Writes a line of JSON for each frame: `docs/guide/video.md`.

  Raises:
    OutputError: if the file cannot be written.
  """
  rows = [{int(f): i for i, f in enumerate(t.frames)} for t in tracks]
  with files.atomic_path(path) as temporary:
    with temporary.open("w", encoding="utf-8") as file:
      for begin in range(0, len(frames), _TOGETHER):
        some = frames[begin : begin + _TOGETHER]
        joints = [
          _joints_of(t, [r[f] for f in some if f in r], body_model)
          for t, r in zip(tracks, rows, strict=True)
        ]
        for frame, time in zip(some, seconds[begin:], strict=False):
          people = [
            person_numbers(track, row[frame], at[row[frame]])
            for track, row, at in zip(tracks, rows, joints, strict=True)
            if frame in row
          ]
          file.write(line_of(frame, time, people) + "\n")


def line_of(
  frame: int, seconds: float, people: Sequence[dict[str, Any]]
) -> str:
  """A frame as a line of JSON."""
  line = {"frame": frame, "seconds": round(seconds, 6), "people": people}
  return json.dumps(line, allow_nan=False)


def _joints_of(
  track: Track, rows: list[int], body_model: BodyModel
) -> dict[int, np.ndarray]:
  """Joints `[63, 3]` of some frames of a track."""
  if not rows:
    return {}
  body = posed(body_model, track, np.array(rows), "proxy_1500")
  return dict(zip(rows, body.joints, strict=True))


def person_numbers(
  track: Track, row: int, joints: np.ndarray
) -> dict[str, Any]:
  """What JSON says of a person in a frame, whose joints `[63, 3]` are known."""
  found: dict[str, Any] = {
    "id": track.id,
    "observed": bool(track.observed[row]),
    "translation": rounded(track.translation[row], METRES),
    "rotation_vectors": rotation_vectors(track.rotations[row]),
    "joints": rounded(joints, METRES),
    "feet_on_ground": [bool(x) for x in track.contacts[row]],
  }
  if track.observed[row]:
    found["box"] = rounded(track.boxes[row], PIXEL)
  if np.isfinite(track.quality[row]):
    found["quality"] = round(float(track.quality[row]), 4)
  return found


def write_summary(
  path: str | os.PathLike,
  facts: dict[str, Any],
  tracks: Sequence[Track],
  body_model: BodyModel,
) -> None:
  """Writes what is true of the whole video, and of each person.

  Raises:
    OutputError: if the file cannot be written.
  """
  people = [
    {
      "id": track.id,
      "frames": int(track.observed.sum()),
      "filled_in": int((~track.observed).sum()),
      "first_frame": int(track.frames[0]),
      "last_frame": int(track.frames[-1]),
      "height_m": round(float(height_of(track, body_model)), METRES),
      "shape": rounded(track.shape[-1], LATENT),
    }
    for track in tracks
  ]
  head = {
    "schema": SCHEMA,
    "schema_version": VERSION,
    "software": {"name": "hund_tf", "version": hund_tf.__version__},
  }
  joints = {
    "joint_names": list(skeleton.NAMES),
    "joint_parents": list(skeleton.PARENTS),
  }
  files.write_json(path, head | facts | {"people": people} | joints)
