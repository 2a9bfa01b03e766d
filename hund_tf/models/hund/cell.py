"""One stage of the neural descent of whole bodies (Eq. 2)."""

import functools
from typing import NamedTuple

from hund_tf.body import keypoints as keypoint_table
from hund_tf.body import skeleton
from hund_tf.compat import tf, tf_keras
from hund_tf.geometry import camera
from hund_tf.losses import random_terms
from hund_tf.losses.alignment import AlignmentObjective, PartTerm
from hund_tf.losses.random_terms import RandomTerms
from hund_tf.losses.term_wishes import Asked, PartMoves
from hund_tf.models.hund import state_space
from hund_tf.models.hund.config import HundConfig
from hund_tf.models.hund.descent_cell import DescentCell, Stage
from hund_tf.models.hund.evidence_3d import NUM_BODY, Evidence, evidence_inputs
from hund_tf.models.hund.part_moments import (
  LIMBS,
  PartMoments,
  body_centres,
  body_spreads,
  limb_spreads,
)
from hund_tf.models.hund.term_branch import TermBranch
from hund_tf.models.untracked import Untracked
from hund_tf.types import (
  NUM_JOINTS,
  NUM_KEYPOINTS,
  STATE_DIMS,
  STATE_SIZE,
  AlignmentTarget,
  AlignmentTerms,
  BodyOutput,
  HumanState,
  Intrinsics,
)

_PELVIS = skeleton.INDEX["pelvis"]
_RESIDUAL_SCALE = 8.0  # crop pixels: larger errors are compressed
_POSED_SIZE = 3 * NUM_BODY
_SPREAD_SCALE = 0.005  # squared half sides of the crop: likewise


class DescentInputs(NamedTuple):
  """What stays the same over the stages."""

  context: tf.Tensor  # [B, C] s^c
  target: AlignmentTarget
  intrinsics: Intrinsics  # of the crops (C_c), fields [B, 2], crop pixels
  moments: PartMoments  # of the target's parts
  evidence: Evidence  # of the same people
  drawn: tuple[RandomTerms, ...] = ()  # terms of these people, in training


def loss_inputs(
  kind: str,
  terms: AlignmentTerms,
  body: BodyOutput,
  target: AlignmentTarget,
  intrinsics: Intrinsics,
) -> tf.Tensor:
  """What a stage sees of L_u of the previous state, values of order one.

  Args:
    kind: 'terms': log(1 + value) of L_u and its four terms; 'keypoints': these
      and the confidence-weighted distance of every keypoint, the summands of
      Eq. 4; 'residuals': the terms and its signed x and y in their place.
      Distances in units of 8 crop pixels pass through asinh, which is linear
      for small ones and a logarithm for large ones.
    terms: `[B]` values.
    body: of the same state.
    target: what the crops show.
    intrinsics: of the crops, fields `[B, 2]`, crop pixels.

  Returns:
    `[B, 5]`, `[B, 142]` or `[B, 279]`.
  """
  values = tf.math.log1p(tf.stack(list(terms), axis=-1))
  if kind == "terms":
    return values
  projected = camera.project(body.keypoints, intrinsics)
  error = (projected - target.keypoints) / _RESIDUAL_SCALE
  if kind == "keypoints":
    square = tf.reduce_sum(error * error, axis=-1, keepdims=True)
    error = tf.sqrt(square + 1e-6)
  weighted = tf.asinh(error) * target.keypoint_weights[..., None]
  size = NUM_KEYPOINTS * error.shape[-1]
  return tf.concat([values, tf.reshape(weighted, [-1, size])], axis=-1)


def part_inputs(
  body: BodyOutput, moments: PartMoments, intrinsics: Intrinsics
) -> tf.Tensor:
  """What a stage sees of the parts of the previous state, `[B, 52]`.

  The signed x and y from the middle of each part of B to the body's, scaled and
  weighted as the residuals of keypoints are, and the differences of the limbs'
  covariances, which tell how they are turned and foreshortened: where Eq. 5 is
  a single number, these say which way.

  Args:
    body: of the previous state.
    moments: of the parts of B.
    intrinsics: of the crops, fields `[B, 2]`, crop pixels.
  """
  projected = camera.project(body.keypoints, intrinsics)
  middles = body_centres(projected) - moments.centres
  spreads = body_spreads(projected) - limb_spreads(moments)
  limbs = tf.gather(moments.weights, LIMBS, axis=1)
  seen = []
  for error, scale, weights in (
    (middles, _RESIDUAL_SCALE, moments.weights),
    (spreads, _SPREAD_SCALE, limbs),
  ):
    weighted = tf.asinh(error / scale) * weights[..., None]
    seen.append(tf.reshape(weighted, [-1, error.shape[1] * error.shape[2]]))
  return tf.concat(seen, axis=-1)


def posed_inputs(body: BodyOutput) -> tf.Tensor:
  """What a stage sees of the posed body of the previous state, `[B, 75]`.

  The keypoints of BODY_25 relative to the pelvis, camera frame, metres.
  """
  points = body.keypoints[:, keypoint_table.BODY]
  points -= body.joints[:, _PELVIS : _PELVIS + 1]
  return tf.reshape(points, [-1, points.shape[1] * 3])


