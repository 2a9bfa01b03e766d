"""The neural descent of hands and faces: from close-ups to traces of states."""

from hund_tf.compat import tf, tf_keras
from hund_tf.geometry import camera, rotation
from hund_tf.losses.part_alignment import PartObjective, PartTarget
from hund_tf.models.hund.context_embedding import camera_code
from hund_tf.models.hund.descent_model import DescentModel
from hund_tf.models.hund.part_cell import PartCell, PartConfig, PartInputs
from hund_tf.types import CROP_SIZE, Intrinsics, PartFeatures

_FIRST_STATE = 1e-3  # deviation of the weights of s_0 before training
_HALF_KNOWN = 0.1  # confidence at which a point counts half
_REACH = 0.1  # metres


class PartEmbedding(tf_keras.layers.Layer):
  """s^c of a part: two fully connected layers on what is known of its points.

  A close-up of landmarks has no part maps, and its heatmaps would say what
  their peaks say, so there is nothing to convolve.
  """

  def __init__(self, config: PartConfig, name: str = "part_embedding"):
    super().__init__(name=name)
    layers = tf_keras.layers
    self._hidden = layers.Dense(config.hidden_size, name="hidden")
    self._first = layers.LayerNormalization(name="normalize_hidden")
    self._dense = layers.Dense(config.context_size, name="dense")
    self._normalize = layers.LayerNormalization(name="normalize")

  def call(
    self, target: PartTarget, turn: tf.Tensor, intrinsics: Intrinsics
  ) -> tf.Tensor:
    """Embeds what crops show.

    Args:
      target: of the crops.
      turn: `[B, 6]` rotations that the descents start at; 3D landmarks are
        told in the frame of the part that is turned so.
      intrinsics: of the crops (C_c), fields `[B, 2]`, crop pixels.

    Returns:
      `[B, context_size + 4]`.
    """
    weights, known = target.weights, target.landmark_weights
    places = target.keypoints * (2.0 / CROP_SIZE) - 1.0
    places *= (weights / (weights + _HALF_KNOWN))[..., None]
    spatial = tf.einsum(
      "bji,bnj->bni", rotation.from_6d(turn), target.landmarks / _REACH
    )
    spatial *= (known / (known + _HALF_KNOWN))[..., None]
    number = weights.shape[1]
    camera_values = camera_code(intrinsics)
    code = tf.concat(
      [
        tf.reshape(places, [-1, 2 * number]),
        tf.reshape(spatial, [-1, 3 * number]),
        weights,
        known,
        turn,
        camera_values,
      ],
      axis=-1,
    )
    code = tf.nn.gelu(self._first(self._hidden(code)))
    code = tf.nn.gelu(self._normalize(self._dense(code)))
    return tf.concat([code, camera_values], axis=-1)


class PartHund(DescentModel):
  """The reconstruction model of a hand or a face; see `DescentModel`.

  Features are `PartFeatures`; traces have a `HandState` or a `FaceState`.
  """

  def __init__(
    self,
    objective: PartObjective,
    config: PartConfig | None = None,
    name: str = "part_hund",
  ):
    """Creates the model with its variables, ready to load weights.

    Args:
      objective: whose value is descended; it carries the part's body.
      config: sizes; of the objective's part.
      name: model name.
    """
    super().__init__(name=name)
    self.config = config or PartConfig(part=objective.body.kind)
    self.embedding = PartEmbedding(self.config)
    self.cell = PartCell(objective, self.config)
    self.initial_state = tf_keras.layers.Dense(
      self.cell.space.size,
      kernel_initializer=tf_keras.initializers.RandomNormal(
        stddev=_FIRST_STATE
      ),
      name="initial_state",
    )
    target, intrinsics = _blank(objective.body.num_points)
    self.embedding(target, tf.zeros([1, 6]), intrinsics)
    for layer in (self.initial_state, self.cell):
      with tf.name_scope(layer.name):
        layer.build([None, self.config.context_width])
    self.built = True

  @tf.autograph.experimental.do_not_convert
  def begin(
    self, features: PartFeatures, intrinsics: Intrinsics
  ) -> tuple[PartInputs, list[tf.Tensor]]:
    """The inputs of all stages, and the cell's states of s_0."""
    viewing = camera.viewing_rotation(intrinsics)
    target = PartTarget(
      features.keypoints,
      features.weights,
      tf.einsum("bji,bnj->bni", viewing, features.landmarks_3d),
      features.landmark_3d_weights,
    )
    space = self.cell.space
    start = space.start(target, intrinsics, viewing)
    context = self.embedding(target, start[:, -9:-3], intrinsics)
    inputs = PartInputs(context, target, intrinsics)
    _, *memory = self.cell.get_initial_state(inputs)
    first = space.bound(space.moved(start, self.initial_state(context)))
    return inputs, [first, *memory]


def _blank(number: int) -> tuple[PartTarget, Intrinsics]:
  """Of a crop that shows nothing, and a usual camera."""
  target = PartTarget(
    tf.zeros([1, number, 2]),
    tf.zeros([1, number]),
    tf.zeros([1, number, 3]),
    tf.zeros([1, number]),
  )
  focal = tf.fill([1, 2], 2.0 * CROP_SIZE)
  return target, Intrinsics(focal, tf.fill([1, 2], CROP_SIZE / 2.0))
