"""What is right of each group of keypoints, and how confidences are judged."""

from pathlib import Path

import numpy as np
import pytest

from hund_tf.body import keypoints
from hund_tf.datasets.coco import COCO_INDICES, FOOT_INDICES, CocoPerson
from hund_tf.detection.interface import Detection
from hund_tf.evaluation import keypoint_reliability
from hund_tf.evaluation.annotated_people import person_of
from hund_tf.evaluation.keypoint_reliability import Judged
from hund_tf.records.schema import PersonRecord
from hund_tf.visualization.reliability_plot import save_keypoint_plot

_HAND = list(range(*keypoints.LEFT_HAND.indices(137)))


def _person():
  """Body and feet in a box of 200 pixels; a hand of 20 by 40 pixels."""
  points = np.random.default_rng(0).uniform(0, 200, [137, 2])
  points[_HAND] = np.linspace([50, 50], [70, 90], 21)
  visibility = np.zeros(137, int)
  visibility[[*COCO_INDICES, *FOOT_INDICES]] = 2
  visibility[_HAND] = 1
  box = np.array([0.0, 0.0, 100.0, 200.0])
  return CocoPerson(Path("a.jpg"), box, points, visibility, visibility / 2.0)


def _moved(person, pixels):
  points = np.column_stack([person.keypoints, np.full(137, 0.9)])
  points[:, 0] += pixels
  return Detection(person.box, 1.0, points.astype(np.float32))


@pytest.mark.parametrize(
  ("pixels", "body", "hands"), [(7.0, 1.0, 1.0), (9.0, 1.0, 0.0), (21.0, 0, 0)]
)
def test_right_is_within_a_share_of_the_box_or_of_the_hand(pixels, body, hands):
  person = _person()
  found = keypoint_reliability.about(
    keypoint_reliability.judge([person, person], [_moved(person, pixels), None])
  )
  assert list(found) == ["body", "feet", "hands"]  # no face is annotated
  assert [found[g]["points"] for g in found] == [17, 6, 21]
  assert found["body"]["right"] == found["feet"]["right"] == body
  assert found["hands"]["right"] == hands
  assert found["body"]["people"] == 1
  error = found["body"]["calibration_error"]
  assert error == pytest.approx(abs(body - 0.9), abs=1e-4)


def test_the_correction_of_calibrated_confidences_is_none():
  rng = np.random.default_rng(0)
  promised = rng.uniform(0.02, 0.98, 20000)
  right = rng.uniform(size=20000) < promised
  judged = Judged(promised, right, np.zeros(20000, int))
  np.testing.assert_allclose(
    keypoint_reliability.correction(judged), [0.0, 1.0], atol=0.06
  )
  odds = promised / (1 - promised)
  timid = (odds * np.exp(-1.0)) / (1 + odds * np.exp(-1.0))
  np.testing.assert_allclose(
    keypoint_reliability.correction(judged._replace(confidence=timid)),
    [1.0, 1.0],
    atol=0.08,
  )
  sure = judged._replace(right=np.ones(20000, bool))
  assert np.isnan(keypoint_reliability.correction(sure)).all()


def test_a_record_s_person_and_the_plot(tmp_path):
  points = np.ones([137, 3], np.float32)
  points[3, 2] = 0.0
  visibility = np.zeros(137, np.float32)
  visibility[4] = 1.0
  box = np.array([1, 2, 3, 4], np.float32)
  record = PersonRecord(
    "a", "b", box=box, keypoints=points, visibility=visibility
  )
  person = person_of(record)
  assert person.visibility[[3, 4, 5]].tolist() == [0, 2, 1]
  judged = _person()
  found = keypoint_reliability.about(
    keypoint_reliability.judge([judged], [_moved(judged, 3.0)])
  )
  save_keypoint_plot(tmp_path / "plot.png", found)
  assert (tmp_path / "plot.png").stat().st_size > 1000
  text = keypoint_reliability.table(found)
  assert "| hands | 1 | 21 | 0.900 | 1.000 | - | 0.100 |" in text
