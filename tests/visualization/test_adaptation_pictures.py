"""Which people are shown before and after an adaptation."""

import numpy as np

from hund_tf.training.adaptation.guard import Judgement
from hund_tf.types import STATE_DIMS, AlignmentTerms, HumanState
from hund_tf.visualization.adaptation_pictures import shown_people


def _judgement(totals) -> Judgement:
  state = HumanState(*(np.zeros([len(totals), n]) for n in STATE_DIMS))
  return Judgement(0, state, AlignmentTerms(*[np.array(totals)] * 5), 1.0, 1.0)


def test_the_best_and_the_worst_are_shown():
  before = _judgement([10.0] * 9)
  after = _judgement([9.0, 1.0, 8.0, 15.0, 7.0, 6.0, 5.0, 12.0, 4.0])
  shown = shown_people(before, after, limit=3)
  assert shown == [1, 4, 3]  # the greatest fall, the middle, the greatest rise
  assert len(set(shown_people(before, after))) == 6


def test_few_people_are_all_shown():
  before, after = _judgement([5.0, 5.0]), _judgement([6.0, 1.0])
  assert shown_people(before, after) == [1, 0]
