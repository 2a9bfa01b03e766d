"""HUND: from image features to a trace of refined body states (Fig. 1)."""

from collections.abc import Sequence

from hund_tf.compat import tf, tf_keras
from hund_tf.losses.alignment import AlignmentObjective, PartTerm
from hund_tf.losses.heatmaps import target_from_features
from hund_tf.losses.random_terms import RandomTerms
from hund_tf.models.compilation import compiled
from hund_tf.models.hund import state_space
from hund_tf.models.hund.cell import DescentInputs, HundCell
from hund_tf.models.hund.config import HundConfig
from hund_tf.models.hund.context_embedding import ContextEmbedding
from hund_tf.models.hund.descent_model import Descent, DescentModel
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
  HumanState,
  ImageFeatures,
  Intrinsics,
  RefinementState,
  TrainingExample,
  no_landmarks_3d,
)

_FIRST_STATE = 1e-3  # deviation of the weights of s_0 before training


class HundModel(DescentModel):
  """The reconstruction model of whole bodies; see `DescentModel`."""

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

  @tf.autograph.experimental.do_not_convert
  def begin_again(
    self,
    features: ImageFeatures,
    intrinsics: Intrinsics,
    state: HumanState,
    memory: tf.Tensor,
  ) -> tuple[DescentInputs, list[tf.Tensor]]:
    """The inputs of further stages, and the cell's states to go on from."""
    inputs, _ = self.begin(features, intrinsics)
    coordinates = state_space.bound(state_space.encode(state, intrinsics))
    return inputs, [coordinates, *tf.split(memory, 2, axis=-1)]

  def resume(
    self,
    features: ImageFeatures,
    intrinsics: Intrinsics,
    state: HumanState,
    memory: tf.Tensor,
    num_stages: int,
    parts: PartTerm = "full",
  ) -> RefinementState:
    """Goes on with a descent, which may be told something new.

    Args:
      features: of B crops; they may differ from those of the descent before,
        as by keypoints that somebody knows better.
      intrinsics: of the crops (C_c), fields `[B, 2]`, crop pixels.
      state: to go on from, such as s_M, fields `[B, ...]`.
      memory: m_M that belongs to it, `[B, 2 * units]`, as in a trace.
      num_stages: further stages.
      parts: see `descend`.

    Returns:
      Trace whose first row is `state`, fields `[B, num_stages + 1, ...]`.

    Raises:
      ValueError: if `num_stages` is negative.
    """
    begun = self.begin_again(features, intrinsics, state, memory)
    return self.descend_from(*begun, num_stages, parts).trace()

  def descend_example(
    self,
    example: TrainingExample,
    num_stages: int | None = None,
    parts: PartTerm = "full",
    drawn: Sequence[RandomTerms] = (),
  ) -> Descent:
    """The descents of B examples, by their `features`; see `descend`.

    Args:
      example: of B.
      num_stages: see `descend`.
      parts: see `descend`.
      drawn: terms of these people, which stages with a branch for terms read.
    """
    inputs, states = self.begin(example.features, example.intrinsics)
    inputs = inputs._replace(drawn=tuple(drawn))
    return self.descend_from(inputs, states, num_stages, parts)

  def train_terms(self, alone: bool) -> None:
    """Trains the branch for terms: with all else, or alone.

    Raises:
      ValueError: if the model has none.
    """
    if self.cell.term_branch is None:
      raise ValueError(
        "term_units: got 0, expected the width of the branch that is trained "
        "by random terms, such as 192"
      )
    self.cell.term_branch.trainable = True
    if alone:
      self.embedding.trainable = self.initial_state.trainable = False
      self.cell.train_only_terms()


def _read(features: ImageFeatures) -> tuple[AlignmentTarget, PartMoments]:
  """What K and B say, as numbers."""
  target = target_from_features(features)
  return target, part_moments(target)


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
