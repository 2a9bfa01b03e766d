"""What a layer only uses is none of its parts."""

from hund_tf.compat import tf, tf_keras
from hund_tf.models.untracked import Untracked


def test_variables_are_not_counted(tmp_path):
  used = tf_keras.layers.Dense(2)
  used.build([None, 3])
  layer = tf_keras.layers.Layer()
  layer.owned = tf_keras.layers.Dense(2)
  layer.owned.build([None, 3])
  layer.used = Untracked(used)
  assert layer.used.value is used
  assert len(layer.variables) == 2
  path = tf.train.Checkpoint(layer=layer).write(str(tmp_path / "layer"))
  names = [name for name, _ in tf.train.list_variables(path)]
  assert any("owned" in name for name in names)
  assert not any("used" in name for name in names)
  module = tf.Module()
  module.used = Untracked(used)
  assert not module.variables
