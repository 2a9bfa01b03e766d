"""The crowd that the detector is timed on, and the clock."""

import numpy as np

from hund_tf.api.demo import demo_photo
from hund_tf.detection import networks
from hund_tf.detection.detector import PeopleDetector
from hund_tf.evaluation import detection_speed
from hund_tf.evaluation.detection_speed import StepTimes
from hund_tf.photos.loading import load_photo


def test_a_crowd_has_so_many_tiles():
  photo = np.zeros([300, 500, 3], np.uint8)
  photo[:, 100:400] = 200  # the square middle
  image = detection_speed.crowd(photo, 7)
  assert image.shape == (512, 1280, 3)
  assert (image[:256] == 200).all() and (image[256:, :512] == 200).all()
  assert (image[256:, 512:] == 128).all()
  assert detection_speed.crowd(photo, 1).shape == (256, 256, 3)


def test_batches_are_as_large_as_before_afterwards():
  before = networks.MAX_BATCH
  with detection_speed.crops_at_once(1):
    assert networks.MAX_BATCH == 1
  assert networks.MAX_BATCH == before


def test_the_clock_runs_through_all_steps_of_the_detector():
  image = detection_speed.crowd(load_photo(demo_photo()), 1)
  times = detection_speed.step_times(PeopleDetector(), image)
  assert times.people == 1
  assert list(times.steps)[-1] == "keypoints and masks"
  assert all(value >= 0 for value in times.steps.values())


def test_medians_and_their_table():
  runs = [StepTimes(2, {"a": t, "b": 1.0}) for t in (1.0, 9.0, 2.0)]
  middle = detection_speed.medians(runs)
  assert middle.steps == {"a": 2.0, "b": 1.0}
  assert middle.total == 3.0
  text = detection_speed.table([(middle, runs[1])], [2])
  assert "| ms by step | 2 people, 2 found | crop by crop |" in text
  assert "| a | 2 | 9 |" in text
  assert text.splitlines()[-1] == "| all | 3 | 10 |"
