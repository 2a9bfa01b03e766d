"""Photos and videos in, people out, and which part they belong to."""

import cv2
import numpy as np
import pytest
from PIL import Image

from hund_tf.detection.interface import Detection, empty_keypoints
from hund_tf.photos.people import Finder
from hund_tf.training.adaptation import held_out
from hund_tf.training.adaptation.photo_people import (
  Photo,
  PhotoPeople,
  content_key,
)


def _picture(value: int) -> np.ndarray:
  random = np.random.default_rng(value)
  return random.integers(0, 255, [64, 80, 3], np.uint8)


class _Detector:
  """Finds what a function says of a picture."""

  def __init__(self, find):
    self._find = find

  def detect(self, image, boxes=None, max_people=None):
    del boxes, max_people
    return self._find(image)


def _one_person(image):
  del image
  box = np.array([10.0, 10.0, 20.0, 40.0], np.float32)
  return [Detection(box, 1.0, empty_keypoints())]


def _people(find, report=lambda line: None) -> PhotoPeople:
  return PhotoPeople(Finder(detector=_Detector(find)), report=report)


def _write(folder, name: str, value: int):
  path = folder / name
  Image.fromarray(_picture(value)).save(path)
  return path


def test_what_cannot_be_used_is_named_and_the_others_go_on(tmp_path):
  _write(tmp_path, "a.png", 1)
  _write(tmp_path, "c.png", 2)
  (tmp_path / "b.png").write_bytes(b"no picture")
  lines = []
  finder = _people(_one_person, lines.append)
  found = finder.photos([tmp_path, tmp_path / "missing.jpg"])
  assert [p.people[0].source for p in found] == [
    str(tmp_path / "a.png"),
    str(tmp_path / "c.png"),
  ]
  assert found[0].crops[0].shape == (240, 240, 3)
  assert finder.failures == lines and len(lines) == 2
  assert "missing.jpg: does not exist" in lines[0]
  assert "b.png: is not a readable image" in lines[1]


def test_photos_without_people_are_named_but_no_failure(tmp_path):
  _write(tmp_path, "a.png", 1)
  lines = []
  finder = _people(lambda image: [], lines.append)
  assert finder.photos([tmp_path]) == []
  assert finder.failures == [] and "a.png: no person found" in lines[0]
  assert finder.count == 1


def test_a_detector_that_refuses_a_photo_skips_it(tmp_path):
  def refuse(image):
    raise ValueError("box 0: lies outside")

  path = _write(tmp_path, "a.png", 1)
  finder = _people(refuse)
  assert finder.photos([path]) == []
  assert finder.failures == [f"{path}: box 0: lies outside"]


def test_frames_of_a_video_are_named_by_their_number(tmp_path):
  path = tmp_path / "clip.avi"
  code = cv2.VideoWriter_fourcc(*"MJPG")
  writer = cv2.VideoWriter(str(path), code, 10.0, (80, 64))
  for i in range(4):
    writer.write(_picture(i))
  writer.release()
  finder = _people(_one_person)
  found = finder.frames(path, 2)
  names = [photo.people[0].source for photo in found]
  assert names == [f"{path}#0", f"{path}#2"]
  assert found[0].key != found[1].key and finder.count == 2


def test_large_photos_are_not_kept(tmp_path):
  def detect(image):
    box = np.array([300.0, 300.0, 100.0, 150.0], np.float32)
    mask = np.zeros(image.shape[:2], np.uint8)
    return [Detection(box, 1.0, empty_keypoints(), mask)]

  path = tmp_path / "large.png"
  Image.fromarray(np.zeros([1000, 1500, 3], np.uint8)).save(path)
  finder = _people(detect)
  (photo,) = finder.photos([path])
  assert max(photo.people[0].detection.mask.shape) < 400


def test_bad_videos_are_named(tmp_path):
  (tmp_path / "bad.mp4").write_bytes(b"no video")
  finder = _people(_one_person)
  assert finder.frames(tmp_path / "bad.mp4", 1) == []
  assert finder.frames(tmp_path / "none.mp4", 1) == []
  assert "bad.mp4: no frame can be decoded" in finder.failures[0]
  assert "none.mp4: is not a file" in finder.failures[1]


def test_copies_share_a_key_and_the_seed_changes_it():
  assert content_key(_picture(1)) == content_key(_picture(1).copy())
  assert content_key(_picture(1)) != content_key(_picture(2))
  assert content_key(_picture(1), 1) != content_key(_picture(1), 2)


def _photos(keys: str) -> list[Photo]:
  return [Photo(key, [], []) for key in keys]


def test_no_photo_is_in_both_parts_whatever_the_order():
  keys = "qwertyqwe"
  parts = held_out.divide(_photos(keys), [], 0.5)
  trained, judged = ({photo.key for photo in part} for part in parts)
  assert not trained & judged and trained | judged == set(keys)
  assert len(judged) == 3
  turned = held_out.divide(_photos(keys[::-1]), [], 0.5)
  assert {photo.key for photo in turned.held_out} == judged


@pytest.mark.parametrize("share", [0.01, 0.3, 0.99])
@pytest.mark.parametrize("count", [2, 3, 10])
def test_both_parts_have_some(count, share):
  held = held_out.hold_out([str(i) for i in range(count)], share)
  ends = held_out.hold_out_end(count, share)
  assert 0 < sum(held) < count and sum(held) == sum(ends)
  assert ends == sorted(ends)  # one block, the last


def test_videos_are_cut_in_two_and_repeated_frames_are_trained_on_only():
  parts = held_out.divide([], [_photos("abcdefgh"), _photos("ijkb")], 0.5)
  assert [p.key for p in parts.trained] == list("abcdij")
  assert [p.key for p in parts.held_out] == list("efghk")


def test_nothing_is_held_out_of_one():
  assert held_out.hold_out(["a", "a"], 0.5) == [False, False]
  assert held_out.hold_out_end(1, 0.5) == [False]
  assert held_out.hold_out([], 0.5) == []
