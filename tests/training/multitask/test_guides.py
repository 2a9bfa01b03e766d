"""Guides of training are a detector's keypoints, with its errors."""

import numpy as np
import pytest

from hund_tf.compat import tf
from hund_tf.records.crop_augmentation import upright_crop
from hund_tf.records.multitask_examples import MultitaskExample
from hund_tf.training.multitask.guides import draw_guides


def _example(batch):
  random = np.random.default_rng(0)
  keypoints = random.uniform(120.0, 360.0, [batch, 137, 2])
  weights = np.ones([batch, 137], np.float32)
  weights[:, 3] = 0.0
  crop = upright_crop(tf.constant([0.0, 0.0, 480.0, 480.0]))
  return MultitaskExample(
    image=tf.zeros([batch, 8, 8, 3]),
    keypoints=tf.constant(keypoints, tf.float32),
    keypoint_weights=tf.constant(weights),
    visibility=tf.ones([batch, 137]),
    part_probs=tf.zeros([batch, 60, 60, 15]),
    part_weights=tf.zeros([batch, 16]),
    cell_weights=tf.zeros([batch, 60, 60]),
    box_side=tf.fill([batch], 300.0),
    crop=crop,
  )


def test_guides_are_near_the_keypoints():
  example = _example(64)
  maps = draw_guides(example, 1.0, 0, tf.constant(5)).numpy()
  assert maps.shape == (64, 60, 60, 25)
  assert maps.max() <= 1.0 and maps[..., 3].max() == 0.0
  peaks = maps.reshape(64, -1, 25)
  rows, columns = np.divmod(peaks.argmax(1), 60)
  places = (np.stack([columns, rows], -1) + 0.5) * 8.0
  apart = np.linalg.norm(places - example.keypoints[:, :25].numpy(), axis=-1)
  given = peaks.max(1) > 0.0
  # No small toe of most detectors, and few of the others are missing.
  assert 0.6 < given.mean() < 0.95
  sure = peaks.max(1) > 0.7
  sure[:, [1, 8]] = False  # midpoints of others
  assert np.median(apart[sure]) < 10.0
  assert np.mean(apart[sure] > 40.0) < 0.1


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_share_of_guided_crops(share):
  maps = draw_guides(_example(200), share, 0, tf.constant(1)).numpy()
  guided = maps.max(axis=(1, 2, 3)) > 0.0
  assert abs(guided.mean() - share) < 0.1


def test_guides_are_a_function_of_seed_and_step():
  example = _example(4)
  first, again, other = (
    draw_guides(example, 1.0, 7, tf.constant(step)) for step in (1, 1, 2)
  )
  np.testing.assert_array_equal(first, again)
  assert np.abs(first - other).max() > 0.1
