"""Descents of several methods on the same problems, step by step (Figs. 3, 4).

Every method starts from what it would start from in use: optimisers from
A-poses placed by the keypoints, the learned descent from its s_0, hybrids
BFGS from a stage of the learned descent.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.evaluation import metrics
from hund_tf.evaluation.compared_joints import PELVIS, lsp_joints
from hund_tf.types import (
  ImageFeatures,
  Intrinsics,
  RefinementState,
  TrainingExample,
)

FIELDS = (
  "problem",
  "method",
  "iteration",
  "seconds",
  "evaluations",
  "objective",
  "joint_angle_degrees",
  "mpjpe_mm",
  "pa_mpjpe_mm",
)


class CountedMethod(Protocol):
  """A `Method` that can count what it does."""

  def counted(
    self, features: ImageFeatures, intrinsics: Intrinsics
  ) -> tuple[RefinementState, np.ndarray]:
    """The trace, and the evaluations of L_u by each row of it, `[B, M+1]`."""
    ...


class DescentRow(NamedTuple):
  """One iterate of one method on one problem."""

  problem: int
  method: str
  iteration: int
  seconds: float  # cumulative
  evaluations: int  # of L_u until then, with or without its gradient
  objective: float  # L_u
  joint_angle_degrees: float  # mean over the joints, local rotations
  mpjpe_mm: float  # 14 joints, pelvises together
  pa_mpjpe_mm: float  # 14 joints, after a similarity


def _rows(
  problem: int,
  method: str,
  trace: RefinementState,
  evaluations: np.ndarray,
  body_model: BodyModel,
  example: TrainingExample,
) -> list[DescentRow]:
  states = tf.nest.map_structure(lambda x: x[0], trace.state)
  body = body_model.decode(states, mesh="proxy_1500")
  truth = body_model.decode(example.state, mesh="proxy_1500")
  # The root's rotation is that to the camera: angles are of the joints only.
  turns = body.rotations.numpy()[:, 1:]
  angles = metrics.joint_angle_error(
    turns, np.broadcast_to(truth.rotations.numpy()[:, 1:], turns.shape)
  )
  joints = body.joints.numpy()
  true_joints = np.broadcast_to(example.joints.numpy(), joints.shape)
  roots = joints[:, PELVIS], true_joints[:, PELVIS]
  some, true_some = lsp_joints(joints), lsp_joints(true_joints)
  mpjpe = 1e3 * metrics.mpjpe(some, true_some, *roots)
  pa_mpjpe = 1e3 * metrics.pa_mpjpe(some, true_some)
  seconds = trace.seconds[0].numpy()
  totals = trace.terms.total[0].numpy()
  return [
    DescentRow(
      problem,
      method,
      i,
      float(seconds[i]),
      int(evaluations[0, i]),
      float(totals[i]),
      float(angles[i]),
      float(mpjpe[i]),
      float(pa_mpjpe[i]),
    )
    for i in range(len(totals))
  ]


def compare(
  problems: Iterable[TrainingExample],
  methods: Mapping[str, CountedMethod],
  body_model: BodyModel,
  report: Callable[[int], None] = lambda index: None,
) -> list[DescentRow]:
  """Runs every method on every problem.

  Args:
    problems: batches of one example, with the true state.
    methods: by name; each is called once before the first problem, so that
      compilation is not timed.
    body_model: to decode states.
    report: called with the index of each problem that is done.

  Returns:
    Rows by problem, method and iteration.
  """
  rows = []
  for index, example in enumerate(problems):
    for name, method in methods.items():
      if index == 0:
        method.counted(example.features, example.intrinsics)
      found = method.counted(example.features, example.intrinsics)
      rows += _rows(index, name, *found, body_model, example)
    report(index)
  return rows


def seconds_together(
  problems: Sequence[TrainingExample], method: Callable, repeats: int = 3
) -> float:
  """Seconds of a method that takes all problems as one batch.

  Args:
    problems: N batches of one example.
    method: a `Method` that can be given any batch.
    repeats: after a first call that is not timed; their median counts.

  Returns:
    Seconds for all N, from the method's own trace.
  """
  batch = tf.nest.map_structure(lambda *x: tf.concat(x, axis=0), *problems)
  method(batch.features, batch.intrinsics)
  times = [
    float(method(batch.features, batch.intrinsics).seconds[0, -1])
    for _ in range(repeats)
  ]
  return float(np.median(times))


def seconds_in_turn(
  problems: Sequence[TrainingExample], method: Callable, repeats: int = 3
) -> float:
  """Seconds of a method that takes the problems one after the other.

  Args:
    problems: N batches of one example.
    method: a `Method`.
    repeats: rounds after a first one that is not timed; their median counts.

  Returns:
    Seconds for all N, from the method's own traces.
  """
  rounds = [
    sum(
      float(method(p.features, p.intrinsics).seconds[0, -1]) for p in problems
    )
    for _ in range(repeats + 1)
  ]
  return float(np.median(rounds[1:]))


class MethodSummary(NamedTuple):
  """Means over the problems of where a method ended, and standard errors."""

  method: str
  problems: int
  iterations: float
  seconds: float
  evaluations: float
  objective: float
  joint_angle_degrees: float
  mpjpe_mm: float
  pa_mpjpe_mm: float
  # Of the last four means; not numbers for one problem.
  standard_errors: tuple[float, float, float, float]


def summarize(rows: list[DescentRow]) -> list[MethodSummary]:
  """The last iterates of each method, averaged."""
  last: dict[tuple[str, int], DescentRow] = {}
  for row in rows:
    last[row.method, row.problem] = row
  result = []
  for method in dict.fromkeys(row.method for row in rows):
    ends = [row for (name, _), row in last.items() if name == method]
    values = np.array([row[2:] for row in ends], float)
    errors = (_standard_error(column) for column in values[:, -4:].T)
    means = map(float, values.mean(axis=0))
    result.append(MethodSummary(method, len(ends), *means, tuple(errors)))
  return result


def _standard_error(values: np.ndarray) -> float:
  """Of the mean of values `[N]`; not a number for one."""
  if len(values) < 2:
    return float("nan")
  return float(values.std(ddof=1) / np.sqrt(len(values)))


def difference(rows: list[DescentRow], method: str, other: str) -> str:
  """By how much the ends of a method are below those of another one, in words.

  Args:
    rows: of `compare`, with both methods on the same problems.
    method: one of them.
    other: one of them.

  Returns:
    The mean difference of each error, its standard error (not a number for one
    problem), and in how many problems the first method is better.
  """
  last = {(row.method, row.problem): row for row in rows}
  problems = [problem for name, problem in last if name == method]
  gains = []
  for field, unit in (
    ("joint_angle_degrees", "degrees of joint angle"),
    ("mpjpe_mm", "mm of MPJPE"),
    ("pa_mpjpe_mm", "mm of PA-MPJPE"),
  ):
    values = np.array(
      [
        getattr(last[other, p], field) - getattr(last[method, p], field)
        for p in problems
      ]
    )
    gains.append(
      f"{values.mean():.2f} (+- {_standard_error(values):.2f}; better in "
      f"{(values > 0).sum()}) {unit}"
    )
  return (
    f"{method} ends below {other} in {len(problems)} problems by "
    f"{', '.join(gains)}."
  )


def stages_as_methods(rows: list[DescentRow], method: str) -> list[DescentRow]:
  """The descents of HUND(M) cut off after 1 ... M - 1 stages.

  Args:
    rows: of `compare`.
    method: the learned descent's name, as "HUND(5)".

  Returns:
    Rows of the methods HUND(1) ... HUND(M - 1).
  """
  descent = [row for row in rows if row.method == method]
  last = max((row.iteration for row in descent), default=0)
  return [
    row._replace(method=f"HUND({stages})")
    for stages in range(1, last)
    for row in descent
    if row.iteration <= stages
  ]


def seconds_to_reach(
  rows: list[DescentRow], method: str, target: Mapping[int, float]
) -> list[float]:
  """Seconds until a method's objective is at most the target of each problem.

  Args:
    rows: of `compare`.
    method: whose time is asked for.
    target: problem -> objective.

  Returns:
    Seconds for each problem of `target`; infinity where it never gets there.
  """
  result = []
  for problem, value in target.items():
    reached = [
      row.seconds
      for row in rows
      if row.method == method
      and row.problem == problem
      and row.objective <= value
    ]
    result.append(min(reached, default=float("inf")))
  return result


def table(summaries: list[MethodSummary]) -> str:
  """A Markdown table of the summaries: means +- standard errors."""
  lines = [
    "| method | problems | iterations | seconds | evaluations | L_u "
    "| joint angle, degrees | MPJPE, mm | PA-MPJPE, mm |",
    "|---|---|---|---|---|---|---|---|---|",
  ]
  for s in summaries:
    errors = s.standard_errors
    lines.append(
      f"| {s.method} | {s.problems} | {s.iterations:.0f} | {s.seconds:.3f} "
      f"| {s.evaluations:.0f} | {s.objective:.2f} +- {errors[0]:.2f} "
      f"| {s.joint_angle_degrees:.2f} +- {errors[1]:.2f} "
      f"| {s.mpjpe_mm:.1f} +- {errors[2]:.1f} "
      f"| {s.pa_mpjpe_mm:.1f} +- {errors[3]:.1f} |"
    )
  return "\n".join(lines)
