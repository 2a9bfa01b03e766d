"""Items of several photos in one list, and photo by photo again."""

import pytest

from hund_tf.detection.grouping import grouped, repeated


def test_groups_undo_the_repetition():
  counts = [2, 0, 3]
  together = repeated("abc", counts)
  assert together == ["a", "a", "c", "c", "c"]
  assert grouped(together, counts) == [["a", "a"], [], ["c", "c", "c"]]
  assert grouped([], []) == []
  with pytest.raises(ValueError, match="add up to 4, expected 5"):
    grouped(together, [2, 2])
