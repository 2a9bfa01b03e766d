"""Tables and times of compared descents."""

import numpy as np
from PIL import Image

from hund_tf.body import poses
from hund_tf.compat import tf
from hund_tf.evaluation import descent_comparison, descent_report
from hund_tf.evaluation.descent_comparison import DescentRow
from hund_tf.types import (
  AlignmentTerms,
  RefinementState,
  SupervisionWeights,
  TrainingExample,
)
from hund_tf.visualization.descent_plots import save_descent_plots


def _row(problem, method, iteration, seconds, objective):
  return DescentRow(
    *(problem, method, iteration, seconds, 2 * iteration + 1, objective),
    *(10.0, 20.0, 15.0),
  )


_ROWS = [
  _row(0, "slow", 0, 0.0, 9.0),
  _row(0, "slow", 1, 2.0, 5.0),
  _row(0, "slow", 2, 4.0, 1.0),
  _row(1, "slow", 0, 0.0, 8.0),
  _row(1, "slow", 1, 6.0, 7.0),
  _row(0, "fast", 0, 0.1, 3.0),
  _row(1, "fast", 0, 0.3, 2.0),
]


def test_summary_is_the_mean_of_the_last_iterates():
  slow, fast = descent_comparison.summarize(_ROWS)
  assert (slow.method, slow.problems) == ("slow", 2)
  assert slow.iterations == 1.5 and slow.seconds == 5.0
  assert slow.objective == 4.0 and slow.evaluations == 4.0
  assert fast.objective == 2.5
  # Objectives 1 and 7, and 3 and 2.
  np.testing.assert_allclose(slow.standard_errors, [3.0, 0, 0, 0], atol=1e-9)
  table = descent_comparison.table([slow, fast])
  assert "| fast | 2 |" in table and "| 2.50 +- 0.50 |" in table


def test_a_descent_that_was_cut_off_earlier():
  cut = descent_comparison.stages_as_methods(_ROWS, "slow")
  (one,) = descent_comparison.summarize(cut)
  assert (one.method, one.problems) == ("HUND(1)", 2)
  assert (one.seconds, one.objective) == (4.0, 6.0)
  assert not descent_comparison.stages_as_methods(_ROWS, "fast")


def test_differences_are_of_the_same_problems():
  ends = {"a": (9.0, 5.0, 7.0), "b": (10.0, 8.0, 7.0)}
  rows = [
    DescentRow(problem, method, i, 0.0, 1, 0.0, 50.0 * (1 - i) + i * end, 2, 1)
    for method, values in ends.items()
    for problem, end in enumerate(values)
    for i in (0, 1)
  ]
  # Differences 1, 3 and 0: mean 4/3, deviation 1.53, error 0.88.
  assert descent_comparison.difference(rows, "a", "b") == (
    "a ends below b in 3 problems by 1.33 (+- 0.88; better in 2) degrees of "
    "joint angle, 0.00 (+- 0.00; better in 0) mm of MPJPE, 0.00 (+- 0.00; "
    "better in 0) mm of PA-MPJPE."
  )


def test_seconds_to_reach_a_value():
  times = descent_comparison.seconds_to_reach(_ROWS, "slow", {0: 5.0, 1: 2.0})
  assert times == [2.0, float("inf")]


def test_problems_are_taken_as_one_batch():
  sizes = []

  def method(features, intrinsics):
    sizes.append(features.shape[0])
    seconds = [9.0, 1.0, 5.0, 2.0][len(sizes) - 1]
    return RefinementState(None, None, None, tf.constant([[0.0, seconds]]))

  example = TrainingExample(*[tf.zeros([1, 2])] * len(TrainingExample._fields))
  assert descent_comparison.seconds_together([example] * 7, method) == 2.0
  assert sizes == [7] * 4


def test_problems_are_taken_one_after_the_other():
  """The first round is not timed, the median of the others counts."""
  sizes = []

  def method(features, intrinsics):
    sizes.append(features.shape[0])
    seconds = [9.0, 1.0, 5.0, 2.0][(len(sizes) - 1) // 7]
    return RefinementState(None, None, None, tf.constant([[0.0, seconds]]))

  example = TrainingExample(*[tf.zeros([1, 2])] * len(TrainingExample._fields))
  assert descent_comparison.seconds_in_turn([example] * 7, method) == 14.0
  assert sizes == [1] * 28


def test_the_truth_has_no_error(body_model):
  state = poses.a_pose(body_model)
  body = body_model.decode(state, mesh="proxy_1500")
  example = TrainingExample(
    features=None,
    image=None,
    intrinsics=None,
    state=state,
    vertices=body.vertices,
    joints=body.joints,
    keypoints=None,
    keypoint_weights=None,
    weights=SupervisionWeights(*[tf.ones([1])] * 5),
  )
  bent = state._replace(body_pose=state.body_pose + 0.3)
  both = tf.nest.map_structure(lambda a, b: tf.stack([a, b], 1), bent, state)
  trace = RefinementState(
    state=both,
    terms=AlignmentTerms(*[tf.constant([[2.0, 1.0]])] * 5),
    memory=tf.zeros([1, 2, 0]),
    seconds=tf.constant([[0.0, 1.0]]),
  )

  class Oracle:
    def counted(self, features, intrinsics):
      return trace, np.array([[1, 3]])

  first, last = descent_comparison.compare(
    [example], {"oracle": Oracle()}, body_model
  )
  assert first.joint_angle_degrees > 1.0 and first.mpjpe_mm > 5.0
  assert last.joint_angle_degrees < 0.05
  np.testing.assert_allclose([last.mpjpe_mm, last.pa_mpjpe_mm], 0.0, atol=0.01)
  assert (last.seconds, last.evaluations, last.objective) == (1.0, 3, 1.0)


def test_plots_are_written(tmp_path):
  save_descent_plots(tmp_path / "plot.png", _ROWS)
  picture = np.asarray(Image.open(tmp_path / "plot.png").convert("RGB"))
  assert picture.std() > 5.0  # not blank
  assert [p.name for p in tmp_path.iterdir()] == ["plot.png"]


def test_how_many_times_as_long_the_optimisers_take():
  """Of two problems BFGS reaches the objective in one, after 3 s."""
  rows = [
    _row(0, "HUND(5)", 5, 0.5, 4.0),
    _row(1, "HUND(5)", 5, 0.5, 4.0),
    _row(0, "BFGS", 1, 3.0, 3.5),
    _row(0, "BFGS", 2, 6.0, 3.0),
    _row(1, "BFGS", 1, 5.0, 4.5),
    _row(0, "L-BFGS", 1, 9.0, 6.0),
    _row(1, "L-BFGS", 1, 9.0, 6.0),
  ]
  learned = descent_report.LearnedSeconds(in_turn=0.1, together=0.02)
  own, bfgs, lbfgs = descent_report.speed(rows, learned).splitlines()
  assert "0.100 s for all 2 problems" in own
  assert own.endswith("; 500.0 ms (median) in turns with the other methods.")
  assert "50.0 ms each" in own and "0.020 s in one batch" in own
  assert "1 of 2, after 3.00 s (median of these), 60 times as long" in bfgs
  assert "8.0 s for all of them" in bfgs
  assert "80 times as long, and 400 times as long as the batch" in bfgs
  assert "L-BFGS reaches its objective in 0 of 2. One after" in lbfgs
  assert "18.0 s for all of them" in lbfgs
