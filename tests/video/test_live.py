"""People followed as frames come, frames that are dropped, and the page."""

import http.client
import json
import threading

import cv2
import numpy as np
import pytest

from hund_tf.body.model import BodyModel
from hund_tf.cli import live as command
from hund_tf.cli import main
from hund_tf.files import OutputFolder
from hund_tf.video import live, streams, writing
from hund_tf.video.live_page import HOST, LivePage
from hund_tf.video.making import LiveConfig, Models, VideoConfig
from hund_tf.video.streams import NewestFrame
from hund_tf.video.watching import Watcher
from tests.video import made


@pytest.fixture(scope="module")
def body_model():
  return BodyModel()


class _Fitter(made.Fitter):
  """Shapes that differ from frame to frame."""

  def __call__(self, *arguments):
    fits = super().__call__(*arguments)
    for fit in fits:
      fit.polished[159:175] = len(self.starts)
    return fits


class _Holder:
  """Leaves states as they are, but for the shape."""

  def __call__(self, people, shapes, intrinsics):
    del intrinsics
    states = people.polished.copy()
    states[:, 159:175] = shapes
    return states


def _view(body_model, detector=None, **settings):
  watcher = Watcher(detector or made.Detector(), _Fitter(), made.INTRINSICS)
  return live.LiveView(
    watcher, _Holder(), body_model, made.INTRINSICS, **settings
  )


def test_people_keep_their_numbers_and_shapes_become_sure(body_model):
  """Two who cross; the shape is the mean so far, and places are smooth."""
  view = _view(body_model, search_every=5)
  seen = {0: [], 1: []}
  for i in range(40):
    people = [(0, 3 * i, 20), (1, 120 - 3 * i, 55)]
    tracks = view(made.frame(i, people))
    assert {track.id for track in tracks} == {0, 1}
    for track in tracks:
      np.testing.assert_allclose(track.shape, (i + 2) / 2.0, rtol=1e-5)
      seen[track.id].append(track.translation[0])
  speeds = np.diff([np.array(seen[i])[:, 0] for i in (0, 1)], axis=1)
  expected = np.array([3.0, -3.0]) * 4.0 / 100.0
  np.testing.assert_allclose(speeds[:, 10:].mean(axis=1), expected, rtol=0.05)


def test_everybody_has_the_stature_that_is_stated(body_model):
  view = _view(body_model, search_every=5, height_m=1.9)
  for i in range(3):
    (track,) = view(made.frame(i, [(0, 20, 20)]))
    assert writing.height_of(track, body_model) == pytest.approx(1.9, abs=1e-4)


def test_who_moved_on_between_slow_frames_is_searched_for(body_model):
  detector = made.Detector()
  view = _view(body_model, detector, search_every=100)
  frame = made.frame(0, [(0, 10, 20)])
  for seconds, searched in ((0.0, True), (0.1, False), (0.9, True)):
    view(frame._replace(seconds=seconds))
    assert (detector.asked[-1] is None) == searched
  view(made.frame(30, [])._replace(seconds=1.0))
  view(made.frame(31, [])._replace(seconds=1.1))
  assert detector.asked[-1] is None  # nobody is known


class Camera:
  """Gives frames at once, then nothing until it is let go, then the end."""

  def __init__(self, frames):
    self._frames = list(frames)
    self.waits, self.end = threading.Event(), threading.Event()
    self.released = False

  def read(self):
    if self._frames:
      return True, np.ascontiguousarray(self._frames.pop(0).image[..., ::-1])
    self.waits.set()
    self.end.wait(10.0)
    return False, None

  def release(self):
    self.released = True


def test_only_the_newest_frame_is_given():
  frames = [made.frame(i, [(i % 3, 10, 20)]) for i in range(5)]
  camera = Camera(frames[1:])
  clock = iter(range(10)).__next__
  with NewestFrame(camera, frames[0].image[..., ::-1], clock) as stream:
    assert camera.waits.wait(10.0)
    frame = stream.take()
    assert (frame.number, frame.seconds, stream.dropped) == (4, 4, 4)
    np.testing.assert_array_equal(frame.image, frames[4].image)
    camera.end.set()
    assert stream.take() is None
  assert camera.released


def test_frames_that_come_now_and_then_keep_their_times():
  class Kept(list):
    add = list.append

  kept = Kept()
  paced = writing.PacedWriter(kept, 10.0)
  for name, seconds in (("a", 0.0), ("b", 0.31), ("c", 0.33), ("d", 0.5)):
    paced.add(name, seconds)
  paced.close()
  assert "".join(kept) == "aaaccd"


def _asked(page, path, host=None):
  port = int(page.url.rsplit(":")[-1].strip("/"))
  connection = http.client.HTTPConnection(HOST, port, timeout=10)
  connection.request("GET", path, headers={"Host": host} if host else {})
  return connection.getresponse()


def test_the_page_shows_the_newest_picture():
  page = LivePage(0)
  try:
    assert b"/view" in _asked(page, "/").read()
    assert _asked(page, "/none").status == 404
    assert _asked(page, "/view", "elsewhere.example").status == 403
    page.show(np.full((20, 30, 3), (200, 30, 30), np.uint8))
    view = _asked(page, "/view")
    assert view.readline() == b"--picture\r\n"
    assert view.readline() == b"Content-Type: image/jpeg\r\n"
    length = int(view.readline().split(b":")[1])
    view.readline()
    picture = cv2.imdecode(np.frombuffer(view.read(length), np.uint8), 1)
    np.testing.assert_allclose(picture[5, 5], (30, 30, 200), atol=6)
  finally:
    page.close()


def test_lines_and_overlay_of_a_camera(tmp_path, body_model, capsys):
  """Two frames before, two that are done at once or dropped, and the end."""
  frames = [made.frame(i, [(0, 20 + i, 30)]) for i in range(4)]
  camera = Camera(frames)
  camera.end.set()
  config = VideoConfig(
    output=OutputFolder(str(tmp_path)), live_view=LiveConfig(webcam="0")
  )
  models = Models(body_model, made.Detector(), made.Fitter(), _Holder())
  assert command.follow(config, models, camera) == 0
  found = capsys.readouterr()
  lines = [json.loads(line) for line in found.out.splitlines()]
  assert lines[-1]["frame"] == 2
  person = lines[-1]["people"][0]
  assert person["id"] == 0 and len(person["joints"]) == 63
  told = f"{len(lines)} frames, {3 - len(lines)} more dropped, 1 people"
  assert told in found.err
  assert camera.released
  assert cv2.VideoCapture(str(tmp_path / "webcam_overlay.mp4")).read()[0]


def test_a_camera_that_is_none(tmp_path, capsys, monkeypatch):
  class Closed:
    def isOpened(self):
      return False

  monkeypatch.setattr(streams.cv2, "VideoCapture", lambda name: Closed())
  arguments = ["video", "-o", str(tmp_path / "out")]
  assert main.main([*arguments, "--webcam=7"]) == 1
  assert "--webcam: '7' cannot be opened" in capsys.readouterr().err
  clip = tmp_path / "a.mp4"
  clip.write_bytes(b"a video")
  assert main.main([*arguments, f"--webcam={clip}"]) == 1
  assert "give it as the video" in capsys.readouterr().err
  for wrong in ([], ["a.mp4", "--webcam=0"]):
    assert main.main([*arguments, *wrong]) == 1
    assert "either a video file or --webcam" in capsys.readouterr().err
