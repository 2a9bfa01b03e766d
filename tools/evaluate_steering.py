"""Measures how far corrections and terms help, on synthetic people.

  python -m tools.evaluate_steering --pose_file=poses.npz

Prints Markdown: a wrong keypoint of each person corrected, after further stages
of the descent or none (docs/guide/steering.md); terms that are true of people,
at the end of the stages and after the polish; two people who touch, or are near
(docs/guide/terms.md, docs/guide/pair_terms.md).
"""

import dataclasses
import itertools
import sys
from collections.abc import Iterator, Sequence

import numpy as np

from flags import body_flags, method_flags, program, synthetic_flags
from flags.from_config import define
from hund_tf.body.model import BodyModel
from hund_tf.evaluation import pair_trials, steering_trials, term_trials
from hund_tf.losses.alignment import AlignmentObjective
from hund_tf.losses.pair_terms import Apart
from hund_tf.losses.terms import Term
from hund_tf.options import check, option
from hund_tf.synthetic.examples import SyntheticExamples
from hund_tf.types import TrainingExample

_BATCH = 25
_TABLES = ("corrections", "terms", "pairs")


@dataclasses.dataclass(frozen=True)
class TrialConfig:
  """What is measured."""

  tables: tuple[str, ...] = option(
    _TABLES,
    "Tables that are printed.",
    name="steering_tables",
    choices=_TABLES,
  )
  people: int = option(
    100, "People, or pairs, of each trial.", name="steering_people", low=2
  )
  stages: tuple[int, ...] = option(
    (0, 1, 2, 5),
    "Stages that the descent goes on for after a correction.",
    name="steering_stages",
    low=0,
  )
  split: str = option(
    "held_out",
    "Which captured poses people are in.",
    name="steering_split",
    choices=("validation", "held_out"),
  )
  weights: tuple[float, ...] = option(
    (1e3, 1e4), "Weights of terms, 1 / m^2.", name="term_weights", low=0.0
  )
  seed: int = option(11, "Seed of the people.", name="steering_seed")

  def __post_init__(self):
    check(self)


_to_config = define(TrialConfig, "Trials")


def _examples(
  body: BodyModel, config: TrialConfig
) -> Iterator[TrainingExample]:
  """Endless batches."""
  poses = synthetic_flags.to_poses(body.pose_prior, config.split)
  source = SyntheticExamples(
    body, poses, synthetic_flags.to_config().captured_only()
  )
  step = 0
  while True:
    yield source.example_batch(config.seed, step, _BATCH)
    step += 1


def _corrections(config: TrialConfig, body: BodyModel) -> Iterator[str]:
  """Lines of the table of corrected keypoints."""
  method = method_flags.to_method(AlignmentObjective(body))
  batches = list(
    itertools.islice(_examples(body, config), -(-config.people // _BATCH))
  )
  yield (
    "| stages | people | within 3 px | off, px: before | after | others' "
    "PA-MPJPE, mm: before | change |"
  )
  yield "| --- | --- | --- | --- | --- | --- | --- |"
  for stages in config.stages:
    found = steering_trials.correct(batches, method, stages, config.seed)
    change = found.others_after - found.others_before
    yield (
      f"| {stages} | {len(change)} | {np.sum(found.after < 3.0)} "
      f"| {_mean(found.before)} | {_mean(found.after)} "
      f"| {_mean(found.others_before)} | {_mean(change)} |"
    )


def _terms(config: TrialConfig, body: BodyModel) -> Iterator[str]:
  """Lines of the table of terms."""
  plain = method_flags.to_method(AlignmentObjective(body))
  yield (
    "| term | weight | people | end | residual, mm: without | with | "
    "PA-MPJPE, mm: without | change |"
  )
  yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
  for make in term_trials.TRIALS:
    function = make()
    forms = [("", function, weight) for weight in config.weights]
    value = term_trials.as_value(function)
    forms.append((", as a value", value, config.weights[0]))
    methods = {"without": plain}
    for form, called, weight in forms:
      term = Term(function.name, called, weight)
      objective = AlignmentObjective(body, terms=(term,))
      name = f"{function.name}{form} | {weight:g}"
      methods[name] = method_flags.to_method(objective)
    found = term_trials.try_term(
      _examples(body, config), function, methods, config.people
    )
    before = found.pop("without")
    for name, after in found.items():
      for i, end in enumerate(("stages", "polish")):
        change = after.error[:, i] - before.error[:, i]
        yield (
          f"| {name} | {len(change)} | {end} | {_mean(before.missed[:, i])} "
          f"| {_mean(after.missed[:, i])} | {_mean(before.error[:, i])} "
          f"| {_mean(change)} |"
        )


def _pairs(config: TrialConfig, body: BodyModel) -> Iterator[str]:
  """Lines of the table of terms of two people."""
  method, apart = method_flags.to_method(AlignmentObjective(body)), Apart(body)
  yield (
    "| term | weight | pairs | residual, mm: without | with | PA-MPJPE, mm: "
    "without | change | distance of pelvises off, mm: without | change "
    "| vertices inside: without | with |"
  )
  yield "|" + " --- |" * 11
  for trial in (pair_trials.TouchingHands(apart), pair_trials.StayApart(apart)):
    for weight in config.weights:
      found = pair_trials.relate(
        _examples(body, config),
        method,
        trial,
        weight,
        config.people,
        config.seed,
      )
      yield (
        f"| {trial.name} | {weight:g} | {len(found.without)} "
        f"| {_mean(found.without)} | {_mean(found.with_term)} "
        f"| {_mean(found.error_without)} "
        f"| {_mean(found.error_with - found.error_without)} "
        f"| {_mean(found.apart_without)} "
        f"| {_mean(found.apart_with - found.apart_without)} "
        f"| {_mean(found.inside_without)} | {_mean(found.inside_with)} |"
      )


def _mean(values: np.ndarray) -> str:
  error = values.std(ddof=1) / np.sqrt(len(values))
  return f"{values.mean():.2f} +- {error:.2f}"


def main(argv: Sequence[str]) -> int:
  if len(argv) > 1:
    print(f"unknown arguments {argv[1:]}; see --help", file=sys.stderr)
    return 1
  try:
    config = _to_config()
    body = body_flags.to_model()
    makers = dict(zip(_TABLES, (_corrections, _terms, _pairs), strict=True))
    for name in config.tables:
      for line in makers[name](config, body):
        print(line, flush=True)
      print()
  except ValueError as error:
    print(f"evaluate_steering: {error}", file=sys.stderr)
    return 1
  return 0


if __name__ == "__main__":
  program.run(main)
