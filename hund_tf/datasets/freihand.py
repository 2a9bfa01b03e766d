"""FreiHAND: right hands in 3D, with their cameras.

C. Zimmermann et al., "FreiHAND: A Dataset for Markerless Capture of Hand Pose
and Shape from Single RGB Images", ICCV 2019. `training_K.json` has a camera
matrix [3, 3] for each sample, `training_xyz.json` its 21 joints [21, 3], metres
in the camera frame, in our order: the wrist, then thumb to little finger, tips
last. Photos are `training/rgb/00000000.jpg` and so on, 224 pixels wide: of n
samples the photo of number i + n v shows sample i in its v-th version. The
evaluation's photos have one version, and the first release has no joints of
them. The fitted MANO parameters and the length of a bone (`*_mano.json`,
`*_scale.json`) are not read.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hund_tf import files
from hund_tf.datasets import annotated_photos, hand_records
from hund_tf.datasets.source import Skipped, WorkItem
from hund_tf.records import regions
from hund_tf.records.schema import PersonRecord

# How the green background was replaced, in the order of the photos.
VERSIONS = ("gs", "hom", "sample", "auto")
_ENDING = "_K.json"
_TRAINING = "training"
_EXPECTED = f"expected FreiHAND's {_TRAINING}{_ENDING} or evaluation{_ENDING}"


def _read(path: Path) -> list:
  try:
    content = annotated_photos.read_json(path)
  except (OSError, ValueError) as error:
    raise ValueError(
      f"{path}: cannot be read ({files.problem(error)}); {_EXPECTED}, with "
      "the joints in *_xyz.json beside it"
    ) from error
  if not isinstance(content, list):
    raise ValueError(f"{path}: is no list of samples; {_EXPECTED}")
  return content


@dataclass(frozen=True)
class FreiHand:
  """FreiHAND: one record for each photo, of a right hand."""

  annotations: str  # training_K.json or evaluation_K.json
  photo_dir: str  # folder of the photos
  name: str = "freihand"
  only_present: bool = False  # leave out photos that are not in the folder
  margin: float = regions.DEFAULT_MARGIN  # region's side over the box's
  max_side: int = regions.DEFAULT_MAX_SIDE  # of the stored region, pixels

  @property
  def more_files(self) -> tuple[Path, ...]:
    """The file of joints, beside that of cameras."""
    path = Path(self.annotations)
    return (path.with_name(path.name.removesuffix(_ENDING) + "_xyz.json"),)

  def items(self) -> list[WorkItem]:
    """The photos, version by version.

    Raises:
      ValueError: if the annotation files cannot be used or do not fit together.
    """
    path = Path(self.annotations)
    if not path.name.endswith(_ENDING):
      raise ValueError(f"{path}: {_EXPECTED}")
    split = path.name.removesuffix(_ENDING)
    cameras = _read(path)
    joints: list = [None] * len(cameras)
    (of_joints,) = self.more_files
    if split == _TRAINING or of_joints.exists():
      joints = _read(of_joints)
    if len(joints) != len(cameras):
      raise ValueError(
        f"{of_joints}: has {len(joints)} samples and {path.name} has "
        f"{len(cameras)}; expected the files of one release"
      )
    versions = VERSIONS if split == _TRAINING else ("",)
    items = [
      WorkItem(
        f"{len(cameras) * number + i:08d}.jpg", (camera, joints[i], version)
      )
      for number, version in enumerate(versions)
      for i, camera in enumerate(cameras)
    ]
    if self.only_present:
      return annotated_photos.existing(items, self.photo_dir)
    return items

  def convert(self, item: WorkItem) -> Iterator[PersonRecord | Skipped]:
    """The hand of a photo."""
    path = Path(self.photo_dir) / item.key
    image = annotated_photos.open_photo(item.key, path)
    if isinstance(image, Skipped):
      yield image
      return
    try:
      yield self._record(item, image)
    except (ValueError, TypeError, OverflowError) as error:
      problem = f"{item.key}: {files.problem(error)}"
      yield Skipped(item.key, "damaged annotation", problem, damaged=True)

  def _record(self, item: WorkItem, image: np.ndarray) -> PersonRecord:
    camera, xyz, version = item.payload
    matrix = hand_records.numbers("K", camera, 3, 3)
    intrinsics = matrix[[0, 1, 0, 1], [0, 1, 2, 2]]
    record = PersonRecord(
      key=Path(item.key).stem, dataset=self.name, sequence=version
    )
    if xyz is None:
      height, width = image.shape[:2]
      record = record._replace(
        box=np.array([0, 0, width, height], np.float32),
        intrinsics=intrinsics.astype(np.float32),
        intrinsics_weight=1.0,
      )
      return annotated_photos.with_region(
        record, image, self.margin, self.max_side
      )
    joints, known = np.zeros((42, 3)), np.zeros(42, bool)
    joints[hand_records.RIGHT] = hand_records.numbers("xyz", xyz, 21, 3)
    known[hand_records.RIGHT] = True
    return hand_records.hand_record(
      record, joints, known, intrinsics, image, self.margin, self.max_side
    )
