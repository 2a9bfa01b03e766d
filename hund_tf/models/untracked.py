"""Objects that a layer, model or module uses but does not own."""

from typing import Generic, TypeVar

T = TypeVar("T")


class Untracked(Generic[T]):
  """Holds an object out of sight of Keras and TensorFlow.

  What an attribute of a layer or `tf.Module` holds counts as its part: its
  variables are trained, saved and restored with it. Not so behind this:

    self._objective = Untracked(objective)
    loss = self._objective.value(state, target, intrinsics)
  """

  def __init__(self, value: T):
    """Holds `value`, which is never changed."""
    self._value = value

  @property
  def value(self) -> T:
    """The object."""
    return self._value
