"""Human3.6M as person records.

Photos are stored without lens distortion: a pinhole camera then holds exactly,
and 2D keypoints are its projections of the 3D joints. See
`human36m.cameras.project` for the dataset's own, distorted 2D positions, with
which the joints of every take are compared.
"""

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np

from hund_tf.body import joint_sets
from hund_tf.body import keypoints as keypoint_names
from hund_tf.datasets.human36m import actions, cameras, files
from hund_tf.datasets.human36m.cameras import Camera
from hund_tf.datasets.human36m.files import DamagedInput
from hund_tf.datasets.human36m.takes import Take, person_box, read_take
from hund_tf.datasets.region_fields import region_fields
from hund_tf.datasets.source import Skipped, WorkItem
from hund_tf.records.regions import (
  DEFAULT_MARGIN,
  DEFAULT_MAX_SIDE,
  Region,
  person_region,
)
from hund_tf.records.schema import PersonRecord
from hund_tf.types import NUM_KEYPOINTS

_SPLITS = {"train": actions.TRAIN_SUBJECTS, "test": actions.TEST_SUBJECTS}
_KEYPOINTS = tuple(
  f"{side}_{name}"
  for side in "lr"
  for name in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
)


def joints_to_keypoints(joints: np.ndarray, camera: Camera) -> np.ndarray:
  """The 137 keypoints of 17 joints, by a pinhole camera.

  Shoulders, elbows, wrists, hips, knees and ankles are known; neck and mid hip
  are the middle of the shoulders and of the hips, as BODY_25 means them. Jaw,
  head top and spine have no keypoint.

  Args:
    joints: `[17, 3]` metres, camera frame.
    camera: of the photo.

  Returns:
    `[137, 3]` x, y (pixels of the undistorted photo) and weight, 1 or 0.
  """
  rows = {n: joints[i] for i, n in enumerate(joint_sets.H36M_17)}
  points = {name: rows[name] for name in _KEYPOINTS}
  for name, (left, right) in keypoint_names.MIDPOINTS.items():
    points[name] = 0.5 * (rows[left] + rows[right])
  result = np.zeros((NUM_KEYPOINTS, 3))
  for name, point in points.items():
    pixels = cameras.project_pinhole(point, camera)
    result[keypoint_names.INDEX[name]] = [*pixels, 1.0]
  return result


