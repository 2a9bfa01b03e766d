"""One stage of a neural descent (Eq. 2), as a Keras RNN cell.

What every descent has in common, whatever it reconstructs: the recurrent update
from the value of the objective. `cell` is that of whole bodies, `part_cell`
that of hands and faces.
"""

import abc
from typing import Any, NamedTuple

import numpy as np

from hund_tf.compat import tf, tf_keras
from hund_tf.losses.alignment import PartTerm
from hund_tf.models.untracked import Untracked

_FIRST_STEP = 1e-3  # deviation of the output weights before training


class Stage(NamedTuple):
  """A state, its body and how well it aligns."""

  state: Any  # `HumanState` or that of a part, fields [B, ...]
  terms: Any  # `AlignmentTerms` or those of a part, fields [B]
  body: Any  # `BodyOutput` of the proxy mesh, or that of a part, [B, ...]


class DescentCell(tf_keras.layers.Layer):
  """RNN_delta of Eq. 2: (s_{i-1}, m_{i-1}, L_u^{i-1}, s^c) -> (s_i, m_i).

  Keeps the contract of Keras RNN cells. States are the network coordinates of
  the state `[B, D]` and the LSTM's two memories `[B, units]`. The loss of the
  previous state is evaluated inside the step, and only its value is used; the
  step's output is that previous state as a `Stage`, so that a descent decodes
  and renders every state once.
  """

  def __init__(
    self,
    objective: Any,
    config: Any,
    mean: np.ndarray,
    name: str,
  ):
    """Creates the cell.

    Args:
      objective: whose value is descended. It is not part of the layer: its
        variables are neither trained nor saved with it.
      config: has `units` and `jit_compile`.
      mean: coordinates `[D]` that descents start at, before s_0 is added.
      name: layer name.
    """
    super().__init__(name=name)
    self.config = config
    # The pose prior's weights are not the layer's.
    self._objective = Untracked(objective)
    # A function of its own, so that all stages share one trace, one compilation
    # and one gradient.
    self._shared_evaluate = Untracked(
      tf.function(
        self._evaluate,
        autograph=False,
        jit_compile=config.jit_compile or None,
      )
    )
    self._mean = mean
    self._project = tf_keras.layers.Dense(config.units, name="project")
    self._normalize = tf_keras.layers.LayerNormalization(name="normalize")
    self._lstm = tf_keras.layers.LSTMCell(config.units, name="lstm")
    self._update = tf_keras.layers.Dense(
      len(mean),
      kernel_initializer=tf_keras.initializers.RandomNormal(stddev=_FIRST_STEP),
      name="update",
    )

  @property
  def objective(self) -> Any:
    """The objective whose value is descended."""
    return self._objective.value

  @property
  def input_kernel(self) -> tf.Variable:
    """`[inputs, units]` by which a stage reads all that it sees."""
    return self._project.kernel

  @property
  def state_size(self) -> list[int]:
    """Sizes of the states: coordinates, hidden and cell memory."""
    return [len(self._mean), self.config.units, self.config.units]

  @property
  @abc.abstractmethod
  def output_size(self) -> Stage:
    """Shapes of the output without the batch axis."""

  @property
  @abc.abstractmethod
  def input_size(self) -> int:
    """Number of values that a stage reads."""

  @abc.abstractmethod
  def bound(self, coordinates: tf.Tensor) -> tf.Tensor:
    """Clips coordinates `[B, D]` to the range of likely states."""

  @abc.abstractmethod
  def _evaluate(
    self, coordinates: tf.Tensor, compared: Any, parts: PartTerm
  ) -> Stage:
    """Decodes states and takes their L_u, of what `_compared_with` gives."""

  @abc.abstractmethod
  def _seen(self, stage: Stage, inputs: Any, coordinates: tf.Tensor):
    """What a stage reads, `[B, input_size]`."""

  def _moved(self, coordinates: tf.Tensor, update: tf.Tensor) -> tf.Tensor:
    """Coordinates `[B, D]` after an update, not yet bounded."""
    return coordinates + update

  def _step(
    self,
    stage: Stage,
    inputs: Any,
    coordinates: tf.Tensor,
    hidden: tf.Tensor,
  ) -> tf.Tensor:
    """The update `[B, D]`, by the LSTM's new output `[B, units]`."""
    del stage, inputs, coordinates
    return self._update(hidden)

  def get_initial_state(self, inputs=None, batch_size=None, dtype=None):
    """The mean state in mid-crop, and empty memories.

    Args:
      inputs: of the stages, of which the batch size is taken.
      batch_size: where there are no inputs.
      dtype: ignored, states are float32.

    Returns:
      List of `[B, D]`, `[B, units]`, `[B, units]`.
    """
    del dtype
    if inputs is not None:
      batch_size = tf.shape(tf.nest.flatten(inputs)[0])[0]
    mean = tf.tile(tf.constant(self._mean)[None], [batch_size, 1])
    empty = tf.zeros([batch_size, self.config.units])
    return [mean, empty, empty]

  def build(self, input_shape) -> None:
    """Creates the variables; all sizes follow from the configuration."""
    units = self.config.units
    for layer, size in (
      (self._project, self.input_size),
      (self._normalize, units),
      (self._lstm, units),
      (self._update, units),
    ):
      with tf.name_scope(layer.name):
        layer.build([None, size])
    super().build(input_shape)

  def evaluate(
    self,
    coordinates: tf.Tensor,
    inputs: Any,
    parts: PartTerm = "full",
    inline: bool = False,
  ) -> Stage:
    """Decodes states `[B, D]` in network coordinates and takes their L_u.

    Args:
      coordinates: of the states.
      inputs: of the descent.
      parts: whether L_b is rendered, and a gradient taken through it.
      inline: not as a function of its own: for a loop, whose compiler then
        leaves out what is not used.
    """
    evaluate = self._evaluate if inline else self._shared_evaluate.value
    return evaluate(coordinates, self._compared_with(inputs), parts)

  def _compared_with(self, inputs: Any) -> Any:
    """Those of the inputs that L_u depends on."""
    return inputs.target, inputs.intrinsics

  def call(
    self,
    inputs: Any,
    states: list[tf.Tensor],
    parts: PartTerm = "full",
  ) -> tuple[Stage, list[tf.Tensor]]:
    """One refinement.

    Args:
      inputs: what stays the same over the stages.
      states: coordinates of s_{i-1} `[B, D]`, memories `[B, units]`.
      parts: whether L_b is rendered, and a gradient taken through it.

    Returns:
      The `Stage` of s_{i-1}, and the states that belong to s_i.
    """
    stage = self.evaluate(states[0], inputs, parts)
    return stage, self.refine(stage, inputs, states)

  def refine(
    self, stage: Stage, inputs: Any, states: list[tf.Tensor]
  ) -> list[tf.Tensor]:
    """The states that belong to s_i.

    Args:
      stage: s_{i-1}, evaluated.
      inputs: what stays the same over the stages.
      states: coordinates of s_{i-1} `[B, D]`, memories `[B, units]`.
    """
    coordinates, *memory = states
    seen = self._seen(stage, inputs, coordinates)
    hidden, memory = self._lstm(
      tf.nn.gelu(self._normalize(self._project(seen))), memory
    )
    update = self._step(stage, inputs, coordinates, hidden)
    refined = self.bound(self._moved(coordinates, update))
    return [refined, *memory]
