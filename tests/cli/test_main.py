"""The command `hund`."""

import subprocess
import sys

import pytest

import hund_tf
from hund_tf.cli import main
from hund_tf.compat import tf


def test_version_and_help_are_without_tensorflow():
  for argument, said in (("--version", hund_tf.__version__), ("-h", "export")):
    code = (
      "import sys; from hund_tf.cli.main import main\n"
      f"try: main(['{argument}'])\n"
      "except SystemExit as end: assert not end.code\n"
      "assert 'tensorflow' not in sys.modules"
    )
    done = subprocess.run(
      [sys.executable, "-c", code], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert said in done.stdout


def test_without_a_command_it_shows_the_commands(capsys):
  assert main.main([]) == 2
  assert "export" in capsys.readouterr().out


def test_unknown_command_is_told(capsys):
  with pytest.raises(SystemExit) as ended:
    main.main(["exprot"])
  assert ended.value.code == 2
  assert "there is no command 'exprot'" in capsys.readouterr().err


def test_export_writes_a_model_that_loads(tmp_path, capsys):
  folder = tmp_path / "model"
  arguments = ["export", "-o", str(folder), "--num-stages=1"]
  assert main.main([*arguments, "--export_mesh=lite"]) == 0
  assert f"wrote {folder}" in capsys.readouterr().out
  loaded = tf.saved_model.load(str(folder))
  assert loaded.signatures["topology"]()["faces"].shape[1] == 3
  assert main.main(arguments) == 1
  assert "expected a new or an empty folder" in capsys.readouterr().err


def test_interruption_is_one_line(monkeypatch, capsys):
  def interrupt(*_):
    raise KeyboardInterrupt

  monkeypatch.setattr(main, "_run", interrupt)
  assert main.main(["export"]) == 130
  assert capsys.readouterr().err == "hund export: interrupted\n"
