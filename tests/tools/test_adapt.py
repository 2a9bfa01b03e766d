"""The adaptation program: what it writes, refuses, and tells."""

import json

import numpy as np
import pytest
from absl import flags
from PIL import Image

from hund_tf.losses.alignment import AlignmentObjective, ObjectiveConfig
from hund_tf.models.hund import weights
from hund_tf.models.hund.config import HundConfig
from hund_tf.models.hund.model import HundModel
from hund_tf.motion import pose_library
from hund_tf.synthetic.example_config import SyntheticConfig
from hund_tf.synthetic.examples import SyntheticExamples
from hund_tf.training.adaptation.guard import Judgement
from hund_tf.training.adaptation.trainer import Adaptation
from hund_tf.training.hund.step import StepReport
from hund_tf.types import STATE_DIMS, AlignmentTerms, HumanState
from tests.eager import run_eagerly
from tests.training.adaptation.photo_people_fixtures import seen_people
from tools import adapt

_FAST = (
  "--adaptation_batch_size=2",
  "--judged_examples=2",
  "--adaptation_steps=4",
  "--synthetic_batch_size=4",
  "--judge_steps=2",
)
_OURS = (
  "images",
  "openpose",
  "weights",
  "method",
  "video",
  "validation_images",
  "synthetic_share",
  "adaptation_rate",
  "max_error_rise",
  "output_dir",
)


@pytest.fixture
def run(capsys, monkeypatch):
  """Runs the program in this process: arguments -> code, stdout, stderr."""

  # It would hold for all tests of this process.
  monkeypatch.setattr(adapt.run_devices, "be_deterministic", lambda: None)

  def call(*arguments: object) -> tuple[int, str, str]:
    flags.FLAGS.unparse_flags()
    for name in _OURS:
      flags.FLAGS[name].unparse()
    try:
      argv = flags.FLAGS(["adapt", *_FAST, *map(str, arguments)])
      code = adapt.main(argv)
    finally:
      for name in _OURS:
        flags.FLAGS[name].unparse()
    captured = capsys.readouterr()
    return code, captured.out, captured.err

  return call


@pytest.fixture(scope="module")
def small_weights(body_model, tmp_path_factory):
  """Weights of a small untrained model that reads no part maps."""
  objective = AlignmentObjective(body_model, ObjectiveConfig(part_weight=0.0))
  config = HundConfig(num_stages=1, units=16, context_size=8, filters=(4,) * 6)
  path = tmp_path_factory.mktemp("weights") / "small.npz"
  weights.save(HundModel(objective, config), path)
  return path


@pytest.fixture(scope="module")
def album(body_model, tmp_path_factory):
  """Four photos and what OpenPose sees in them, and one damaged file."""
  folder = tmp_path_factory.mktemp("album")
  config = SyntheticConfig(render_parts=False).without_noise()
  examples = SyntheticExamples(body_model, pose_library.empty(), config)
  with run_eagerly():
    people = seen_people(examples.example_batch(5, 0, 4))
  random = np.random.default_rng(0)
  for i, person in enumerate(people):
    pixels = random.integers(0, 255, [480, 480, 3], np.uint8)
    Image.fromarray(pixels).save(folder / f"p{i}.png")
    points = person.detection.keypoints
    content = {
      "pose_keypoints_2d": points[:25].flatten().tolist(),
      "face_keypoints_2d": points[25:95].flatten().tolist(),
    }
    path = folder / f"p{i}_keypoints.json"
    path.write_text(json.dumps({"people": [content]}))
  (folder / "p9.png").write_bytes(b"not a picture")
  return folder


def _names(folder):
  return sorted(path.name for path in folder.iterdir())


def test_weights_that_are_better_are_written_with_report_and_pictures(
  run, album, small_weights, tmp_path, body_model
):
  out = tmp_path / "out"
  arguments = (
    f"--images={album}",
    f"--openpose={album}",
    f"--weights={small_weights}",
    f"--output_dir={out}",
  )
  code, printed, err = run(
    *arguments,
    "--synthetic_share=0",
    "--adaptation_rate=0.003",
    "--max_error_rise=10",
  )
  assert "p9.png: is not a readable image" in err
  assert code == 1  # a photo failed; the others were adapted to
  assert _names(out) == [
    "adapted.npz",
    "before_after.png",
    "curve.png",
    "report.json",
    "run.flags",
  ]
  assert "tools.calibrate_quality" in printed
  report = json.loads((out / "report.json").read_text())
  assert report["kept"] and len(report["failures"]) == 1
  assert report["after"]["objective"] < report["before"]["objective"]
  trained, judged = (report[f"{k}_photos"] for k in ("trained", "held_out"))
  assert len(trained) == len(judged) == 2 and not set(trained) & set(judged)
  before = weights.load(body_model, small_weights).trainable_variables
  after = weights.load(body_model, out / "adapted.npz").trainable_variables
  moved = [np.any(a != b) for a, b in zip(before, after, strict=True)]
  assert any(moved)
  assert "--adaptation_rate=0.003" in (out / "run.flags").read_text()
  strip = np.asarray(Image.open(out / "before_after.png"))
  assert strip.shape == (2 * 240, 5 * 240, 3)
  # Weights that are there are not written over.
  code, _, err = run(*arguments)
  assert code == 1 and "adapted.npz: is there already" in err


def _look(step: int) -> Judgement:
  """One held-out person, who stays as well met as before."""
  state = HumanState(*(np.zeros([1, size]) for size in STATE_DIMS))
  return Judgement(step, state, AlignmentTerms(*[np.ones(1)] * 5), 90.0, 60.0)


def test_weights_that_are_no_better_are_not_written(
  run, album, small_weights, tmp_path, monkeypatch, eager
):
  still = StepReport(np.float32(1.0), np.float32(1.0), None, None)
  monkeypatch.setattr(Adaptation, "_step", lambda *_: lambda *_: still)
  monkeypatch.setattr(Adaptation, "judge", lambda _, step: _look(step))
  out = tmp_path / "out"
  code, _, err = run(
    f"--images={album}/p0.png,{album}/p1.png",
    f"--validation_images={album}/p2.png",
    f"--openpose={album}",
    f"--weights={small_weights}",
    f"--output_dir={out}",
  )
  assert code == 2, err
  assert _names(out) == ["report.json"]
  report = json.loads((out / "report.json").read_text())
  assert not report["kept"] and "expected a fall" in report["reasons"][0]
  assert report["reasons"][0] in err
  assert report["held_out_photos"] == [f"{album}/p2.png"]


@pytest.mark.parametrize(
  ("arguments", "words"),
  [
    ((), "no photos: give files"),
    (("--images={album}/p0.png",), "1 photos with people to train on and 0"),
    (
      ("--images={album}/p0.png", "--validation_images={album}/p0.png"),
      "a photo of it is trained on too",
    ),
    (("--images={album}/p9.png",), "no person found in 1 photos"),
    (("--video={album}/p9.png",), "no person found in 0 photos"),
    (("--images={album}", "--method=bfgs"), "--method: got bfgs"),
  ],
)
def test_what_cannot_be_adapted_to(
  run, album, small_weights, tmp_path, arguments, words
):
  arguments = [text.format(album=album) for text in arguments]
  code, _, err = run(
    *arguments,
    f"--openpose={album}",
    f"--weights={small_weights}",
    f"--output_dir={tmp_path / 'out'}",
  )
  assert code == 1
  assert words in err
  assert not (tmp_path / "out" / "adapted.npz").exists()
