"""The reconstruction program on good and bad photos."""

import dataclasses
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import trimesh
from absl import flags
from PIL import Image

import hund_tf
from hund_tf.export import report
from hund_tf.losses.alignment import AlignmentObjective, ObjectiveConfig
from hund_tf.models import weight_files
from hund_tf.models.hund import weights
from hund_tf.models.hund.config import HundConfig
from hund_tf.models.hund.model import HundModel
from hund_tf.reconstruction import quality
from tools import reconstruct

_DEMO = Path(hund_tf.__file__).parent / "api" / "assets"
_FAST = (
  "--max_iterations=2",
  "--start_iterations=1",
  "--num_yaw_starts=1",
)


@pytest.fixture
def run(capsys):
  """Runs the program in this process: arguments -> code, stdout, stderr."""

  def call(*arguments: object) -> tuple[int, str, str]:
    flags.FLAGS.unparse_flags()
    argv = flags.FLAGS(["reconstruct", *_FAST, *map(str, arguments)])
    try:
      code = reconstruct.main(argv)
    finally:
      for name in (
        "boxes",
        "intrinsics",
        "focal_px",
        "fov_degrees",
        "openpose",
      ):
        flags.FLAGS[name].unparse()
      for name in ("method", "weights", "part_weight"):
        flags.FLAGS[name].unparse()
      flags.FLAGS["images"].unparse()
      flags.FLAGS["save"].unparse()
    captured = capsys.readouterr()
    return code, captured.out, captured.err

  return call


def _names(folder: Path) -> list[str]:
  return sorted(path.name for path in folder.iterdir())


