"""Silhouettes against masks: areas and widths, in closed form."""

from pathlib import Path

import numpy as np
import pytest

from hund_tf.body import keypoints
from hund_tf.datasets.coco import CocoPerson
from hund_tf.evaluation import silhouettes

_JOINTS = {
  "l_shoulder": (70, 40),
  "r_shoulder": (30, 40),
  "l_hip": (65, 100),
  "r_hip": (35, 100),
  "l_knee": (65, 150),
  "r_knee": (35, 150),
  "l_ankle": (65, 190),
  "r_ankle": (35, 190),
}


def _box(left: int, top: int, right: int, bottom: int) -> np.ndarray:
  return np.array(
    [[left, top], [right, top], [right, bottom], [left, bottom]], np.float32
  )


def _person(*polygons: np.ndarray) -> CocoPerson:
  points = np.zeros([137, 2], np.float32)
  visibility = np.zeros(137, np.int32)
  for name, place in _JOINTS.items():
    points[keypoints.INDEX[name]] = place
    visibility[keypoints.INDEX[name]] = 2
  return CocoPerson(
    Path("photo.jpg"),
    np.array([30.0, 30.0, 40.0, 160.0]),
    points,
    visibility,
    visibility / 2.0,
    polygons,
  )


def _figure(torso: int, thigh: int) -> np.ndarray:
  """Torso and two legs of these half widths about the joints."""
  shape = np.zeros([200, 100], bool)
  shape[30:105, 50 - torso : 50 + torso] = True
  for x in (35, 65):
    shape[105:195, x - thigh : x + thigh] = True
  return shape


@pytest.mark.parametrize("angle", [0.0, 0.4, 1.2])
def test_width_of_a_slanted_limb(angle):
  y, x = np.mgrid[:200, :200] + 0.5
  along = np.array([np.cos(angle), np.sin(angle)])
  offset = (x - 100.0) * -along[1] + (y - 100.0) * along[0]
  ends = 100.0 - 60.0 * along, 100.0 + 60.0 * along
  width = silhouettes.width_at(np.abs(offset) < 17.0, *ends, 0.5)
  assert width == pytest.approx(34.0, abs=1.5)


def test_no_width_beside_the_silhouette():
  shape = np.zeros([50, 50], bool)
  first, last = np.array([10.0, 10.0]), np.array([10.0, 40.0])
  assert np.isnan(silhouettes.width_at(shape, first, last, 0.5))
  assert np.isnan(silhouettes.width_at(shape, first, first, 0.5))


def test_ratios_of_a_narrow_body():
  person = _person()
  mask, body = _figure(20, 10), _figure(15, 8)
  score = silhouettes.compare(person, mask, body, person.keypoints)
  assert score.area == pytest.approx(body.sum() / mask.sum())
  assert score.widths["torso width"] == pytest.approx(0.75, abs=0.02)
  assert score.widths["thigh width"] == pytest.approx(0.8, abs=0.02)


def test_legs_that_touch_are_not_compared():
  person, mask = _person(), _figure(20, 10)
  mask[105:195, 25:75] = True
  score = silhouettes.compare(person, mask, _figure(20, 10), person.keypoints)
  assert np.isnan(score.widths["thigh width"])
  assert score.widths["torso width"] == pytest.approx(1.0, abs=0.01)


def test_masks_are_polygons():
  person = _person(_box(10, 20, 29, 39), _box(50, 60, 59, 69))
  mask = silhouettes.mask_of(person, 100, 100)
  assert mask.sum() == 20 * 20 + 10 * 10 and mask[30, 15] and not mask[15, 30]


def test_silhouette_of_a_square():
  corners = np.array([[10, 10, 2], [30, 10, 2], [30, 30, 2], [10, 30, 2]])
  faces = np.array([[0, 1, 2], [0, 2, 3]])
  found = silhouettes.silhouette_of(corners.astype(float), faces, 40, 50)
  assert found.shape == (40, 50) and found.sum() == 400


def test_table_counts_who_is_compared(tmp_path):
  scores = [
    silhouettes.PersonScore("a", 0.9, {"torso width": 0.8, "thigh width": 1.0}),
    silhouettes.PersonScore(
      "b", np.nan, {"torso width": np.nan, "thigh width": np.nan}
    ),
  ]
  text = silhouettes.run(scores, tmp_path)
  assert "| area | 2 | 1 | 0.900 |" in text
  assert (tmp_path / "silhouettes.csv").is_file()
  assert (tmp_path / "silhouettes.json").is_file()


def test_who_is_hidden_in_part_is_not_compared():
  whole = _person(_box(30, 30, 70, 190))
  hidden = whole.visibility.copy()
  hidden[keypoints.INDEX["l_knee"]] = 1
  people = [
    whole,
    whole._replace(visibility=hidden),
    whole._replace(polygons=()),
  ]
  found = silhouettes.evaluate(
    people, lambda path: _Seen(), lambda *given: [], np.zeros([0, 3])
  )
  assert len(found) == 1 and np.isnan(found[0].area)


class _Seen:
  """A photo in which nobody is seen."""

  detections = ()
  image = None

  class camera:
    intrinsics = None
