"""The one way from a photo to detections and a camera."""

import json
import pickle

import numpy as np
import pytest
from PIL import Image

from hund_tf.detection.interface import Detection, empty_keypoints
from hund_tf.photos import people
from hund_tf.photos.people import make_finder
from hund_tf.photos.people_config import PeopleConfig


class _Detector:
  """Remembers what it is asked."""

  def detect(self, image, boxes=None, max_people=None):
    self.asked = image.shape, boxes, max_people
    box = np.array([1.0, 2.0, 30.0, 40.0], np.float32)
    return [Detection(box, 1.0, empty_keypoints())]


@pytest.fixture(name="photo")
def _photo(tmp_path):
  path = tmp_path / "a.png"
  Image.new("RGB", (80, 60), "red").save(path)
  return path


def _landmarks(left: float) -> str:
  body = np.full([25, 3], 0.9)
  body[:, 0] = np.linspace(left, left + 50, 25)
  body[:, 1] = np.linspace(5, 55, 25)
  return json.dumps({"people": [{"pose_keypoints_2d": body.ravel().tolist()}]})


def test_a_path_and_its_pixels_are_seen_alike(photo):
  detector = _Detector()
  finder = make_finder(PeopleConfig(max_people=3), detector)
  seen = finder(photo)
  assert seen.name == str(photo) and (seen.image == [255, 0, 0]).all()
  assert len(seen.detections) == 1 and seen.camera.source == "default"
  assert detector.asked == ((60, 80, 3), None, None)
  same = finder(seen.image, "a.png")
  assert same.name == "a.png" and (same.image == seen.image).all()
  np.testing.assert_array_equal(same.camera.intrinsics, seen.camera.intrinsics)


class _Batches(_Detector):
  """Takes several photos together, and no photo that is 90 pixels wide."""

  def __init__(self):
    self.sizes = []

  def detect_photos(self, images, boxes):
    self.sizes.append(len(images))
    return [self.detect(*each) for each in zip(images, boxes, strict=True)]

  def detect(self, image, boxes=None, max_people=None):
    if image.shape[1] == 90:
      raise ValueError("image: cannot be used")
    found = super().detect(image, boxes)
    return [found[0]._replace(score=image.shape[1])]


def test_several_photos_go_together_and_a_bad_one_stops_none(tmp_path):
  detector = _Batches()
  finder = make_finder(PeopleConfig(boxes={"3.png": [[0, 0, 0, 0]]}), detector)
  paths = [tmp_path / f"{k}.png" for k in range(7)]
  for k, path in enumerate(paths):
    Image.new("RGB", (90 if k == 5 else 80 + k, 60)).save(path)
  paths[1].write_bytes(b"no photo")
  seen = list(finder.many((path, path) for path in paths))
  wrong = [k for k, one in enumerate(seen) if isinstance(one, ValueError)]
  assert wrong == [1, 3, 5]
  for k in (0, 2, 4, 6):
    assert seen[k].path == paths[k]
    assert seen[k].detections[0].score == 80 + k
  assert "1.png" in str(seen[1]) and "has no area" in str(seen[3])
  assert str(seen[5]) == "image: cannot be used"
  assert detector.sizes == [2, 3]  # of four and three; then 4, 5, 6 alone


def test_photos_are_read_a_few_at_a_time(photo, monkeypatch):
  asked = []

  def photos():
    for k in range(9):
      asked.append(k)
      yield photo, photo

  seen = make_finder(PeopleConfig(), _Batches()).many(photos())
  next(seen)
  assert asked == [0, 1, 2, 3]
  monkeypatch.setattr(people, "_PIXELS_TOGETHER", 2 * 80 * 60)
  asked.clear()
  next(make_finder(PeopleConfig(), _Batches()).many(photos()))
  assert asked == [0, 1]


def test_how_many_more_people_were_seen_is_told(photo):
  class Two(_Detector):
    def detect(self, image, boxes=None, max_people=None):
      return super().detect(image, boxes) * 2

  seen = make_finder(PeopleConfig(max_people=1), Two())(photo)
  assert len(seen.detections) == 1 and seen.left_out == 1
  assert make_finder(PeopleConfig(), Two())(photo).left_out == 0


def test_boxes_in_which_nobody_is_found_are_told(photo):
  boxes = [[40, 2, 30, 40], [1, 2, 30, 40], [3, 4, 20, 20]]
  seen = make_finder(PeopleConfig(boxes), _Detector())(photo)
  assert seen.empty_boxes == (0, 2)
  assert make_finder(PeopleConfig(), _Detector())(photo).empty_boxes == ()


