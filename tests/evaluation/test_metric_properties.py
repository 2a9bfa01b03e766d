"""What holds for the errors of every prediction."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.spatial.transform import Rotation

from hund_tf.evaluation import metrics

_SEEDS = st.integers(0, 2**32 - 1)
_TURNS = arrays.arrays(float, 3, elements=st.floats(-4, 4))
_SHIFTS = arrays.arrays(float, 3, elements=st.floats(-5, 5))
_SCALES = st.floats(0.125, 8)


def _two_poses(seed: int) -> np.ndarray:
  """A prediction and the truth, `[2, 17, 3]` metres."""
  return np.random.default_rng(seed).normal(size=(2, 17, 3))


@given(_SEEDS, _TURNS, _SHIFTS, _SCALES)
def test_pa_mpjpe_does_not_see_a_similarity(seed, turn, shift, scale):
  found, truth = _two_poses(seed)
  moved = scale * Rotation.from_rotvec(turn).apply(found) + shift
  np.testing.assert_allclose(
    metrics.pa_mpjpe(moved, truth), metrics.pa_mpjpe(found, truth), rtol=1e-6
  )
  copy = scale * Rotation.from_rotvec(turn).apply(truth) + shift
  assert metrics.pa_mpjpe(copy, truth) < 1e-9


@given(_SEEDS)
def test_pa_mpjpe_sees_a_reflection(seed):
  _, truth = _two_poses(seed)
  assert metrics.pa_mpjpe(truth * [-1, 1, 1], truth) > 0.05


@given(_SEEDS, _TURNS, _SHIFTS, _SCALES)
def test_no_similarity_is_nearer_than_that_of_procrustes(
  seed, turn, shift, scale
):
  found, truth = _two_poses(seed)
  aligned = metrics.procrustes_align(found, truth)
  moved = scale * Rotation.from_rotvec(turn).apply(found) + shift
  best = ((aligned - truth) ** 2).sum()
  assert best <= ((moved - truth) ** 2).sum() + 1e-9
  assert best <= ((found - truth) ** 2).sum() + 1e-9


@given(_SEEDS, _SHIFTS)
def test_mpjpe_does_not_see_where_the_roots_are(seed, shift):
  found, truth = _two_poses(seed)
  error = metrics.mpjpe(found, truth, found[0], truth[0])
  moved = found + shift
  np.testing.assert_allclose(
    metrics.mpjpe(moved, truth, moved[0], truth[0]), error, rtol=1e-9
  )


@given(_SEEDS, st.sets(st.integers(0, 16), min_size=4, max_size=16))
def test_missing_joints_do_not_matter(seed, known):
  """Whatever number they hold; and all errors are of the joints that are."""
  found, truth = _two_poses(seed)
  weights = np.zeros(17)
  weights[list(known)] = 1.0
  blank = np.where(weights[:, None] > 0, found, np.nan)
  for error in (metrics.mpjpe, metrics.pa_mpjpe):
    np.testing.assert_allclose(
      error(blank, truth, weights=weights),
      error(found[list(known)], truth[list(known)]),
      rtol=1e-9,
    )


@given(_SEEDS, st.floats(0.125, 4), st.floats(1, 3))
def test_pck_and_auc_grow_with_the_limit(seed, limit, factor):
  distances = metrics.joint_distances(*_two_poses(seed))
  for score in (metrics.pck, metrics.auc):
    near, far = score(distances, limit), score(distances, limit * factor)
    assert 0.0 <= near <= far + 1e-12 and far <= 1.0
  assert metrics.auc(distances, limit) <= metrics.pck(distances, limit) + 1e-12
