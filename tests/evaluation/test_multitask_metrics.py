"""Scores of K and B on cases that can be counted by hand."""

import numpy as np

from hund_tf.evaluation.multitask_metrics import MultitaskCounts


def test_keypoints_by_group():
  counts = MultitaskCounts()
  truth = np.full([2, 137, 2], 100.0)
  found = truth.copy()
  found[0, :5, 0] += 11.0  # beyond 0.1 of the first person's box of 100
  found[1, :5, 0] += 11.0  # within 0.1 of the second one's
  found[:, 30] += 500.0  # a point of the face
  known = np.ones([2, 137], bool)
  known[:, 24] = False
  seen = known.copy()
  seen[:, 0] = False
  counts.add_keypoints(found, truth, known, seen, np.array([100.0, 200.0]))
  scores = counts.scores()
  np.testing.assert_allclose(scores.pck, 1.0 - 4 / 46)
  np.testing.assert_allclose(scores.pck_all, 1.0 - 5 / 48)
  np.testing.assert_allclose(scores.pck_face, 1.0 - 2 / 140)
  np.testing.assert_allclose(scores.pck_hands, 1.0)


def test_overlap_of_parts():
  counts = MultitaskCounts()
  truth, found = np.zeros([1, 2, 4, 15]), np.zeros([1, 2, 4, 15])
  labels = np.array([[0, 0, 1, 1], [0, 2, 2, 2]])
  guesses = np.array([[0, 1, 1, 1], [0, 2, 0, 14]])
  np.put_along_axis(truth[0], labels[..., None], 1.0, axis=-1)
  np.put_along_axis(found[0], guesses[..., None], 1.0, axis=-1)
  weights = np.ones([1, 2, 4])
  weights[0, 1, 3] = 0.4  # the cell of channel 14 hardly is known
  counts.add_parts(found, truth, weights)
  scores = counts.scores()
  np.testing.assert_allclose(scores.iou[:3], [2 / 4, 2 / 3, 1 / 2])
  assert np.isnan(scores.iou[14])
  np.testing.assert_allclose(scores.part_iou, (2 / 3 + 1 / 2) / 2)


def test_batches_add_up_and_nothing_is_nan():
  counts = MultitaskCounts()
  assert np.isnan(counts.scores().pck)
  assert np.isnan(counts.scores().part_iou)
  assert counts.scores().as_dict()["part_iou"] is None
  ones, truth = np.ones([1, 137], bool), np.zeros([1, 137, 2])
  for offset in (0.0, 50.0):
    counts.add_keypoints(truth + offset, truth, ones, ones, np.array([100.0]))
  assert counts.scores().pck == 0.5
  assert counts.scores().as_dict()["pck"] == 0.5
