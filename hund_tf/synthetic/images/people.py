"""People of the images: posed by TensorFlow, many at once."""

from typing import NamedTuple

import numpy as np

from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.draws import Draws
from hund_tf.motion.pose_library import PoseLibrary
from hund_tf.synthetic import close_ups, scenes, solids, supports
from hund_tf.synthetic.close_ups import CloseUpSampler
from hund_tf.synthetic.pose_sets import NAMES, STREAM, PoseSets
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
  boxes: np.ndarray  # [S, 8, 3] corners of seats and desks; NaN: there is none


class PeopleSampler:
  """Draws people; a pure function of a seed and a number."""

  def __init__(
    self,
    body_model: BodyModel,
    poses: PoseLibrary,
    config: SceneConfig,
    sets: PoseSets | None = None,
    pose_set: str = "",
    close_up_sampler: CloseUpSampler | None = None,
    close_up_share: float = 0.0,
  ):
    """Prepares the sampler.

    Args:
      body_model: poses the people.
      poses: captured poses; if empty, all come from the pose prior.
      config: distributions.
      sets: draws people of named sets.
      pose_set: name of the set that all people are of; empty: of none.
      close_up_sampler: draws people of close-ups.
      close_up_share: of people who are those.
    """
    self._body_model = body_model
    self._sets, self._set = sets, pose_set
    self._close_ups, self._close_up_share = close_up_sampler, close_up_share
    self._poses = poses
    self._config = config
    self._traced = tf.function(self._sample, autograph=False)

  def sample(self, seed: int, chunk: int) -> list[Person]:
    """The `CHUNK` people number chunk * CHUNK and following."""
    scene, rest, boxes = self._traced(
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
      boxes,
    )
    rows = zip(*(column.numpy() for column in columns), strict=True)
    return [Person(*row) for row in rows]

  def _sample(self, seed, chunk):
    body_model, people = self._body_model, None
    set_draws = Draws(seed + STREAM, chunk)
    if self._set:
      which = tf.fill([CHUNK], NAMES.index(self._set))
      people = self._sets.sample(set_draws, which)
    close = None
    if self._close_ups:
      close = self._close_ups.sample(
        Draws(seed + close_ups.STREAM, chunk), CHUNK, self._close_up_share
      )
    scene = scenes.sample_scene(
      Draws(seed, chunk),
      body_model,
      self._poses,
      CHUNK,
      self._config,
      "full",
      people,
      close,
    )
    rest = body_model.rest_vertices(scene.state.shape, scene.state.expression)
    boxes = solids.none(CHUNK)
    if people is not None:
      vertices, parts = scene.body.vertices, body_model.part_labels()
      boxes = supports.place(set_draws, people, vertices, parts)
    there = solids.exist(boxes)[:, :, None, None]
    return scene, rest, tf.where(there, solids.corners(boxes), np.nan)
