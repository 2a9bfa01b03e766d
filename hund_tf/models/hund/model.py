"""HUND: from image features to a trace of refined body states (Fig. 1)."""

from typing import NamedTuple

from hund_tf.compat import tf, tf_keras
from hund_tf.losses.alignment import AlignmentObjective, PartTerm
from hund_tf.losses.heatmaps import target_from_features
from hund_tf.models.compilation import compiled
from hund_tf.models.hund import state_space
from hund_tf.models.hund.cell import DescentInputs, HundCell, Stage
from hund_tf.models.hund.config import HundConfig
from hund_tf.models.hund.context_embedding import ContextEmbedding
from hund_tf.models.hund.evidence_3d import evidence_of
from hund_tf.models.hund.part_moments import PartMoments, part_moments
from hund_tf.models.untracked import Untracked
from hund_tf.types import (
  CROP_SIZE,
  MAP_SIZE,
  NUM_KEYPOINTS,
  NUM_PARTS,
  STATE_SIZE,
  AlignmentTarget,
  AlignmentTerms,
  HumanState,
  ImageFeatures,
  Intrinsics,
  RefinementState,
  TrainingExample,
  no_landmarks_3d,
)

_FIRST_STATE = 1e-3  # deviation of the weights of s_0 before training
# The tensors of one state of a trace, by name: state, terms, memory.
_ROW = (
  HumanState(*HumanState._fields),
  AlignmentTerms(*AlignmentTerms._fields),
  "memory",
)


class Descent(NamedTuple):
  """A descent with the bodies of all its states, for training losses."""

  stages: tuple[Stage, ...]  # of s_0 ... s_M, M + 1 of them
  memories: tuple[tf.Tensor, ...]  # [B, 2 * units] m_0 ... m_M

  def trace(self) -> RefinementState:
    """The stacked trace, fields `[B, M+1, ...]`; `seconds` are zeros."""
    stack = lambda *rows: tf.stack(rows, axis=1)
    terms = [stage.terms for stage in self.stages]
    total = stack(*(t.total for t in terms))
    return RefinementState(
      state=tf.nest.map_structure(stack, *(s.state for s in self.stages)),
      terms=tf.nest.map_structure(stack, *terms),
      memory=stack(*self.memories),
      seconds=tf.zeros_like(total),
    )


