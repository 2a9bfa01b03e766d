"""A photo in, people in 3D out, all in the camera frame of the photo."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from hund_tf.compat import tf
from hund_tf.detection import features as feature_maker
from hund_tf.detection.interface import Detection
from hund_tf.geometry import camera
from hund_tf.losses.alignment import AlignmentObjective
from hund_tf.losses.heatmaps import target_from_features
from hund_tf.optimization.config import OptimizerConfig
from hund_tf.optimization.minimize import minimize
from hund_tf.types import BodyOutput, HumanState, Intrinsics, RefinementState


class Person(NamedTuple):
  """A reconstructed person; arrays are numpy, with the batch axis removed."""

  detection: Detection
  crop_box: np.ndarray  # [4] square crop, photo pixels
  state: HumanState  # the last state of the trace
  body: BodyOutput  # full mesh, camera frame of the photo, metres
  keypoints_2d: np.ndarray  # [137, 2] reprojected, photo pixels
  trace: RefinementState  # fields [M+1, ...]


def _first(structure):
  """The only row of every tensor of a batch of one, as numpy."""
  return tf.nest.map_structure(lambda x: np.asarray(x)[0], structure)


class Reconstructor:
  """Fits the body model to detected people, all in one camera frame."""

  def __init__(
    self,
    objective: AlignmentObjective,
    config: OptimizerConfig | None = None,
  ):
    """Keeps what to minimise and how.

    Args:
      objective: what is minimised; it carries the body model.
      config: of the optimiser.
    """
    self._objective = objective
    self._config = config or OptimizerConfig()

  def __call__(
    self,
    detections: Sequence[Detection],
    intrinsics: Intrinsics,
  ) -> list[Person]:
    """Reconstructs the people of one photo.

    Args:
      detections: people and their landmarks, photo pixels.
      intrinsics: of the photo, fields `[2]`, pixels; `photo_camera` and
        `default_intrinsics` make them.

    Returns:
      A person for each detection, in the same order.
    """
    return [self.fit(detection, intrinsics) for detection in detections]

  def fit(self, detection: Detection, intrinsics: Intrinsics) -> Person:
    """Fits the body model to one detected person.

    Args:
      detection: of the person, photo pixels.
      intrinsics: of the photo, fields `[2]`, pixels.
    """
    box = feature_maker.crop_box(detection)
    features = feature_maker.image_features([detection], [box])
    target = target_from_features(features)
    crop_camera = camera.crop_intrinsics(intrinsics, tf.constant(box)[None])
    crop_camera = tf.nest.map_structure(
      lambda x: tf.reshape(x, [1, 2]), crop_camera
    )
    trace = minimize(self._objective, target, crop_camera, self._config)
    state = tf.nest.map_structure(lambda x: x[:, -1], trace.state)
    body = self._objective.body_model.decode(state, mesh="full")
    return Person(
      detection=detection,
      crop_box=np.asarray(box, np.float32),
      state=_first(state),
      body=_first(body),
      keypoints_2d=camera.project(body.keypoints[0], intrinsics).numpy(),
      trace=_first(trace),
    )