@dataclasses.dataclass(frozen=True)
class Human36M:
  """Human3.6M on disk; a `DatasetSource`.

  Attributes:
    root: folder of the dataset, in either layout, with `metadata.xml`.
    split: "train" (S1, S5, S6, S7, S8) or "test" (S9, S11: protocols 1, 2).
    subjects: others than those of the split; empty: those.
    frame_step: every how many frames one is kept; 5 of 50 per second are usual.
    image_margin: side of the stored square over the longer side of the box.
    max_side: the largest side of a stored image, pixels.
    with_images: False: records without image, in pixels of the whole photo.
    correct_shift: put the joints and boxes of three takes of S9 right.
  """

  name: ClassVar[str] = "h36m"
  root: str | Path
  split: str = "train"
  subjects: tuple[str, ...] = ()
  frame_step: int = 5
  image_margin: float = DEFAULT_MARGIN
  max_side: int = DEFAULT_MAX_SIDE
  with_images: bool = True
  correct_shift: bool = True

  def __post_init__(self):
    if self.split not in _SPLITS:
      raise ValueError(f"split {self.split!r}: expected one of train, test")
    if self.frame_step < 1:
      raise ValueError(f"frame_step {self.frame_step}: expected 1 or more")
    known = {f"S{number}" for number in range(1, 12)}
    for subject in self.subjects:
      if subject not in known:
        raise ValueError(f"subject {subject!r}: expected one of S1 to S11")

  def items(self) -> list[WorkItem]:
    """One for each take and camera; see `DatasetSource`."""
    subjects = self.subjects or _SPLITS[self.split]
    root = files.find_root(self.root, subjects)
    cameras.read_cameras(files.find_metadata(self.root))
    found = []
    for subject in subjects:
      takes = files.list_takes(root / subject)
      for take in takes:
        for camera in cameras.PHOTO_SIZES:
          payload = (str(root), subject, take, camera)
          found.append(WorkItem("/".join(payload[1:]), payload))
      if not takes:  # a work item, so that it is named and counted
        found.append(WorkItem(subject, (str(root), subject, "", "")))
    return found

  def convert(self, item: WorkItem) -> Iterator[PersonRecord | Skipped]:
    """The records of a take in one camera; see `DatasetSource`."""
    root, subject, take, camera = item.payload
    if not take:
      problem = f"{root}/{subject}: holds no poses; expected files *.cdf"
      yield Skipped(item.key, "missing subject", problem, damaged=True)
      return
    if actions.has_damaged_video(subject, take, camera):
      problem = f"{item.key}: the dataset's own video is damaged"
      yield Skipped(item.key, "video released damaged", problem, damaged=False)
      return
    try:
      with contextlib.ExitStack() as stack:
        data = read_take(
          Path(root),
          files.find_metadata(self.root),
          *item.payload[1:],
          self.correct_shift,
        )
        if data.masks is not None:
          stack.callback(data.masks.close)
        yield from self._records(item, data)
    except DamagedInput as error:
      yield Skipped(item.key, error.reason, str(error), damaged=True)

  def _photos(
    self, item: WorkItem, frames: range
  ) -> Iterator[np.ndarray | DamagedInput | None]:
    """The photos of frames, distorted; None where none are asked for."""
    root, subject, take, camera = item.payload
    stem = f"{take}.{camera}"
    video = Path(root) / subject / "Videos" / f"{stem}.mp4"
    images = Path(self.root).expanduser() / "images"
    if not self.with_images:
      return iter([None] * len(frames))
    if video.is_file():
      return files.video_frames(video, camera, frames)
    if images.is_dir():
      return files.extracted_frames(images, subject, stem, camera, frames)
    raise DamagedInput(
      "missing video",
      f"{video}: does not exist; expected the video, or extracted photos in "
      f"{images}",
    )

  def _records(
    self, item: WorkItem, data: Take
  ) -> Iterator[PersonRecord | Skipped]:
    frames = range(0, len(data.joints), self.frame_step)
    maps = cameras.undistortion_maps(data.camera) if self.with_images else None
    photos = self._photos(item, frames)
    for frame, photo in zip(frames, photos, strict=True):
      key = f"{item.key}/{frame:06d}"
      try:
        if isinstance(photo, DamagedInput):
          raise photo
        if photo is not None:
          photo = cv2.remap(photo, *maps, interpolation=cv2.INTER_CUBIC)
        yield self._record(key, item, frame, photo, data)
      except DamagedInput as error:
        problem = f"{key}: {error}"
        yield Skipped(key, error.reason, problem, damaged=True)

  def _record(
    self,
    key: str,
    item: WorkItem,
    frame: int,
    photo: np.ndarray | None,
    data: Take,
  ) -> PersonRecord:
    """The record of a frame; raises DamagedInput."""
    _, subject, take, camera_name = item.payload
    joints, camera = data.joints[frame], data.camera
    if not np.isfinite(joints).all() or joints[:, 2].min() <= 0:
      raise DamagedInput(
        "unusable joints",
        "joints are not finite or behind the camera; expected a whole pose",
      )
    points = joints_to_keypoints(joints, camera)
    box = person_box(frame, data)
    if photo is None:
      size = np.array(camera.size, np.float32)
      region = Region(b"", size, np.array([0, 0, *size], np.float32), size)
    else:
      region = person_region(photo, box, self.image_margin, self.max_side)
    intrinsics = np.concatenate([camera.focal, camera.center])
    return PersonRecord(
      key=key,
      dataset=self.name,
      subject=subject,
      sequence=actions.action(take),
      camera=camera_name,
      frame=frame,
      joint_set="h36m_17",
      joints=joints.astype(np.float32),
      joint_weights=np.ones(len(joints), np.float32),
      **region_fields(region, intrinsics, box, points),
    )
