"""DensePose-COCO: masks of parts become labels of the record's image."""

import base64
import io
import json
import re

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as run_lengths
from scipy import ndimage

from hund_tf.body import keypoints, parts
from hund_tf.datasets.densepose import DensePose, decode_parts, stretch
from hund_tf.datasets.source import Skipped
from tests.datasets import coco_files

# Parts of the 24 charts of DensePose's fine labels.
_CHARTS = [0, 1, 1, 2, 3, 4, 5, 6, 7, 6, 7, 8, 9, 8, 9]
_CHARTS += [10, 11, 10, 11, 12, 13, 12, 13, 14, 14]


def _encode(labels: np.ndarray) -> list:
  """`dp_masks` of `[256, 256]` labels."""
  masks = []
  for part in range(1, 15):
    mask = np.asfortranarray((labels == part).astype(np.uint8))
    if not mask.any():
      masks.append([])
      continue
    code = run_lengths.encode(mask)
    code["counts"] = code["counts"].decode()
    masks.append(code)
  return masks


def _labels() -> np.ndarray:
  """A pattern with every part, not symmetric."""
  labels = np.zeros((256, 256), np.uint8)
  for part in range(1, 15):
    row, column = divmod(part - 1, 4)
    labels[8 + 60 * row : 60 + 60 * row, 5 + 60 * column : 50 + 62 * column] = (
      part
    )
  return labels


def _records(source):
  results = [r for item in source.items() for r in source.convert(item)]
  records = [r for r in results if not isinstance(r, Skipped)]
  return records, [r for r in results if isinstance(r, Skipped)]


def _picture(data: bytes) -> np.ndarray:
  return np.asarray(Image.open(io.BytesIO(data)))


def test_masks_decode_and_later_ones_cover():
  labels = _labels()
  masks = _encode(labels)
  np.testing.assert_array_equal(decode_parts(masks), labels)
  both = (labels == 1) | (labels == 7)
  masks[6] = run_lengths.encode(np.asfortranarray(both.astype(np.uint8)))
  counts, value, run = [], 0, 0  # not compressed: column by column
  for pixel in (labels == 2).ravel(order="F"):
    if pixel != value:
      counts.append(run)
      value, run = pixel, 0
    run += 1
  masks[1] = {"counts": [*counts, run], "size": [256, 256]}
  expected = np.where(both, 7, labels)
  np.testing.assert_array_equal(decode_parts(masks), expected)


def test_stretching_takes_the_nearest_label():
  labels = _labels()
  box = (20.4, -7.3, 101.7, 160.2)
  found = stretch(labels, np.array(box), 140, 130)
  for y in range(0, 130, 3):
    for x in range(0, 140, 3):
      u = (x + 0.5 - box[0]) / box[2] * 256
      v = (y + 0.5 - box[1]) / box[3] * 256
      inside = 0 <= u < 256 and 0 <= v < 256
      assert found[y, x] == (labels[int(v), int(u)] if inside else 255)


def test_labels_lie_on_the_pixels_of_their_parts(tmp_path):
  row = coco_files.person(3, 1)
  row["bbox"] = [60.0, 20.0, 180.0, 200.0]
  row["dp_masks"] = _encode(_labels())
  path = coco_files.write(tmp_path, [row, coco_files.person(4, 1)])
  # Paint the part into the photo: its number times 18.
  photo = tmp_path / "val2017/000000000001.jpg"
  painted = stretch(_labels(), np.array(row["bbox"]), *coco_files.SIZE)
  painted = np.where(painted == 255, 0, painted) * 18
  Image.fromarray(np.repeat(painted[..., None], 3, -1).astype(np.uint8)).save(
    photo, quality=100, subsampling=0
  )
  source = DensePose(str(path), str(photo.parent), max_side=210)
  (record,), (skipped,) = _records(source)
  assert skipped.reason == "no part masks" and not skipped.damaged
  assert record.dataset == "densepose"
  assert record.part_weights.tolist() == [1.0] * 16
  labels, image = _picture(record.part_labels), _picture(record.image)
  assert labels.shape == image.shape[:2] == (210, 210)
  # Outside of the box nothing is known.
  left, top, width, height = record.box
  y, x = np.mgrid[:210, :210] + 0.5
  inside = (x > left) & (x < left + width) & (y > top) & (y < top + height)
  np.testing.assert_array_equal(labels != 255, inside)
  # Rims of parts are mixed in the photo, which is resampled.
  rim = ndimage.maximum_filter(labels, 9) != ndimage.minimum_filter(labels, 9)
  plain = inside & ~rim
  assert plain.sum() > 5000
  assert (np.abs(image[..., 0] / 18 - labels)[plain] < 0.4).all()
  assert set(np.unique(labels[inside])) == set(range(15))


