"""InterHand2.6M: one or both hands in 3D, with their cameras.

G. Moon et al., "InterHand2.6M: A Dataset and Baseline for 3D Interacting Hand
Pose Estimation from a Single RGB Image", ECCV 2020. Three files of a split:

    InterHand2.6M_train_data.json      COCO's form: images (capture, subject,
      seq_name, camera, frame_idx), annotations (bbox, joint_valid, hand_type)
    InterHand2.6M_train_camera.json    by capture: campos, camrot, focal and
      princpt, each by camera; millimetres and pixels
    InterHand2.6M_train_joint_3d.json  by capture and frame: 42 joints in the
      world, millimetres, or an object that has them as world_coord

The right hand comes first; each begins with the tip of the thumb and ends with
the wrist. A point x of the world is camrot (x - campos) in the camera frame.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hund_tf import files
from hund_tf.datasets import annotated_photos, coco, hand_records
from hund_tf.datasets.source import Skipped, WorkItem
from hund_tf.records import regions
from hund_tf.records.schema import PersonRecord

_ENDING = "_data.json"
# Rows of a hand in our order: the wrist, then each finger from its root on.
_HAND = [20] + [4 * finger + k for finger in range(5) for k in (3, 2, 1, 0)]
ROWS = np.array([21 + row for row in _HAND] + _HAND)  # left, then right
_HANDS = {
  "left": (hand_records.LEFT,),
  "right": (hand_records.RIGHT,),
  "interacting": (hand_records.LEFT, hand_records.RIGHT),
}
_MM = 1e-3


def _read(path: Path) -> dict:
  try:
    content = annotated_photos.read_json(path)
  except (OSError, ValueError) as error:
    raise ValueError(
      f"{path}: cannot be read ({files.problem(error)}); expected it beside "
      f"InterHand2.6M_SPLIT{_ENDING}"
    ) from error
  if not isinstance(content, dict):
    raise ValueError(f"{path}: is no JSON object of captures")
  return content


@dataclass(frozen=True)
class InterHand:
  """InterHand2.6M: one record for each annotation, of one or both hands."""

  annotations: str  # InterHand2.6M_SPLIT_data.json
  photo_dir: str  # folder of the photos
  name: str = "interhand"
  only_present: bool = False  # leave out photos that are not in the folder
  margin: float = regions.DEFAULT_MARGIN  # region's side over the box's
  max_side: int = regions.DEFAULT_MAX_SIDE  # of the stored region, pixels

  @property
  def more_files(self) -> tuple[Path, ...]:
    """The files of cameras and of joints, beside that of annotations."""
    path = Path(self.annotations)
    split = path.name.removesuffix(_ENDING)
    return tuple(
      path.with_name(f"{split}_{what}.json") for what in ("camera", "joint_3d")
    )

  def items(self) -> list[WorkItem]:
    """The photos that have annotations, in the order of the file.

    Raises:
      ValueError: if one of the three files cannot be used.
    """
    path = Path(self.annotations)
    if not path.name.endswith(_ENDING):
      raise ValueError(f"{path}: expected InterHand2.6M_SPLIT{_ENDING}")
    cameras, joints = (_read(other) for other in self.more_files)
    found = coco.read_photos(path)
    photos = {
      row["file_name"]: row
      for row in annotated_photos.read_json(path)["images"]
    }
    items = []
    for item in found:
      photo = photos.get(item.key, {})
      place = str(photo.get("capture")), str(photo.get("frame_idx"))
      try:
        truth = cameras[place[0]], joints[place[0]][place[1]]
      except (KeyError, TypeError):
        truth = None
      items.append(WorkItem(item.key, (*item.payload, photo, truth)))
    if self.only_present:
      return annotated_photos.existing(items, self.photo_dir)
    return items

  def convert(self, item: WorkItem) -> Iterator[PersonRecord | Skipped]:
    """The hands of a photo; one that cannot be used is one `Skipped`."""
    size, rows, photo, truth = item.payload
    if size is None:
      problem = f"{item.key}: its image_id is not among the file's images"
      reason = "annotation without a photo"
      yield Skipped(item.key, reason, problem, damaged=True)
      return
    image = annotated_photos.open_photo(
      item.key,
      Path(self.photo_dir) / item.key,
      None if None in size else size,
    )
    if isinstance(image, Skipped):
      yield image
      return
    for row in rows:
      key = f"{Path(item.key).with_suffix('')}/{row.get('id')}"
      try:
        yield self._hands(key, row, photo, truth, image)
      except (ValueError, KeyError, TypeError, OverflowError) as error:
        problem = f"{key}: {files.problem(error)}"
        yield Skipped(key, "damaged annotation", problem, damaged=True)

  def _hands(self, key, row, photo, truth, image) -> PersonRecord | Skipped:
    if truth is None:
      raise ValueError("its capture or frame has no camera or no joints")
    cameras, points = truth
    if isinstance(points, dict):
      points = points["world_coord"]
    camera, numbers = str(photo["camera"]), hand_records.numbers
    place, turn = (
      numbers("campos", cameras["campos"][camera], 3),
      numbers("camrot", cameras["camrot"][camera], 3, 3),
    )
    intrinsics = np.concatenate(
      [numbers(n, cameras[n][camera], 2) for n in ("focal", "princpt")]
    )
    world = numbers("world_coord", points, 42, 3)[ROWS]
    joints = _MM * (world - place) @ turn.T
    known = np.asarray(row["joint_valid"], np.float64).reshape(-1) > 0
    if len(known) != len(ROWS):
      raise ValueError(f"joint_valid has {len(known)} numbers, expected 42")
    shown = _HANDS.get(row["hand_type"])
    if shown is None:
      raise ValueError(f"hand_type is none of {', '.join(_HANDS)}")
    of_these = np.zeros(len(ROWS), bool)
    for hand in shown:
      of_these[hand] = True
    known = known[ROWS] & of_these
    if not known.any():
      reason = "no annotated joint"
      return Skipped(key, reason, f"{key}: {reason}", damaged=False)
    box = numbers("bbox", row["bbox"], 4)
    if not np.isfinite(box).all():
      raise ValueError("bbox has numbers that are not finite")
    record = PersonRecord(
      key=key,
      dataset=self.name,
      subject=str(photo.get("subject", "")),
      sequence=str(photo.get("seq_name", "")),
      camera=camera,
      frame=int(photo["frame_idx"]),
      box=box,
    )
    return hand_records.hand_record(
      record, joints, known, intrinsics, image, self.margin, self.max_side
    )
