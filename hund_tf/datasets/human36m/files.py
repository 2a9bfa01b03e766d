"""Human3.6M's files: where they are, poses, masks and frames."""

import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import h5py
import numpy as np

from hund_tf.datasets.human36m import cdf_check
from hund_tf.datasets.human36m.cameras import PHOTO_SIZES
from hund_tf.extras import load_extra
from hund_tf.files import check_size, problem
from hund_tf.photos.loading import load_photo
from hund_tf.photos.video import VideoError, open_video

NUM_JOINTS = 32
MOST_FRAMES = 100_000  # of a take; the longest has about 6,400
_LARGEST_MB = 64.0  # of a file of poses; the largest have about 5
_MOST_PIXELS = 4_000_000  # of a mask

# Folders of a subject: as the archives unpack, and as h36m-fetch names them.
_FOLDERS: dict[str, tuple[str, str]] = {
  "D2_Positions": ("MyPoseFeatures/D2_Positions", "Poses_D2_Positions"),
  "D3_Positions": ("MyPoseFeatures/D3_Positions", "Poses_D3_Positions"),
  "D3_Positions_mono": (
    "MyPoseFeatures/D3_Positions_mono",
    "Poses_D3_Positions_mono",
  ),
  "ground_truth_bb": (
    "MySegmentsMat/ground_truth_bb",
    "Segments_mat_gt_bb",
  ),
}
_LAYOUT = (
  "expected S9/MyPoseFeatures/D3_Positions_mono/*.cdf (as the archives unpack) "
  "or extracted/S9/Poses_D3_Positions_mono/*.cdf (of h36m-fetch); D3_Positions "
  "in place of D3_Positions_mono will do"
)


class DamagedInput(ValueError):
  """An input that cannot be used.

  Attributes:
    reason: short, the same for all of its kind.
  """

  def __init__(self, reason: str, line: str):
    self.reason = reason
    super().__init__(" ".join(line.split()))

  def __reduce__(self):
    return type(self), (self.reason, str(self)), self.__dict__


def find_folder(subject_folder: Path, kind: str) -> Path | None:
  """The folder of a kind of file ("D2_Positions") in either layout, if any."""
  for name in _FOLDERS[kind]:
    if (subject_folder / name).is_dir():
      return subject_folder / name
  return None


def find_root(root: str | os.PathLike, subjects: tuple[str, ...]) -> Path:
  """The folder that holds the subjects' folders: `root` or its "extracted".

  Raises:
    ValueError: if neither holds poses of one of the subjects.
  """
  root = Path(root).expanduser()
  for folder in (root, root / "extracted"):
    for subject in subjects:
      if list_takes(folder / subject):
        return folder
  raise ValueError(
    f"{root}: holds no poses of Human3.6M's {', '.join(subjects)}; {_LAYOUT}"
  )


def find_metadata(root: str | os.PathLike) -> Path:
  """`metadata.xml` in the folder of the dataset or in its "Release-v1.2"."""
  root = Path(root).expanduser()
  nested = root / "Release-v1.2" / "metadata.xml"
  return nested if nested.is_file() else root / "metadata.xml"


def list_takes(subject_folder: Path) -> list[str]:
  """Names of a subject's takes, such as "Directions 1", sorted.

  Names that begin with "_" (recordings of all actions) are left out.
  """
  names = set()
  if folder := find_folder(subject_folder, "D3_Positions_mono"):
    names |= {path.stem.rpartition(".")[0] for path in folder.glob("*.cdf")}
  if folder := find_folder(subject_folder, "D3_Positions"):
    names |= {path.stem for path in folder.glob("*.cdf")}
  return sorted(name for name in names if name and name[0] not in "._")


def read_pose(path: Path, dimensions: int) -> np.ndarray:
  """The joints of a CDF file, float64 `[F, 32, dimensions]`, its units.

  Raises:
    DamagedInput: if the file is missing or not such a file.
  """
  remedy = f"expected a CDF file with Pose of shape (1, F, {32 * dimensions})"
  if not path.is_file():
    raise DamagedInput("missing pose file", f"{path}: does not exist; {remedy}")
  cdflib = load_extra("cdflib", "datasets")
  try:
    check_size(path, _LARGEST_MB)
    cdf_check.check(path)
    file = cdflib.CDF(path)
    said = file.varinq("Pose")
    values = math.prod(said.Dim_Sizes) * (said.Last_Rec + 1)
    if values > MOST_FRAMES * NUM_JOINTS * dimensions:
      raise ValueError(f"Pose is said to have {values:,} values")
    pose = np.asarray(file.varget("Pose"), np.float64)
  except Exception as error:  # the decoder of broken bytes raises any kind
    raise DamagedInput(
      "unreadable pose file",
      f"{path}: is truncated or damaged ({problem(error)}); {remedy}",
    ) from error
  columns = NUM_JOINTS * dimensions
  if pose.ndim not in (2, 3) or pose.shape[-1] != columns or not pose.size:
    raise DamagedInput(
      "unreadable pose file", f"{path}: Pose has shape {pose.shape}; {remedy}"
    )
  return pose.reshape(-1, NUM_JOINTS, dimensions)