@pytest.mark.parametrize(
  "change, text",
  [
    (lambda masks: masks[:13], "13 masks, expected 14"),
    (
      lambda masks: [{"size": [9, 9], "counts": "a"}, *masks[1:]],
      "expected 256 x 256",
    ),
    (lambda masks: [{"size": [256, 256]}, *masks[1:]], "counts"),
    (lambda masks: [5, *masks[1:]], "TypeError"),
    (
      lambda masks: [{"size": [256, 256], "counts": "3"}] * 14,
      "mask 1 is truncated",
    ),
    (
      lambda masks: [masks[0] | {"counts": masks[0]["counts"][:-3]}] * 14,
      "mask 1 is truncated",
    ),
  ],
)
def test_damaged_masks_are_skipped(tmp_path, change, text):
  row = coco_files.person(3, 1, dp_masks=change(_encode(_labels())))
  path = coco_files.write(tmp_path, [row])
  records, skipped = _records(DensePose(str(path), str(tmp_path / "val2017")))
  assert not records and skipped[0].damaged
  assert skipped[0].reason == "damaged annotation"
  assert re.search(text, skipped[0].problem), skipped[0].problem


def real_annotation(shared) -> dict:
  """A real person with real parts: fine labels of a published result."""
  real = shared / "data/real"
  results = json.loads((real / "densepose/example_results.json").read_text())
  result = next(row for row in results if row["image_id"] == 785)
  uv = Image.open(io.BytesIO(base64.b64decode(result["uv_data"])))
  fine = np.asarray(uv)[..., 0]
  labels = np.array(_CHARTS, np.uint8)[fine]
  stretched = Image.fromarray(labels).resize(
    (256, 256), Image.Resampling.NEAREST
  )
  content = json.loads((real / "mmpose/coco/test_coco.json").read_text())
  row = next(r for r in content["annotations"] if r["image_id"] == 785)
  masks = _encode(np.asarray(stretched))
  return {
    "images": [i for i in content["images"] if i["id"] == 785],
    "annotations": [row | {"bbox": result["bbox"], "dp_masks": masks}],
  }


def test_real_parts_are_on_the_right_limbs(shared, tmp_path):
  path = tmp_path / "densepose.json"
  path.write_text(json.dumps(real_annotation(shared)))
  source = DensePose(str(path), str(shared / "data/real/mmpose/coco"))
  (record,), skipped = _records(source)
  assert not skipped
  labels = _picture(record.part_labels)
  for side in "lr":
    for joint, allowed in (
      ("elbow", ("upper_arm", "lower_arm")),
      ("knee", ("upper_leg", "lower_leg")),
      ("ankle", ("lower_leg", "foot")),
    ):
      x, y = record.keypoints[keypoints.INDEX[f"{side}_{joint}"], :2]
      around = labels[int(y) - 4 : int(y) + 5, int(x) - 4 : int(x) + 5]
      found = {parts.NAMES[i] for i in np.unique(around) if 0 < i < 15}
      assert found & {f"{side}_{name}" for name in allowed}, (joint, found)
      other = "lr".replace(side, "")
      assert not found & {f"{other}_{name}" for name in allowed}, joint
