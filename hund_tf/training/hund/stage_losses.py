"""Training losses of all states of a descent, in turn or in a loop."""

from collections.abc import Sequence

from hund_tf.compat import tf
from hund_tf.losses import random_terms, supervised
from hund_tf.losses.alignment import PartTerm
from hund_tf.losses.random_terms import RandomTerms
from hund_tf.models.hund.cell import DescentInputs, HundCell
from hund_tf.models.hund.descent_cell import Stage
from hund_tf.models.hund.model import HundModel
from hund_tf.models.hund.photo_model import PhotoHund
from hund_tf.training.descent_loop import values_in_loop
from hund_tf.types import AlignmentTerms, TrainingExample


def descent_losses(
  model: HundModel | PhotoHund,
  example: TrainingExample,
  num_stages: int,
  losses: supervised.SupervisedConfig,
  parts: PartTerm = "full",
  drawn: Sequence[RandomTerms] = (),
) -> tuple[tf.Tensor, AlignmentTerms]:
  """Training losses and terms of L_u of all states, `[M + 1, B]` each.

  Args:
    model: that descends.
    example: of B.
    num_stages: M.
    losses: of full supervision.
    parts: whether L_b is rendered, and a gradient taken through it.
    drawn: random terms of these people.
  """
  descent = model.descend_example(example, num_stages, parts, drawn)
  loss = _stage_loss(model.objective, example, losses, drawn)
  stage_losses = tf.stack([loss(stage) for stage in descent.stages])
  terms = tf.nest.map_structure(
    lambda *rows: tf.stack(rows), *(s.terms for s in descent.stages)
  )
  return stage_losses, terms


def loop_losses(
  cell: HundCell,
  inputs: DescentInputs,
  states: list[tf.Tensor],
  example: TrainingExample,
  num_stages: int,
  losses: supervised.SupervisedConfig,
  parts: PartTerm = "full",
) -> tuple[tf.Tensor, AlignmentTerms]:
  """As `descent_losses`, with the stages in a loop, for XLA.

  A program of one stage compiles in seconds; that of M + 1 takes minutes.

  Args:
    cell: that descends.
    inputs: of the descent.
    states: of the cell at s_0.
    example: of B; its features and image are not read.
    num_stages: M.
    losses: of full supervision.
    parts: whether L_b is rendered, and a gradient taken through it.
  """
  loss = _stage_loss(cell.objective, example, losses, inputs.drawn)
  stage_losses, *terms = values_in_loop(
    cell,
    inputs,
    states,
    num_stages,
    lambda stage: [loss(stage), *stage.terms],
    1 + len(AlignmentTerms._fields),
    parts,
  )
  return stage_losses, AlignmentTerms(*terms)


def _stage_loss(
  objective,
  example: TrainingExample,
  losses: supervised.SupervisedConfig,
  drawn: Sequence[RandomTerms],
):
  """The training loss `[B]` of a `Stage`, as a function."""
  truth = None
  if losses.rotation_weight:
    truth = objective.body_model.rotations(example.state)

  def loss(stage: Stage) -> tf.Tensor:
    found = supervised.stage_loss(
      objective, stage.body, stage.state, stage.terms, example, losses, truth
    )
    if losses.term_weight:
      known = losses.term_weight * example.weights.joints
      for terms in drawn:
        found += known * random_terms.distance(terms, stage.body)
    return found

  return loss
