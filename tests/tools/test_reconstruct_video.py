"""The program of videos takes its video without a name."""

from absl import flags

from tools import reconstruct_video


def test_the_video_is_what_has_no_name(tmp_path, capsys):
  path = tmp_path / "none.mp4"
  given = ["reconstruct_video", f"--output_dir={tmp_path}"]
  flags.FLAGS.unparse_flags()
  try:
    for more, told in (
      ([path], f"{path}"),
      ([path, "b.mp4"], "got 2 videos"),
      ([], "give either a video file or --webcam"),
    ):
      argv = flags.FLAGS([*given, *map(str, more)])
      assert reconstruct_video.main(argv) == 1
      assert told in capsys.readouterr().err
  finally:
    flags.FLAGS["output_dir"].unparse()
