"""The program that makes synthetic images: flags to settings, and errors."""

import pytest
from absl import flags
from absl.testing import flagsaver

from flags import synthetic_image_flags
from hund_tf.data.synthetic_images import dataset
from tools import make_synthetic

# Required by the program, but not by others whose flags are parsed in this
# process.
flags.FLAGS.set_default("output_dir", "unset")


@pytest.fixture
def call(monkeypatch, tmp_path):
  """Runs the program with flags, without making images: exit code."""
  # TensorFlow's threads cannot be set again in a process that has used it.
  monkeypatch.setattr(dataset, "use_one_thread", lambda: None)

  def run(**values) -> int:
    flags.FLAGS.mark_as_parsed()
    with flagsaver.flagsaver(output_dir=str(tmp_path), **values):
      return make_synthetic.main(["make_synthetic"])

  return run


def test_flags_become_settings():
  flags.FLAGS.mark_as_parsed()
  with flagsaver.flagsaver(
    split="validation", image_size=256, num_images=50, num_shards=5, seed=8
  ):
    config = synthetic_image_flags.to_config()
  assert (config.name, config.seed) == ("validation", 8)
  assert (config.num_images, config.num_shards) == (50, 5)
  assert config.image.side == 256
  # Held-out captures are shown as they are.
  assert config.scene.flow_poses == config.scene.perturbed_poses == 0.0
  with flagsaver.flagsaver(split="train"):
    assert synthetic_image_flags.to_config().scene.flow_poses > 0.0


@pytest.mark.parametrize(
  ("values", "message"),
  [
    ({"num_images": 3, "num_shards": 4}, "4 shards of 3 images"),
    ({"background_glob": "/nowhere/*.jpg"}, "no file matches"),
    ({"pose_file": "/nowhere/poses.npz"}, "there is no such file"),
  ],
)
def test_problems_are_named(call, capsys, values, message):
  assert call(**values) == 1
  error = capsys.readouterr().err
  assert message in error
  assert error.count("\n") == 1
