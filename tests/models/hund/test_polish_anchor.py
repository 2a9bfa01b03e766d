"""The anchor's file."""

import dataclasses

import numpy as np
import pytest

from hund_tf.body.points import STEP_SIZE
from hund_tf.models import weight_files
from hund_tf.models.hund import polish_anchor
from hund_tf.models.hund.polish_anchor import Anchor
from hund_tf.models.weight_files import WeightsError


@pytest.fixture
def anchor():
  random = np.random.default_rng(0)
  root = random.normal(size=[2, STEP_SIZE, STEP_SIZE]) / 10.0
  covariances = root @ root.transpose(0, 2, 1) + np.eye(STEP_SIZE)
  return Anchor(
    covariances.astype(np.float32),
    np.array([0.5], np.float32),
    (10.0, 1.5),
    (0.2, 1.5),
    1.25,
    3,
    "",
    {"seed": 1},
    (6.0, 4.0),
  )


def test_precisions_invert_the_covariances(anchor):
  product = anchor.precisions(np.arange(STEP_SIZE)) @ anchor.covariances
  np.testing.assert_allclose(
    product, np.tile(np.eye(STEP_SIZE), [2, 1, 1]), atol=1e-3
  )


def test_reads_what_it_writes(anchor, tmp_path):
  path = tmp_path / "a.polish.npz"
  polish_anchor.save(anchor, path)
  found = polish_anchor.load(path)
  np.testing.assert_allclose(found.covariances, anchor.covariances, atol=1e-6)
  np.testing.assert_array_equal(found.edges, anchor.edges)
  for name in (
    "keypoints",
    "landmarks",
    "outline",
    "uncertainty_scale",
    "provenance",
  ):
    assert getattr(found, name) == getattr(anchor, name)


def test_belongs_to_weights_as_they_are(anchor, tmp_path):
  weights = tmp_path / "mine.npz"
  weights.write_bytes(b"weights")
  assert polish_anchor.load_beside(weights) is None
  own = dataclasses.replace(anchor, weights_sha256=weight_files.digest(weights))
  polish_anchor.save(own, polish_anchor.path_beside(weights))
  assert polish_anchor.load_beside(weights, 3) is not None
  assert polish_anchor.load_beside(weights, 2) is None  # of other descents
  weights.write_bytes(b"others")
  with pytest.raises(WeightsError, match="calibrate_polish again"):
    polish_anchor.load_beside(weights)


def test_refuses_other_files(anchor, tmp_path):
  path = tmp_path / "x.npz"
  path.write_bytes(b"no")
  with pytest.raises(WeightsError, match="cannot be read"):
    polish_anchor.load(path)
  with pytest.raises(ValueError, match="expected"):
    dataclasses.replace(anchor, edges=np.zeros([2]))
