"""Contact sheet of person records: image, skeleton, parts and box.

The subject's left is warm and the right is cold, in the skeleton as well as in
the parts.
"""

import io

import numpy as np
from PIL import Image, ImageDraw

from hund_tf.body import parts
from hund_tf.records.schema import UNKNOWN_PART, PersonRecord
from hund_tf.records.shards import Manifest, ShardReader
from hund_tf.types import CROP_SIZE
from hund_tf.visualization.example_sheet import (
  LEFT_COLOR,
  MIDDLE_COLOR,
  RIGHT_COLOR,
  draw_keypoints,
  part_colors,
)

_GAP = 6
_CAPTION = 26  # pixels of the two lines below a record
_BACKGROUND = (32, 32, 32)
_BOX = (255, 220, 0)
_JOINT = (90, 255, 90)
_HIDDEN = 0.3  # brightness of hidden keypoints
_OPACITY = 0.6  # of the parts over the image


def sample_records(manifest: Manifest, count: int) -> list[PersonRecord]:
  """Records spread evenly over a dataset.

  Raises:
    RecordError: if one is damaged.
  """
  total = manifest.count
  numbers = np.unique(np.linspace(0, total - 1, min(count, total)).astype(int))
  records, first = [], 0
  for info, path in zip(manifest.shards, manifest.paths(), strict=True):
    inside = numbers[(numbers >= first) & (numbers < first + info.count)]
    if len(inside):
      reader = ShardReader(path)
      records += [reader.record(int(number) - first) for number in inside]
      reader.close()
    first += info.count
  return records


def contact_sheet(
  records: list[PersonRecord], columns: int = 6, side: int = 240
) -> Image.Image:
  """All records beside each other, below a legend.

  Args:
    records: one at least; a panel of parts is added if one has parts.
    columns: records beside each other.
    side: pixels of a panel.

  Returns:
    RGB picture.
  """
  panels = 2 if any(record.part_labels for record in records) else 1
  columns = min(columns, len(records))
  legend = _legend(panels == 2)
  width, height = panels * side + _GAP, side + _CAPTION + _GAP
  rows = -(-len(records) // columns)
  size = (
    max(columns * width, legend.width),
    legend.height + rows * height,
  )
  sheet = Image.new("RGB", size, _BACKGROUND)
  sheet.paste(legend, (0, 0))
  draw = ImageDraw.Draw(sheet)
  for i, record in enumerate(records):
    x, y = (i % columns) * width, legend.height + (i // columns) * height
    sheet.paste(draw_person(record, side), (x, y))
    if record.part_labels:
      sheet.paste(draw_parts(record, side), (x + side, y))
    letters = panels * side // 6
    draw.text((x + 2, y + side), _caption(record)[:letters], (220, 220, 220))
    draw.text((x + 2, y + side + 12), record.key[-letters:], (170, 170, 170))
  return sheet


def _caption(record: PersonRecord) -> str:
  texts = (record.dataset, record.subject, record.sequence, record.camera)
  return " ".join(text for text in texts if text)


def _square(data: bytes, record: PersonRecord, mode: str) -> Image.Image:
  """A file of a record, padded to a square of the longer side."""
  longest = max(1, int(np.max(record.image_size)))
  square = Image.new(mode, (longest, longest))
  if data:
    square.paste(Image.open(io.BytesIO(data)).convert(mode), (0, 0))
  return square


def draw_person(record: PersonRecord, side: int) -> Image.Image:
  """The image with its box, keypoints and projected 3D joints.

  Annotated keypoints are drawn, darker where they are known to be hidden;
  without any, those of the detector.
  """
  picture = _square(record.image, record, "RGB")
  scale = side / picture.width
  picture = picture.resize((side, side), Image.Resampling.BILINEAR)
  draw = ImageDraw.Draw(picture)
  left, top, width, height = record.box * scale
  if width > 0 and height > 0:
    draw.rectangle([left, top, left + width, top + height], outline=_BOX)
  points = record.keypoints
  if not np.any(points[:, 2] > 0):
    points = record.detected
  elif np.any(record.visibility > 0):
    shown = np.where(record.visibility > 0, 1.0, _HIDDEN)
    points = np.concatenate([points[:, :2], points[:, 2:] * shown[:, None]], 1)
  # draw_keypoints takes pixels of a crop.
  crop = points[:, :2] * (scale * CROP_SIZE / side)
  draw_keypoints(picture, crop, points[:, 2])
  for x, y in _projected_joints(record) * scale:
    draw.ellipse([x - 3, y - 3, x + 3, y + 3], outline=_JOINT)
  return picture


def _projected_joints(record: PersonRecord) -> np.ndarray:
  """`[N, 2]` pixels of the annotated 3D joints in front of the camera."""
  joints = record.joints[record.joint_weights > 0]
  joints = joints[joints[:, 2] > 0]
  focal, center = record.intrinsics[:2], record.intrinsics[2:]
  return joints[:, :2] / joints[:, 2:] * focal + center


def draw_parts(record: PersonRecord, side: int) -> Image.Image:
  """The image with the parts over it; where they are unknown it is darker."""
  picture = np.asarray(_square(record.image, record, "RGB"), np.float64)
  labels = np.asarray(_square(record.part_labels, record, "L"))
  unknown = labels == UNKNOWN_PART
  color = part_colors()[np.where(unknown, 0, labels)]
  body = ((labels > 0) & ~unknown)[..., None]
  blended = picture + _OPACITY * (color - picture) * body
  blended[unknown] *= 0.3
  image = Image.fromarray(np.clip(blended, 0, 255).astype(np.uint8))
  return image.resize((side, side), Image.Resampling.BILINEAR)


def _legend(with_parts: bool) -> Image.Image:
  entries = [
    ("subject's left", LEFT_COLOR),
    ("subject's right", RIGHT_COLOR),
    ("middle", MIDDLE_COLOR),
    ("box", _BOX),
    ("3D joints", _JOINT),
  ]
  lines = [entries]
  if with_parts:
    colors = part_colors()
    lines.append(
      [(name, tuple(colors[i])) for i, name in enumerate(parts.NAMES) if i]
    )
  width = max(sum(24 + 7 * len(name) for name, _ in line) for line in lines)
  legend = Image.new("RGB", (width, 20 * len(lines)), _BACKGROUND)
  draw = ImageDraw.Draw(legend)
  for row, line in enumerate(lines):
    x = 4
    for name, color in line:
      draw.rectangle([x, 20 * row + 4, x + 10, 20 * row + 14], tuple(color))
      draw.text((x + 14, 20 * row + 3), name, (220, 220, 220))
      x += 24 + 7 * len(name)
  return legend