@pytest.mark.parametrize(
  "boxes",
  ["5,6,20,30;0,0,10,10", [[5, 6, 20, 30], [0, 0, 10, 10]], "by photo"],
)
def test_boxes_and_cameras_as_text_or_values(photo, boxes):
  rows = [[5, 6, 20, 30], [0, 0, 10, 10]]
  boxes = {"a.png": rows} if boxes == "by photo" else boxes
  detector = _Detector()
  for intrinsics in (
    "70,71,40,30",
    [70, 71, 40, 30],
    {"a.png": (70, 71, 40, 30)},
  ):
    finder = make_finder(PeopleConfig(boxes, intrinsics=intrinsics), detector)
    camera = finder(photo).camera
    np.testing.assert_array_equal(detector.asked[1], rows)
    assert camera.source == "intrinsics"
    np.testing.assert_array_equal(
      np.concatenate(camera.intrinsics), [70, 71, 40, 30]
    )


def test_landmarks_take_the_place_of_the_detector(photo, tmp_path):
  path = tmp_path / "a_keypoints.json"
  path.write_text("\ufeff" + _landmarks(10.0), encoding="utf-8")
  (person,) = make_finder(PeopleConfig(openpose=str(tmp_path)))(
    photo
  ).detections
  np.testing.assert_allclose(person.box, [10, 5, 50, 50])
  path.write_text(_landmarks(500.0))
  with pytest.raises(ValueError, match="person 0 lies outside the photo"):
    make_finder(PeopleConfig(openpose=str(path)))(photo)


@pytest.mark.parametrize(
  ("config", "words"),
  [
    ({"boxes": "1,2,3"}, "box 0"),
    ({"boxes": [[900, 900, 5, 5]]}, "lies outside the photo"),
    ({"focal_px": 1e9}, "is impossible for a photo of 80 x 60"),
    ({"openpose": "nowhere"}, "nowhere: does not exist"),
  ],
)
def test_what_does_not_fit_the_photo_is_an_error(photo, config, words):
  with pytest.raises(ValueError, match=words) as info:
    make_finder(PeopleConfig(**config), _Detector())(photo)
  line = people.named(info.value, photo)
  assert line.count(str(photo)) == 1 and "\n" not in line


@pytest.mark.parametrize(
  ("config", "words"),
  [
    ({"boxes": "a"}, "not four numbers"),
    ({"boxes": "1,2,3,4", "openpose": "x"}, "given together"),
    ({"focal_px": 5.0, "fov_degrees": 50.0}, "given together"),
    ({"focal_px": float("nan")}, "is impossible"),
    ({"max_people": 0}, "at least 1"),
  ],
)
def test_what_can_never_be_is_an_error_at_once(config, words):
  with pytest.raises(ValueError, match=words):
    make_finder(PeopleConfig(**config))


def test_many_boxes_are_no_file_name(photo):
  detector = _Detector()
  text = ";".join(["1,2,30,40"] * 2000)
  make_finder(PeopleConfig(text), detector)(photo)
  assert len(detector.asked[1]) == 2000


def test_json_with_a_byte_order_mark(photo, tmp_path):
  path = tmp_path / "boxes.json"
  path.write_text('\ufeff{"a.png": [[1, 2, 30, 40]]}', encoding="utf-8")
  detector = _Detector()
  finder = make_finder(PeopleConfig(str(path)), detector)
  finder(photo)
  np.testing.assert_array_equal(detector.asked[1], [[1, 2, 30, 40]])
  assert finder.unused_keys([photo]) == []
  (line,) = finder.unused_keys(["b.png"])
  assert "boxes are given for 'a.png', which is no photo here" in line


def test_a_finder_may_go_to_another_process():
  finder = make_finder(PeopleConfig("1,2,30,40", fov_degrees=50.0))
  assert pickle.loads(pickle.dumps(finder)) == finder


class _Boxed(_Detector):
  """Finds the people of all boxes but the second."""

  def detect(self, image, boxes=None, max_people=None):
    boxes = np.float32([[0, 0, 9, 9]] * 3) if boxes is None else boxes
    keep = [box for i, box in enumerate(boxes) if i != 1]
    return [Detection(box, 1.0, empty_keypoints()) for box in keep]


def test_heights_go_by_box_or_by_person(photo):
  boxes = [[0, 0, 20, 20], [30, 0, 20, 20], [50, 0, 20, 20]]
  find = lambda **stated: make_finder(PeopleConfig(**stated), _Boxed())(photo)
  heights = [1.8, 1.7, None]
  seen = find(boxes=boxes, height_m=heights)
  assert seen.empty_boxes == (1,) and seen.heights == (1.8, None)
  assert find(boxes=boxes, height_m="1.8").heights == (1.8, 1.8)
  assert find(height_m="1.8,1.7").heights == (1.8, 1.7)
  assert find(height_m={"b.png": 1.8}).heights == (None, None)
  assert find(max_people=1, height_m="1.8").heights == (1.8,)
  assert find().heights == ()
  with pytest.raises(ValueError, match=r"a\.png: 3 heights .* for 2 people"):
    find(height_m=heights)
  finder = make_finder(PeopleConfig(height_m={"b.png": 1.8}))
  assert "heights are given for 'b.png'" in finder.unused_keys([photo])[0]
  assert finder.stated("b.png") != make_finder().stated("b.png")
  assert finder.stated("c.png") == make_finder().stated("c.png")