def _bad_photos(folder: Path) -> dict[str, str]:
  """Makes bad files; name -> words of the line that must be printed."""
  folder.mkdir()
  good = (_DEMO / "astronaut.jpg").read_bytes()
  (folder / "cut.jpg").write_bytes(good[: len(good) // 2])
  (folder / "empty.png").write_bytes(b"")
  (folder / "text.jpg").write_text("not a picture")
  Image.new("RGB", (1, 1)).save(folder / "dot.png")
  return {
    "cut.jpg": "cut",
    "empty.png": "empty",
    "text.jpg": "not a readable image",
    "dot.png": "too small",
  }


def test_good_photos_are_done_and_bad_ones_are_named(run, tmp_path):
  bad = _bad_photos(tmp_path / "in")
  output = tmp_path / "out"
  code, out, err = run(
    f"--images={tmp_path / 'in'}",
    f"--images={_DEMO / 'astronaut.jpg'}",
    f"--images={tmp_path / 'missing.jpg'}",
    f"--output_dir={output}",
    "--save=overlay,stages,parts,gif,glb,obj,json",
    "--method=bfgs",
  )
  assert code == 1
  for name in [*bad, "missing.jpg"]:
    lines = [line for line in err.splitlines() if name in line]
    assert len(lines) == 1, (name, err)
  assert "1 photo done, 1 person, 5 failed" in out
  assert re.search(
    r"seconds per person: detection [\d.]+, bfgs [\d.]+, drawing and", out
  )
  assert _names(output) == [
    "astronaut.glb",
    "astronaut.json",
    "astronaut.obj",
    "astronaut_descent.gif",
    "astronaut_overlay.png",
    "astronaut_parts.png",
    "astronaut_stages.png",
    "results.jsonl",
  ]
  photo = np.asarray(Image.open(_DEMO / "astronaut.jpg"))
  overlay = np.asarray(Image.open(output / "astronaut_overlay.png"))
  assert overlay.shape == photo.shape
  changed = (np.abs(overlay.astype(int) - photo) > 8).any(-1).mean()
  assert 0.1 < changed < 0.9
  (mesh,) = trimesh.load(output / "astronaut.glb").geometry.values()
  assert len(mesh.faces) == 24552
  content = report.read_report(output / "astronaut.json")
  (person,) = content["people"]
  assert "trace" not in person and "quality" not in person
  with Image.open(output / "astronaut_descent.gif") as animation:
    assert animation.n_frames <= len(person["iterations"]["total"])


def test_a_photo_that_may_be_damaged_is_used_and_told(run, tmp_path):
  data = bytearray((_DEMO / "astronaut.jpg").read_bytes())
  frame = data.index(b"\xff\xc0")
  height = int.from_bytes(data[frame + 5 : frame + 7])
  data[frame + 5 : frame + 7] = (height - 16).to_bytes(2)  # rows too few
  (tmp_path / "a.jpg").write_bytes(data)
  code, _, err = run(
    f"--images={tmp_path / 'a.jpg'}",
    f"--output_dir={tmp_path / 'out'}",
    "--save=json",
    "--method=bfgs",
  )
  assert code == 0
  lines = [line for line in err.splitlines() if "a.jpg" in line]
  assert len(lines) == 1 and "a.jpg: may be damaged: " in lines[0], err
  content = report.read_report(tmp_path / "out" / "a.json")
  assert content["photo"]["damage"] in lines[0]
  assert content["photo"]["height"] == height - 16
  assert len(content["people"]) == 1


def test_bad_landmark_files_cost_their_photos_alone(run, tmp_path):
  body = np.full([25, 3], 0.9)
  body[:, 0], body[:, 1] = np.linspace(150, 300, 25), np.linspace(60, 400, 25)
  good = json.dumps({"people": [{"pose_keypoints_2d": body.ravel().tolist()}]})
  bad = {"b": '{"people": [{}]}', "c": "[" * 9999, "d": "\xff", "e": "{}"}
  for name, text in {"a": good, **bad, "f": good}.items():
    shutil.copy(_DEMO / "astronaut.jpg", tmp_path / f"{name}.jpg")
    path = tmp_path / f"{name}_keypoints.json"
    path.write_text(text, encoding="latin-1")
  code, out, err = run(
    *(f"--images={tmp_path / name}.jpg" for name in "abcdef"),
    f"--openpose={tmp_path}",
    f"--output_dir={tmp_path / 'out'}",
    "--save=json",
    "--method=bfgs",
  )
  assert code == 1
  assert _names(tmp_path / "out") == ["a.json", "f.json", "results.jsonl"]
  assert "2 photos done, 2 people, 4 failed" in out
  for name in bad:
    (line,) = [x for x in err.splitlines() if f"{name}_keypoints.json" in x]
    assert len(line) < 600


def test_a_photo_without_people_is_no_failure(run, tmp_path):
  rng = np.random.default_rng(0)
  noise = rng.integers(0, 255, [120, 160, 3], dtype=np.uint8)
  Image.fromarray(noise).save(tmp_path / "noise.png")
  code, _, err = run(
    f"--images={tmp_path / 'noise.png'}", f"--output_dir={tmp_path / 'out'}"
  )
  assert code == 0
  assert "noise.png: no person found; give" in err
  content = json.loads((tmp_path / "out" / "noise.json").read_text())
  assert content["people"] == []
  assert _names(tmp_path / "out") == [
    "noise.json",
    "noise_overlay.png",
    "results.jsonl",
  ]


@pytest.mark.parametrize(
  ("argument", "words"),
  [
    ("--boxes=5000,5000,100,100", "lies outside the photo"),
    ("--intrinsics=-500,500,256,256", "focal length"),
    ("--openpose=nowhere.json", "nowhere.json: does not exist"),
  ],
)
def test_impossible_options_name_the_photo_and_write_nothing(
  run, tmp_path, argument, words
):
  photo = _DEMO / "astronaut.jpg"
  code, _, err = run(
    f"--images={photo}", f"--output_dir={tmp_path / 'out'}", argument
  )
  assert code == 1
  assert words in err and "astronaut.jpg" in err
  assert _names(tmp_path / "out") == []


@pytest.mark.parametrize(
  ("argument", "words"),
  [
    ("--boxes=a,b,c,d", "not four numbers"),
    ("--intrinsics=500,500", "2 numbers; give four"),
    ("--focal_px=-3", "focal_px: -3.0 is impossible"),
  ],
)
def test_unreadable_options_stop_at_once(run, tmp_path, argument, words):
  code, _, err = run(
    f"--images={_DEMO / 'astronaut.jpg'}",
    f"--output_dir={tmp_path / 'out'}",
    argument,
  )
  assert code == 1
  assert words in err


def test_no_photo_at_all(run, tmp_path):
  code, _, err = run(f"--output_dir={tmp_path / 'out'}")
  assert code == 1 and "give files, globs or folders" in err


def test_photos_may_be_joined_by_commas_or_stand_alone(run, tmp_path):
  code, out, err = run(
    f"--output_dir={tmp_path / 'out'}", "--images=a.jpg,b.jpg", "c.jpg"
  )
  assert code == 1
  assert [n for n in ("a.jpg", "b.jpg", "c.jpg") if n in err] == [
    "a.jpg",
    "b.jpg",
    "c.jpg",
  ]
  assert "0 photos done, 0 people, 3 failed" in out


def test_an_output_folder_that_is_a_file(run, tmp_path):
  (tmp_path / "file").write_text("precious")
  code, _, err = run(
    f"--images={_DEMO / 'astronaut.jpg'}", f"--output_dir={tmp_path / 'file'}"
  )
  assert code == 1
  assert "is a file" in err
  assert (tmp_path / "file").read_text() == "precious"


def test_two_cameras_are_refused(run, tmp_path):
  code, _, err = run(
    "--images=a.jpg",
    f"--output_dir={tmp_path / 'out'}",
    "--focal_px=500",
    "--fov_degrees=60",
  )
  assert code == 1 and "focal_px and fov_degrees are given together" in err


@pytest.fixture
def hund_weights(body_model, tmp_path) -> Path:
  """Weights of a small untrained model, and a calibration of them."""
  config = ObjectiveConfig(part_weight=0.0)
  small = HundConfig(num_stages=2, units=16, context_size=8, filters=(4,) * 6)
  path = tmp_path / "small.npz"
  weights.save(HundModel(AlignmentObjective(body_model, config), small), path)
  calibration = quality.QualityCalibration(
    intercept=0.0,
    coefficients=dict.fromkeys(quality.PREDICTORS, 0.0),
    num_stages=2,
    objective=quality.term_settings(config),
    weights_sha256=weight_files.digest(path),
    provenance={},
  )
  quality.save(calibration, quality.path_beside(path))
  return path


def test_the_learned_descent_is_the_default_and_tells_its_stages_and_quality(
  run, tmp_path, hund_weights
):
  arguments = (
    f"--images={_DEMO / 'astronaut.jpg'}",
    f"--output_dir={tmp_path / 'out'}",
    f"--weights={hund_weights}",
    "--part_weight=0",
    "--save=stages,gif,json",
  )
  code, _, err = run(*arguments)
  assert code == 0, err
  content = report.read_report(tmp_path / "out" / "astronaut.json")
  assert content["method"] == "hund"
  (person,) = content["people"]
  assert person["quality"] == 0.5
  for field in ("body_pose", "rotation", "translation"):
    assert len(person["trace"][field]) == 3
    assert person["trace"][field][-1] == person["latents"][field]
  assert len(person["iterations"]["keypoint"]) == 3
  strip = np.asarray(Image.open(tmp_path / "out" / "astronaut_stages.png"))
  assert strip.shape == (240, 240 * (1 + 3 + 3 + 3), 3)  # with close-ups
  # Other weights: the calibration is not theirs.
  path = quality.path_beside(hund_weights)
  stale = dataclasses.replace(quality.load(path), weights_sha256="0" * 64)
  quality.save(stale, path)
  code, _, err = run(*arguments)
  assert code == 0 and "not of the weights" in err
  content = report.read_report(tmp_path / "out" / "astronaut.json")
  assert "quality" not in content["people"][0]