class HundModel(tf_keras.Model):
  """The reconstruction model: embedding, initial state, recurrent stages.

  All stages share their weights. No gradient of the objective is taken: a
  stage reads its value.
  """

  def __init__(
    self,
    objective: AlignmentObjective,
    config: HundConfig | None = None,
    name: str = "hund",
  ):
    """Creates the model with its variables, ready to load weights.

    Args:
      objective: whose value is descended; it carries the body model. Neither
        is trained or saved with the model.
      config: sizes and choices.
      name: model name.
    """
    super().__init__(name=name)
    self.config = config or HundConfig()
    self._read = Untracked(compiled(_read, self.config.jit_compile))
    self.embedding = ContextEmbedding(self.config)
    self.initial_state = tf_keras.layers.Dense(
      STATE_SIZE,
      kernel_initializer=tf_keras.initializers.RandomNormal(
        stddev=_FIRST_STATE
      ),
      name="initial_state",
    )
    self.cell = HundCell(objective, self.config)
    features, intrinsics = blank_inputs(self.config)
    target, moments = _read(features)
    evidence = evidence_of(features, intrinsics)
    self.embedding(features, target, intrinsics, moments, evidence)
    for layer in (self.initial_state, self.cell):
      with tf.name_scope(layer.name):
        layer.build([None, self.config.context_width])
    self.built = True

  @property
  def objective(self) -> AlignmentObjective:
    """The objective whose value is descended."""
    return self.cell.objective

  def call(
    self,
    features: ImageFeatures,
    intrinsics: Intrinsics,
    num_stages: int | None = None,
  ) -> RefinementState:
    """Reconstructs people.

    Args:
      features: of B crops.
      intrinsics: of the crops (C_c), fields `[B, 2]`, crop pixels.
      num_stages: M; without it the configured number.

    Returns:
      Trace of s_0 ... s_M, fields `[B, M+1, ...]`, translations in metres in
      the camera frame. `memory` holds the LSTM's hidden and cell state
      `[B, M+1, 2 * units]`, `seconds` are zeros.

    Raises:
      ValueError: if `num_stages` is negative, or F has the wrong channels.
    """
    return self.descend(features, intrinsics, num_stages).trace()

  def _stage_count(self, num_stages: int | None) -> int:
    """M as asked for, or the configured one."""
    if num_stages is None:
      return self.config.num_stages
    if num_stages < 0:
      raise ValueError(f"num_stages: got {num_stages}, expected 0 or more")
    return num_stages

  @tf.autograph.experimental.do_not_convert
  def begin(
    self, features: ImageFeatures, intrinsics: Intrinsics
  ) -> tuple[DescentInputs, list[tf.Tensor]]:
    """The inputs of all stages, and the cell's states of s_0."""
    target, moments = self._read.value(features)
    evidence = evidence_of(features, intrinsics)
    context = self.embedding(features, target, intrinsics, moments, evidence)
    inputs = DescentInputs(context, target, intrinsics, moments, evidence)
    mean, *memory = self.cell.get_initial_state(inputs)
    coordinates = state_space.bound(mean + self.initial_state(context))
    return inputs, [coordinates, *memory]

  def descend(
    self,
    features: ImageFeatures,
    intrinsics: Intrinsics,
    num_stages: int | None = None,
    parts: PartTerm = "full",
  ) -> Descent:
    """As calling the model, with the decoded body of every state.

    Args:
      features: see `call`.
      intrinsics: see `call`.
      num_stages: see `call`.
      parts: whether L_b is rendered, and a gradient taken through it: training
        can spare either.
    """
    num_stages = self._stage_count(num_stages)
    inputs, states = self.begin(features, intrinsics)
    stages, memories = [], [tf.concat(states[1:], axis=-1)]
    for _ in range(num_stages):
      stage, states = self.cell(inputs, states, parts)
      stages.append(stage)
      memories.append(tf.concat(states[1:], axis=-1))
    stages.append(self.cell.evaluate(states[0], inputs, parts))
    return Descent(tuple(stages), tuple(memories))

  def descend_example(
    self,
    example: TrainingExample,
    num_stages: int | None = None,
    parts: PartTerm = "full",
  ) -> Descent:
    """The descents of B examples, by their `features`; see `descend`."""
    return self.descend(example.features, example.intrinsics, num_stages, parts)

  @tf.autograph.experimental.do_not_convert
  def descend_in_loop(
    self,
    features: ImageFeatures,
    intrinsics: Intrinsics,
    num_stages: int | None = None,
    parts: PartTerm = "full",
  ) -> RefinementState:
    """As calling the model, with its stages in a loop instead of unrolled.

    XLA then compiles one stage in place of M + 1 of them, in seconds, and the
    whole descent is one program.

    Args:
      features: see `call`.
      intrinsics: see `call`.
      num_stages: see `call`.
      parts: see `descend`.

    Returns:
      See `call`.

    Raises:
      ValueError: see `call`.
    """
    rows = self._stage_count(num_stages) + 1
    inputs, states = self.begin(features, intrinsics)
    arrays = tf.nest.map_structure(
      lambda _: tf.TensorArray(tf.float32, rows), _ROW
    )

    def refine(i, states, arrays):  # s_M is evaluated, but not refined
      stage = self.cell.evaluate(states[0], inputs, parts, inline=True)
      refined = tf.cond(
        i + 1 < rows,
        lambda: self.cell.refine(stage, inputs, states),
        lambda: states,
      )
      row = stage.state, stage.terms, tf.concat(states[1:], axis=-1)
      written = tf.nest.map_structure(lambda a, x: a.write(i, x), arrays, row)
      return i + 1, refined, written

    _, _, arrays = tf.while_loop(
      lambda i, *_: i < rows,
      refine,
      (tf.constant(0), states, arrays),
      maximum_iterations=rows,
    )
    stacked = tf.nest.map_structure(lambda a: _stages_second(a.stack()), arrays)
    return RefinementState(*stacked, tf.zeros_like(stacked[1].total))


def _read(features: ImageFeatures) -> tuple[AlignmentTarget, PartMoments]:
  """What K and B say, as numbers."""
  target = target_from_features(features)
  return target, part_moments(target)


def _stages_second(rows: tf.Tensor) -> tf.Tensor:
  """`[M + 1, B, ...]` to `[B, M + 1, ...]`."""
  return tf.transpose(rows, [1, 0, *range(2, rows.shape.rank)])


def blank_inputs(
  config: HundConfig, batch: int = 1
) -> tuple[ImageFeatures, Intrinsics]:
  """Features of pictures that show nothing, and a usual camera."""
  cells = [batch, MAP_SIZE, MAP_SIZE]
  features = ImageFeatures(
    heatmaps=tf.zeros([*cells, NUM_KEYPOINTS]),
    heatmap_weights=tf.zeros([batch, NUM_KEYPOINTS]),
    part_probs=tf.zeros([*cells, NUM_PARTS]),
    part_weights=tf.zeros([batch, NUM_PARTS + 1]),
    features=tf.zeros([*cells, config.feature_channels]),
    **no_landmarks_3d(batch)._asdict(),
  )
  focal = tf.fill([batch, 2], 2.0 * CROP_SIZE)
  center = tf.fill([batch, 2], CROP_SIZE / 2.0)
  return features, Intrinsics(focal, center)
