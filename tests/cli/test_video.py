"""`hund video`: what is wrong with a video or an option is one line."""

import pytest

from hund_tf.cli import main
from hund_tf.files import OutputFolder
from hund_tf.video import making
from hund_tf.video.reading import VideoInfo


def _config(**settings):
  return making.VideoConfig(
    clip="a.mp4", output=OutputFolder("out"), **settings
  )


@pytest.mark.parametrize(
  ("name", "content", "problem"),
  [
    ("none.mp4", None, "is not a file"),
    ("text.mp4", b"no video" * 50, "no frame can be decoded"),
  ],
)
def test_a_video_that_is_none(tmp_path, capsys, name, content, problem):
  path = tmp_path / name
  if content is not None:
    path.write_bytes(content)
  status = main.main(["video", str(path), "-o", str(tmp_path / "out")])
  line = capsys.readouterr().err.strip().splitlines()[-1]
  assert status == 1
  assert str(path) in line and problem in line


@pytest.mark.parametrize(
  "arguments",
  [
    ["--take_every=0"],
    ["--smooth_hz=-1"],
    ["--results=film"],
    ["--search_every=often"],
  ],
)
def test_options_that_are_wrong(capsys, arguments):
  with pytest.raises(SystemExit) as caught:
    main.main(["video", "a.mp4", "-o", "out", *arguments])
  assert caught.value.code == 2
  assert arguments[0].split("=")[0].strip("-") in capsys.readouterr().err


def test_settings_that_sightings_do_not_depend_on_keep_them(tmp_path):
  path = tmp_path / "a.mp4"
  path.write_bytes(b"a video")
  usual = making.settings(_config(), path)
  motion = making.MotionConfig(smooth_hz=2.0, moving_camera=True)
  assert making.settings(_config(motion=motion), path) == usual
  assert making.settings(_config(results=("npz",)), path) == usual
  assert making.settings(_config(height_m="1.8"), path) == usual
  for other in (
    {"search_every": 3},
    {"warm_stages": 2},
    {"focal_px": 900.0},
    {"close_ups": True},
    {"take_every": 2},
    {"max_people": 1},
  ):
    assert making.settings(_config(**other), path) != usual
  path.write_bytes(b"another video")
  assert making.settings(_config(), path) != usual


def test_large_frames_are_held_in_smaller_numbers():
  lengths = [
    making.chunk_frames(VideoInfo(*size, 30.0, 0))
    for size in ((1280, 720), (3840, 2160), (7680, 4320))
  ]
  assert lengths == [60, 10, 10]
