"""Contact sheets of person records: the image, and its labels beside it."""

import io
import itertools
import os
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from hund_tf.data.output_folder import atomic_path
from hund_tf.data.records import shards
from hund_tf.data.records.schema import UNKNOWN_PART, PersonRecord
from hund_tf.data.records.shards import Manifest
from hund_tf.rendering.shading import PART_COLORS

_SEEN, _HIDDEN = (60, 230, 60), (230, 30, 30)
_QUALITY = 82


def draw_record(record: PersonRecord, side: int) -> np.ndarray:
  """The image, and below it the parts with the keypoints.

  Seen keypoints are green, hidden ones red; parts have the colours of
  `shading.PART_COLORS`, warm on the subject's right.

  Args:
    record: with an image.
    side: of each picture, pixels.

  Returns:
    [2 * side, side, 3] uint8 RGB.
  """
  image = Image.open(io.BytesIO(record.image)).convert("RGB")
  scale = np.array([side, side]) / image.size
  photo = np.asarray(image.resize((side, side), Image.Resampling.BOX))
  faded = photo // 2
  if record.part_labels:
    labels = Image.open(io.BytesIO(record.part_labels)).resize(
      (side, side), Image.Resampling.NEAREST
    )
    parts = np.asarray(labels)
    colors = PART_COLORS[np.where(parts == UNKNOWN_PART, 0, parts)] // 2
    faded = np.where((parts > 0)[..., None], faded + colors, faded)
  picture = Image.fromarray(faded.astype(np.uint8))
  pen = ImageDraw.Draw(picture)
  known = record.keypoints[:, 2] > 0.0
  for point, seen in zip(
    record.keypoints[known, :2] * scale, record.visibility[known], strict=True
  ):
    x, y = point.tolist()
    pen.rectangle([x - 1, y - 1, x + 1, y + 1], _SEEN if seen else _HIDDEN)
  return np.concatenate([photo, np.asarray(picture)])


def write_sheet(
  path: str | os.PathLike,
  manifest: Manifest,
  count: int,
  side: int = 160,
  columns: int = 8,
) -> None:
  """Writes a JPEG of the first `count` records of a dataset.

  Raises:
    OutputError: if the file cannot be written.
    RecordError: if a record is damaged.
  """
  records = itertools.islice(shards.read_records(manifest), count)
  pictures = [draw_record(record, side) for record in records]
  blank = np.zeros_like(pictures[0])
  pictures += [blank] * (-len(pictures) % columns)
  sheet = np.concatenate(
    [
      np.concatenate(pictures[i : i + columns], axis=1)
      for i in range(0, len(pictures), columns)
    ]
  )
  with atomic_path(Path(path)) as temporary:
    Image.fromarray(sheet).save(temporary, format="JPEG", quality=_QUALITY)
