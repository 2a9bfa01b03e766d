"""Human3.6M as person records.

Photos are stored without lens distortion: a pinhole camera then holds exactly,
and 2D keypoints are its projections of the 3D joints. See
`human36m_cameras.project` for the dataset's own, distorted 2D positions, with
which the joints of every take are compared.
"""

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, NamedTuple

import cv2
import numpy as np

from hund_tf.body import keypoints as keypoint_names
from hund_tf.data.datasets import human36m_actions as actions
from hund_tf.data.datasets import human36m_cameras as cameras
from hund_tf.data.datasets import human36m_files as files
from hund_tf.data.datasets import joint_sets
from hund_tf.data.datasets.human36m_cameras import Camera
from hund_tf.data.datasets.human36m_files import DamagedInput
from hund_tf.data.datasets.region_fields import region_fields
from hund_tf.data.datasets.source import Skipped, WorkItem
from hund_tf.data.records.regions import (
  DEFAULT_MARGIN,
  DEFAULT_MAX_SIDE,
  Region,
  person_region,
)
from hund_tf.data.records.schema import PersonRecord
from hund_tf.types import NUM_KEYPOINTS

_SPLITS = {"train": actions.TRAIN_SUBJECTS, "test": actions.TEST_SUBJECTS}
_MAX_DISAGREEMENT = 1.0  # pixels between 3D and 2D; both are of one origin
_JOINTS_TO_BOX = 1.2  # the outline of a person goes beyond the joints
_KEYPOINTS = tuple(
  f"{side}_{name}"
  for side in "lr"
  for name in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
)
_MIDPOINTS = {"neck": "shoulder", "mid_hip": "hip"}


class _Take(NamedTuple):
  """What is known of a take in one camera."""

  joints: np.ndarray  # [F, 17, 3] metres, camera frame
  camera: Camera
  masks: files.BoxMasks | None


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
  for name, part in _MIDPOINTS.items():
    points[name] = 0.5 * (rows[f"l_{part}"] + rows[f"r_{part}"])
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
    correct_shift: put the joints of three takes of S9 right.
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
    cameras.read_cameras(self._metadata())
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
        data = self._read(Path(root) / subject, subject, take, camera)
        if data.masks is not None:
          stack.callback(data.masks.close)
        yield from self._records(item, data)
    except DamagedInput as error:
      yield Skipped(item.key, error.reason, str(error), damaged=True)

  def _metadata(self) -> Path:
    return Path(self.root).expanduser() / "metadata.xml"

  def _read(
    self, folder: Path, subject: str, take: str, camera_name: str
  ) -> _Take:
    """Joints, camera and masks; raises DamagedInput."""
    try:
      camera = cameras.read_cameras(self._metadata())[subject, camera_name]
    except ValueError as error:
      raise DamagedInput("unreadable cameras", str(error)) from error
    stem = f"{take}.{camera_name}"
    if mono := files.find_folder(folder, "D3_Positions_mono"):
      joints = files.read_pose(mono / f"{stem}.cdf", 3) / 1000.0
    else:
      world = files.find_folder(folder, "D3_Positions") / f"{take}.cdf"
      joints = files.read_pose(world, 3) / 1000.0
      joints = cameras.world_to_camera(joints, camera)
    if positions := files.find_folder(folder, "D2_Positions"):
      path = positions / f"{stem}.cdf"
      _compare(joints, files.read_pose(path, 2), camera, path)
    if self.correct_shift:
      shift = actions.world_correction(subject, take)
      joints = joints + camera.rotation @ np.array(shift)
    masks = files.find_folder(folder, "ground_truth_bb")
    mask_path = masks / f"{stem}.mat" if masks else None
    has_masks = mask_path is not None and mask_path.is_file()
    return _Take(
      joints=joints[:, list(joint_sets.H36M_32_TO_H36M_17)],
      camera=camera,
      masks=files.BoxMasks(mask_path) if has_masks else None,
    )

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
    self, item: WorkItem, data: _Take
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
    data: _Take,
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
    box = _box(frame, data)
    if photo is None:
      size = np.array(camera.size, np.float32)
      region = Region(b"", size, np.array([0, 0, *size], np.float32))
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


def _compare(
  joints: np.ndarray, annotated: np.ndarray, camera: Camera, path: Path
) -> None:
  """Raises DamagedInput unless 3D joints project to the 2D positions."""
  if len(joints) != len(annotated):
    raise DamagedInput(
      "2D and 3D disagree",
      f"{path}: has {len(annotated)} frames, expected {len(joints)} as the 3D "
      "joints have",
    )
  with np.errstate(divide="ignore", invalid="ignore"):
    error = np.abs(cameras.project(joints, camera) - annotated)
  worst = np.max(np.where(np.isfinite(error), error, 0.0), initial=0.0)
  if worst > _MAX_DISAGREEMENT:
    raise DamagedInput(
      "2D and 3D disagree",
      f"{path}: the 3D joints project up to {worst:.1f} pixels away, expected "
      f"at most {_MAX_DISAGREEMENT:g}; files or cameras of different takes",
    )


def _box(frame: int, data: _Take) -> np.ndarray:
  """Box `[4]` of the person in the undistorted photo, clipped to it.

  From the mask; where there is none, around the joints and somewhat larger.
  Raises DamagedInput if the person is outside the photo.
  """
  box = data.masks.box(frame) if data.masks else None
  if box is not None:
    low, high = box[:2], box[:2] + box[2:]
    share = np.linspace(0.0, 1.0, 5)  # the edges of the box become curves
    grid = np.stack(np.meshgrid(share, share), axis=-1).reshape(-1, 2)
    outline = low + grid * (high - low)
    points = cameras.undistort_pixels(outline, data.camera)
    scale = 1.0
  else:
    points = cameras.project_pinhole(data.joints[frame], data.camera)
    scale = _JOINTS_TO_BOX
  low, high = points.min(axis=0), points.max(axis=0)
  center, half = 0.5 * (low + high), 0.5 * scale * (high - low)
  low = np.maximum(center - half, 0.0)
  high = np.minimum(center + half, data.camera.size)
  if np.any(high - low < 1.0):
    raise DamagedInput(
      "person outside the photo", "expected a person within the photo"
    )
  return np.concatenate([low, high - low])