class BoxMasks:
  """The `Masks` of a `ground_truth_bb` file: a filled box in each frame."""

  def __init__(self, path: Path):
    """Opens a file.

    Raises:
      DamagedInput: if it is not a MATLAB v7.3 file with `Masks`.
    """
    self._path = path
    try:
      self._file = h5py.File(path, "r")
      masks = self._file["Masks"]
      if masks.size > MOST_FRAMES:
        raise ValueError(f"it is said to have {masks.size:,} masks")
      self._references = np.ravel(masks[()])
    except Exception as error:  # h5py raises OSError, KeyError and others
      raise DamagedInput(
        "unreadable mask file",
        f"{path}: is truncated or damaged ({problem(error)}); expected a "
        "MATLAB v7.3 file with Masks",
      ) from error

  def box(self, frame: int) -> np.ndarray | None:
    """Box `[4]` left, top, width, height of a frame, pixels of the photo.

    None if the file has no mask of this frame, or an empty one.

    Raises:
      DamagedInput: if the mask cannot be read.
    """
    if frame >= len(self._references) or not self._references[frame]:
      return None
    try:
      stored = self._file[self._references[frame]]
      if stored.size > _MOST_PIXELS:
        raise ValueError(f"it is said to have {stored.size:,} pixels")
      mask = np.asarray(stored).T  # H, W
      rows = np.flatnonzero(mask.any(axis=1))
      columns = np.flatnonzero(mask.any(axis=0))
    except Exception as error:
      raise DamagedInput(
        "unreadable mask",
        f"{self._path}: the mask of frame {frame} cannot be read "
        f"({problem(error)}); expected a picture of 0 and 1",
      ) from error
    if not len(rows) or mask.dtype.kind not in "biuf":
      return None
    left, top = columns[0], rows[0]
    size = [columns[-1] + 1 - left, rows[-1] + 1 - top]
    return np.array([left, top, *size], np.float64)

  def close(self) -> None:
    self._file.close()


def _check_size(path: Path, image: np.ndarray, camera: str) -> np.ndarray:
  width, height = PHOTO_SIZES[camera]
  if image.shape[:2] != (height, width):
    raise DamagedInput(
      "photo of another size",
      f"{path}: {image.shape[1]} x {image.shape[0]} pixels, expected {width} "
      f"x {height} of camera {camera}",
    )
  return image


def video_frames(
  path: Path, camera: str, frames: Sequence[int]
) -> Iterator[np.ndarray | DamagedInput]:
  """Ascending frames of a video, which begins with that of the first pose.

  Yields:
    For each of `frames` the photo `[H, W, 3]` uint8 RGB, or why there is none.

  Raises:
    DamagedInput: if the video cannot be opened.
  """
  try:
    video = open_video(path)
  except VideoError as error:
    raise DamagedInput(
      "unreadable video",
      f"{path}: {error.problem}; expected a complete MP4 file",
    ) from error
  try:
    position, ended = 0, False  # of the next frame that the decoder gives
    for frame in frames:
      image = None
      while position <= frame and not ended:
        ended = not video.grab()
        position += not ended
      if position == frame + 1:
        image = video.retrieve()[1]
      if image is None:
        yield DamagedInput(
          "no such frame in the video",
          f"{path}: frame {frame} cannot be read after {position} frames; "
          "expected a frame for each pose",
        )
        continue
      try:
        yield _check_size(path, image, camera)[..., ::-1]
      except DamagedInput as error:
        yield error
  finally:
    video.release()


def _photo_path(folder: Path, subject: str, stem: str, frame: int) -> Path:
  """The extracted photo of a frame; as SPIN or as mmpose lays them out."""
  name = f"{subject}_{stem.replace(' ', '_')}"
  nested = folder / subject / name
  return (nested if nested.is_dir() else folder) / f"{name}_{frame + 1:06d}.jpg"


def extracted_frames(
  folder: Path, subject: str, stem: str, camera: str, frames: range
) -> Iterator[np.ndarray | DamagedInput]:
  """As `video_frames`, from photos S9_Directions_1.54138969_000001.jpg.

  Args:
    folder: the folder "images".
    subject: "S9".
    stem: name of the video without its suffix, "Directions 1.54138969".
    camera: "54138969".
    frames: numbers of the frames; the photo of frame i is number i + 1.
  """
  for frame in frames:
    path = _photo_path(folder, subject, stem, frame)
    try:
      yield _check_size(path, load_photo(path), camera)
    except DamagedInput as error:
      yield error
    except ValueError as error:
      yield DamagedInput("unreadable photo", str(error))
