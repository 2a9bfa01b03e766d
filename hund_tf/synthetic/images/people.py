"""People of the images: posed by TensorFlow, many at once."""

from typing import NamedTuple

import numpy as np

from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.draws import Draws
from hund_tf.motion.pose_library import PoseLibrary
from hund_tf.synthetic import scenes
from hund_tf.synthetic.scenes import SceneConfig
from hund_tf.types import state_to_vector

CHUNK = 32  # people that are posed together


class Person(NamedTuple):
  """A posed person in his photo; camera frame, metres."""

  state: np.ndarray  # [204]
  rest: np.ndarray  # [V, 3] the body at rest, body frame
  vertices: np.ndarray  # [V, 3]
  joints: np.ndarray  # [63, 3]
  keypoints: np.ndarray  # [137, 3]
  intrinsics: np.ndarray  # [4] fx, fy, cx, cy of the photo, pixels
  photo_size: np.ndarray  # [2] width and height, pixels


class PeopleSampler:
  """Draws people; a pure function of a seed and a number."""

  def __init__(
    self, body_model: BodyModel, poses: PoseLibrary, config: SceneConfig
  ):
    """Prepares the sampler.

    Args:
      body_model: poses the people.
      poses: captured poses; if empty, all come from the pose prior.
      config: distributions.
    """
    self._body_model = body_model
    self._poses = poses
    self._config = config
    self._traced = tf.function(self._sample, autograph=False)

  def sample(self, seed: int, chunk: int) -> list[Person]:
    """The `CHUNK` people number chunk * CHUNK and following."""
    scene, rest = self._traced(
      tf.constant(seed, tf.int64), tf.constant(chunk, tf.int64)
    )
    intrinsics = tf.concat(list(scene.intrinsics), axis=-1)
    columns = (
      state_to_vector(scene.state),
      rest,
      scene.body.vertices,
      scene.body.joints,
      scene.body.keypoints,
      intrinsics,
      scene.photo_size,
    )
    rows = zip(*(column.numpy() for column in columns), strict=True)
    return [Person(*row) for row in rows]

  def _sample(self, seed, chunk):
    scene = scenes.sample_scene(
      Draws(seed, chunk),
      self._body_model,
      self._poses,
      CHUNK,
      self._config,
      "full",
    )
    rest = self._body_model.rest_vertices(
      scene.state.shape, scene.state.expression
    )
    return scene, rest
