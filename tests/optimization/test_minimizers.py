"""Minimisers of users: how they are found, and what is made of them."""

import importlib.metadata
import types

import numpy as np
import pytest

from hund_tf.body import poses
from hund_tf.compat import tf
from hund_tf.optimization import minimizers, parameters
from hund_tf.optimization.config import OptimizerConfig
from hund_tf.optimization.minimize import counted
from hund_tf.types import AlignmentTerms

NOT_CALLABLE = 3


class Bowl:
  """An objective |p - 1|^2 of the parameters p of a state."""

  xla_compatible = False

  def __call__(self, state, target, intrinsics):
    square = tf.reduce_sum((parameters.pack(state) - 1.0) ** 2, axis=-1)
    return AlignmentTerms(square, *[tf.zeros_like(square)] * 4)


def halving(function, start, max_iterations, record):
  """Newton's step for a bowl, half as long: the value falls to a quarter."""
  point = start
  for _ in range(max_iterations):
    _, gradient = function(point)
    point = point - 0.25 * gradient
    record(point)


def too_short(function, start, max_iterations, record):
  record(start[:3])


def _start(body_model):
  return poses.a_pose(body_model)._replace(
    translation=tf.constant([[0.1, 0.0, 2.7]])
  )


def _run(body_model, minimizer):
  nothing = tf.zeros([1, 2])
  config = OptimizerConfig(max_iterations=4)
  start = _start(body_model)
  return counted(Bowl(), nothing, nothing, config, start, minimizer)


def test_a_plugged_minimizer_gives_a_trace(body_model):
  found = minimizers.find_minimizers([f"{__name__}:halving"])
  trace, evaluations = _run(body_model, found[f"{__name__}:halving"])
  totals = trace.terms.total[0].numpy()
  np.testing.assert_allclose(
    totals, totals[0] * 0.25 ** np.arange(5), rtol=1e-3
  )
  # The start, and for each iterate its step's gradient and its own terms: the
  # next step finds these no longer, as they are of the last iterate.
  np.testing.assert_array_equal(evaluations, [[1, 3, 5, 7, 9]])
  assert trace.seconds.shape == [1, 5]


def test_a_point_of_another_shape_is_an_error(body_model):
  with pytest.raises(ValueError, match=r"shape \(3,\), expected \(204,\)"):
    _run(body_model, too_short)


@pytest.mark.parametrize(
  ("name", "message"),
  [
    ("nowhere.at_all:x", "cannot import 'nowhere.at_all'"),
    (f"{__name__}:missing", "has no 'missing'"),
    (f"{__name__}:NOT_CALLABLE", "is a int that cannot be used"),
    (f"{__name__}:Bowl", "is a type that cannot be used"),
    (":x", "cannot import ''"),
    ("plain", "no entry point of hund_tf.optimizers"),
  ],
)
def test_what_cannot_be_found_is_named(name, message):
  with pytest.raises(ValueError, match=message) as error:
    minimizers.find_minimizers([name])
  assert repr(name) in str(error.value) and "expected" in str(error.value)


def test_entry_points_are_found_by_name(monkeypatch):
  points = importlib.metadata.EntryPoints(
    [
      importlib.metadata.EntryPoint(name, value, minimizers.ENTRY_POINTS)
      for name, value in (
        ("mine", f"{__name__}:halving"),
        ("gone", "nowhere.at_all:x"),
      )
    ]
  )
  metadata = types.SimpleNamespace(entry_points=lambda group: points)
  monkeypatch.setattr(minimizers.importlib, "metadata", metadata)
  assert minimizers.find_minimizers(["mine"])["mine"].__name__ == "halving"
  with pytest.raises(ValueError, match="'gone' cannot be loaded"):
    minimizers.find_minimizers(["gone"])
  with pytest.raises(ValueError, match=r"\(gone, mine\)"):
    minimizers.find_minimizers(["other"])
