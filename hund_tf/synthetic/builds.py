"""Bodies of a given stature and girth, found among the shapes of the body.

How broad a body is, is told by its body-mass index: the mesh's volume in
litres, taken for kilograms, by the square of the stature in metres.
"""

from typing import NamedTuple

import numpy as np

from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.types import EXPRESSION_DIM, NUM_JOINTS, SHAPE_DIM

_DENSITY = 1000.0  # kilograms by cubic metre
_STEPS = 8
_SPREAD = 0.5  # deviation of the latents that bodies start from
_CLIP = 2.5  # of those latents, deviations
_LONGEST = 1.5  # of a step, deviations


class Build(NamedTuple):
  """Stature and body-mass index, each the least and the greatest."""

  stature: tuple[float, float]  # metres
  index: tuple[float, float]  # kilograms by square metre


BUILDS = {
  "broad": Build((1.83, 1.87), (29.0, 34.0)),
  "slight": Build((1.48, 1.52), (17.5, 20.0)),
}


def size(body_model: BodyModel, shape: tf.Tensor) -> tf.Tensor:
  """Stature (metres) and body-mass index `[N, 2]` of latents `[N, 16]`."""
  count = tf.shape(shape)[0]
  straight = tf.eye(3, batch_shape=[count, NUM_JOINTS])
  vertices = body_model.pose(
    straight,
    shape,
    tf.zeros([count, EXPRESSION_DIM]),
    straight[:, 0],
    tf.zeros([count, 3]),
    "lite",
  ).vertices
  height = vertices[..., 1]
  stature = tf.reduce_max(height, 1) - tf.reduce_min(height, 1)
  a, b, c = (
    tf.gather(vertices, corner, axis=1) for corner in body_model.faces("lite").T
  )
  volume = tf.reduce_sum(a * tf.linalg.cross(b, c), axis=[1, 2]) / 6.0
  return tf.stack([stature, _DENSITY * volume / stature**2], axis=-1)


def find_shapes(
  body_model: BodyModel, build: Build, count: int, seed: int
) -> np.ndarray:
  """Latents of bodies of a build, `[count, 16]` float32.

  From random latents, shortest Gauss-Newton steps lead to random sizes within
  the build's.

  Args:
    body_model: its shapes.
    build: what is wanted.
    count: of the bodies.
    seed: of the random numbers.
  """
  random = np.random.default_rng(seed)
  start = _SPREAD * random.normal(size=[count, SHAPE_DIM])
  wanted = np.stack([random.uniform(*x, count) for x in build], axis=-1)
  wanted = tf.constant(wanted, tf.float32)

  @tf.function(autograph=False)
  def step(shape):
    with tf.GradientTape(persistent=True) as tape:
      tape.watch(shape)
      found = size(body_model, shape)
      columns = tf.unstack(found, axis=-1)
    slopes = tf.stack([tape.gradient(c, shape) for c in columns], axis=1)
    gram = tf.matmul(slopes, slopes, transpose_b=True)
    gram += tf.linalg.diag(1e-6 * tf.linalg.diag_part(gram))
    rest = tf.linalg.solve(gram, (wanted - found)[..., None])
    move = tf.matmul(slopes, rest, transpose_a=True)[..., 0]
    move = tf.clip_by_norm(move, _LONGEST, axes=[1])
    return tf.clip_by_value(shape + move, -_CLIP, _CLIP)

  shape = tf.constant(start, tf.float32)
  for _ in range(_STEPS):
    shape = step(shape)
  return shape.numpy()
