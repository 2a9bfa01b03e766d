"""The contact sheet: left warm, right cold, boxes and parts in their places."""

import numpy as np
import pytest

from hund_tf.body import keypoints, parts
from hund_tf.records import regions, shards
from hund_tf.records.schema import PersonRecord
from hund_tf.visualization import contact_sheet


def _record(number: int = 0) -> PersonRecord:
  photo = np.full((200, 200, 3), 128, np.uint8)
  region = regions.person_region(photo, np.array([50.0, 50, 100, 100]), 1.5)
  points = np.zeros((137, 3))
  points[keypoints.INDEX["l_wrist"]] = 110, 40, 1
  points[keypoints.INDEX["r_wrist"]] = 40, 40, 1
  labels = np.full((150, 150), 255, np.uint8)
  labels[25:125, 25:125] = 0
  labels[60:80, 30:60] = parts.INDEX["r_upper_leg"]
  labels[60:80, 90:120] = parts.INDEX["l_upper_leg"]
  return PersonRecord(
    key=f"photo/{number}",
    dataset="test",
    **region._asdict(),
    intrinsics=np.array([100.0, 100, 75, 75]),
    box=np.array([25.0, 25, 100, 100]),
    keypoints=points,
    part_labels=regions.encode_png(labels),
    joint_set="h36m_17",
    joints=np.tile([[0.2, 0.3, 1.0]], (17, 1)),
    joint_weights=np.ones(17),
  )


def test_left_is_warm_and_right_is_cold():
  record = _record()
  person = np.asarray(contact_sheet.draw_person(record, 300)).astype(int)
  left, right = person[80, 220], person[80, 80]
  assert left[0] > left[2] + 100 and right[2] > right[0] + 100
  assert tuple(person[50, 150]) == tuple(person[249, 50]) == (255, 220, 0)
  assert (person[150, 150] == 128).all()
  # A ring of radius 3 around (95, 105) x 2.
  assert tuple(person[210, 193]) == (90, 255, 90)

  drawn = np.asarray(contact_sheet.draw_parts(record, 150)).astype(int)
  left, right = drawn[70, 105], drawn[70, 45]
  assert left[0] > left[2] + 50 and right[2] > right[0] + 50
  assert (drawn[100, 75] == 128).all() and drawn[5, 5].max() < 50


def test_sheet_has_a_place_for_every_record():
  sheet = contact_sheet.contact_sheet([_record(i) for i in range(5)], 3, 100)
  rows, columns = 2, 3
  assert sheet.height == 40 + rows * 132
  assert sheet.width == max(columns * 206, sheet.width)
  plain = _record()._replace(part_labels=b"", image=b"")
  assert contact_sheet.contact_sheet([plain], 3, 100).height == 20 + 132


def test_detected_keypoints_stand_in_for_annotated_ones():
  record = _record()
  blank = record._replace(
    keypoints=np.zeros((137, 3)), detected=record.keypoints
  )
  np.testing.assert_array_equal(
    contact_sheet.draw_person(record, 200),
    contact_sheet.draw_person(blank, 200),
  )


@pytest.mark.parametrize("count, expected", [(3, [0, 4, 9]), (50, range(10))])
def test_samples_are_spread_over_the_shards(tmp_path, count, expected):
  infos = [
    shards.write_shard(
      shards.shard_path(tmp_path, "test", i, 3),
      [PersonRecord(str(n), "test") for n in numbers],
    )
    for i, numbers in enumerate(([0, 1, 2, 3], [], range(4, 10)))
  ]
  manifest = shards.write_manifest(tmp_path, "test", infos, {})
  records = contact_sheet.sample_records(manifest, count)
  assert [int(record.key) for record in records] == list(expected)
