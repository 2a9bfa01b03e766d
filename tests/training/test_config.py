"""Settings of a run: schedules and what cannot be."""

import pytest

from hund_tf.training.hund.config import TrainingConfig


def test_stages_change_at_their_steps():
  config = TrainingConfig(stage_steps=((0, 2), (10, 3), (20, 5)))
  assert [config.stages_at(s, 7) for s in (0, 9, 10, 19, 20, 99)] == [
    *(2, 2, 3, 3, 5, 5)
  ]
  assert TrainingConfig().stages_at(3, 7) == 7


def test_the_part_term_is_read_from_its_step_where_there_are_parts():
  config = TrainingConfig(regime="FS", parts_share=0.5, part_term_step=4)
  assert [config.part_term_at(s) for s in range(2, 8)] == [
    *("none", "none", "none", "value", "none", "value")
  ]
  assert TrainingConfig(regime="SS").part_term_at(0) == "full"
  taking_turns = TrainingConfig(regime="FS+SS")
  assert [taking_turns.part_term_at(s) for s in (6, 7)] == ["value", "full"]


@pytest.mark.parametrize(
  ("changes", "message"),
  [
    ({"regime": "XS"}, "expected one of SS, WS, FS, FS\\+2D, FS"),
    ({"meta_loss": "mean"}, "meta_loss: got 'mean'"),
    ({"stage_steps": ((5, 2),)}, "rising ones from 0"),
    ({"stage_steps": ((0, 2), (4, 3), (4, 5))}, "rising ones from 0"),
    ({"stage_steps": ((0, 0),)}, "at least one stage"),
    ({"steps": 10, "decay_steps": 11}, "at most the 10 steps"),
    ({"parts_share": 1.5}, "from 0 to 1"),
    ({"random_terms": 0.5, "regime": "SS"}, "regime SS knows no joints"),
    ({"trained": "terms"}, "terms, without --random_terms"),
  ],
)
def test_impossible_settings(changes, message):
  with pytest.raises(ValueError, match=message):
    TrainingConfig(**changes)