class HundCell(DescentCell):
  """The stage of a whole body; see `DescentCell`.

  States are the network coordinates of the body state `[B, 204]`; inputs are
  `DescentInputs`.
  """

  def __init__(
    self,
    objective: AlignmentObjective,
    config: HundConfig | None = None,
    name: str = "hund_cell",
  ):
    """Creates the cell.

    Args:
      objective: whose value is descended.
      config: sizes and loss inputs.
      name: layer name.
    """
    config = config or HundConfig()
    mean = state_space.mean_coordinates(objective.body_model)
    super().__init__(objective, config, mean, name)
    self._vertices = len(objective.body_model.mesh_ids(objective.config.mesh))
    self._squeeze = None
    if config.squeezes:
      self._squeeze = tf_keras.layers.Dense(
        config.squeezed_details, use_bias=False, name="squeeze_details"
      )
    self.term_branch = None
    if config.term_units:
      self.term_branch = TermBranch(config.term_units, STATE_SIZE)
      # Only runs with random terms train it.
      self.term_branch.trainable = False
    self._part_moves = Untracked(
      functools.cache(
        lambda: PartMoves(objective.body_model, objective.config.mesh)
      )
    )

  @property
  def squeeze_kernel(self) -> tf.Variable | None:
    """`[errors, values]` by which those of face and hands are squeezed."""
    return None if self._squeeze is None else self._squeeze.kernel

  @property
  def output_size(self) -> Stage:
    """Shapes of the output without the batch axis."""
    shape = tf.TensorShape
    return Stage(
      HumanState(*(shape([size]) for size in STATE_DIMS)),
      AlignmentTerms(*(shape([]) for _ in AlignmentTerms._fields)),
      BodyOutput(
        shape([self._vertices, 3]),
        shape([NUM_JOINTS, 3]),
        shape([NUM_KEYPOINTS, 3]),
        shape([NUM_JOINTS, 3, 3]),
      ),
    )

  @property
  def input_size(self) -> int:
    """Number of values that a stage reads."""
    config = self.config
    seen = STATE_SIZE + config.posed_input_size
    seen += config.loss_input_size + config.context_width
    return seen + config.part_input_size + config.landmark_input_size

  def train_only_terms(self) -> None:
    """Trains the branch for terms, and leaves all else as it is."""
    layers = self._project, self._normalize, self._lstm, self._update
    for layer in (*layers, self._squeeze):
      if layer is not None:
        layer.trainable = False

  def build(self, input_shape) -> None:
    """Creates the variables; all sizes follow from the configuration."""
    if self._squeeze is not None:
      with tf.name_scope(self._squeeze.name):
        self._squeeze.build([None, self.config.detail_size])
    if self.term_branch is not None:
      known = STATE_SIZE + self.config.units + _POSED_SIZE
      with tf.name_scope(self.term_branch.name):
        self.term_branch.build([None, known])
    super().build(input_shape)

  def bound(self, coordinates: tf.Tensor) -> tf.Tensor:
    """Clips coordinates `[B, 204]` to the range of likely states."""
    return state_space.bound(coordinates)

  def _evaluate(
    self,
    coordinates: tf.Tensor,
    compared: tuple[AlignmentTarget, Intrinsics],
    parts: PartTerm,
  ) -> Stage:
    objective = self.objective
    target, intrinsics = compared
    state = state_space.decode(coordinates, intrinsics)
    body = objective.body_model.decode(state, mesh=objective.config.mesh)
    terms = objective.evaluate(body, state, target, intrinsics, parts)
    return Stage(state, terms, body)

  def _agreement(self, stage: Stage, inputs: DescentInputs) -> list[tf.Tensor]:
    """How well s_{i-1} agrees with what is known.

    L_u, then parts and 3D landmarks, where the cell reads them, and at last
    those of face and hands where they are squeezed.
    """
    config = self.config
    seen = [
      loss_inputs(
        config.loss_inputs,
        stage.terms,
        stage.body,
        inputs.target,
        inputs.intrinsics,
      )
    ]
    if config.part_input_size:
      seen.append(part_inputs(stage.body, inputs.moments, inputs.intrinsics))
    if config.reads_landmarks:
      seen += evidence_inputs(stage.body, inputs.evidence)
    elif config.squeezes:
      seen.append(seen[0][:, :0])
    return seen

  def _step(
    self,
    stage: Stage,
    inputs: DescentInputs,
    coordinates: tf.Tensor,
    hidden: tf.Tensor,
  ) -> tf.Tensor:
    update = super()._step(stage, inputs, coordinates, hidden)
    asks = bool(self.objective.terms or inputs.drawn)
    if self.term_branch is None or not asks:
      return update
    known = tf.concat([coordinates, hidden, posed_inputs(stage.body)], axis=-1)
    return update + self.term_branch(known, self._asked(stage, inputs))

  def _asked(self, stage: Stage, inputs: DescentInputs) -> Asked:
    """What the terms ask of the bodies of a stage."""
    terms = [*self.objective.terms, *map(random_terms.as_term, inputs.drawn)]
    asked = self._part_moves.value().asked(terms, stage.body)
    return Asked(*map(tf.stop_gradient, asked))

  def _without_terms(self, stage: Stage) -> Stage:
    """With the value of L_u without a user's terms, if the branch reads them.

    What the branch stands beside was trained without them.
    """
    if self.term_branch is None or not self.objective.terms:
      return stage
    own = self.objective.own_total(stage.terms)
    return stage._replace(terms=stage.terms._replace(total=own))

  def _seen(
    self, stage: Stage, inputs: DescentInputs, coordinates: tf.Tensor
  ) -> tf.Tensor:
    losses, *others = self._agreement(self._without_terms(stage), inputs)
    if self.config.detach_loss_inputs:
      losses, *others = map(tf.stop_gradient, (losses, *others))
    seen = [coordinates, losses, inputs.context]
    if self.config.posed_inputs:
      seen.append(posed_inputs(stage.body))
    seen += others
    if self._squeeze is not None:
      whole = self.config.loss_input_size - self.config.squeezed_details
      *seen, details = seen
      seen[1] = losses[:, :whole]
      details = tf.concat([losses[:, whole:], details], axis=-1)
      seen.append(self._squeeze(details))
    return tf.concat(seen, axis=-1)
