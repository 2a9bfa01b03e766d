"""Checkpoints survive damage."""

import pytest

from hund_tf.compat import tf
from hund_tf.training.checkpoints import Checkpointer, CheckpointError


@pytest.fixture
def saved(tmp_path):
  """A folder with checkpoints of steps 1 to 4, of which 3 are kept."""
  step = tf.Variable(0, dtype=tf.int64)
  value = tf.Variable(tf.zeros([1000]))
  checkpoints = Checkpointer(tmp_path, 3, step=step, value=value)
  for number in range(1, 5):
    step.assign(number)
    value.assign(tf.fill([1000], float(number)))
    checkpoints.save()
  return tmp_path


def _reader(folder, messages=None):
  step = tf.Variable(0, dtype=tf.int64)
  value = tf.Variable(tf.zeros([1000]))
  report = (messages if messages is not None else []).append
  return Checkpointer(folder, 3, report, step=step, value=value), value


def test_only_the_newest_are_kept(saved):
  assert _reader(saved)[0].steps() == [2, 3, 4]
  assert not list(saved.glob("ckpt-1.*"))


def test_the_newest_is_restored(saved):
  checkpoints, value = _reader(saved)
  assert checkpoints.restore() == 4
  assert value.numpy().tolist() == [4.0] * 1000


def _flip(path):
  data = bytearray(path.read_bytes())
  data[len(data) // 2] ^= 0xFF
  path.write_bytes(data)


@pytest.mark.parametrize(
  "damage",
  [
    _flip,
    lambda path: path.write_bytes(path.read_bytes()[:100]),
    lambda path: path.unlink(),
  ],
  ids=["flipped bit", "cut", "missing"],
)
@pytest.mark.parametrize("part", ["index", "data-00000-of-00001"])
def test_a_damaged_one_is_passed_over(saved, damage, part):
  damage(saved / f"ckpt-4.{part}")
  messages = []
  checkpoints, value = _reader(saved, messages)
  assert checkpoints.restore() == 3
  assert value.numpy().tolist() == [3.0] * 1000
  if (saved / "ckpt-4.index").exists():
    assert len(messages) == 1 and "ckpt-4 is damaged" in messages[0]


def test_nothing_good_is_an_error(saved):
  for path in saved.glob("*.index"):
    path.write_bytes(b"")
  with pytest.raises(CheckpointError, match=r"none of \[2, 3, 4\]"):
    _reader(saved)[0].restore()


def test_an_empty_folder_has_none(tmp_path):
  assert _reader(tmp_path / "new")[0].restore() is None


def test_other_variables_are_an_error(saved):
  step = tf.Variable(0, dtype=tf.int64)
  value = tf.Variable(tf.zeros([3]))
  with pytest.raises(CheckpointError):
    Checkpointer(saved, 3, step=step, value=value).restore()
