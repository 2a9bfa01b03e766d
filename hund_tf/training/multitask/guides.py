"""What tells a guided network who is meant: a detector's keypoints, drawn."""

from hund_tf.compat import tf
from hund_tf.draws import Draws
from hund_tf.losses.heatmaps import render_heatmaps
from hund_tf.models.multitask.network import NUM_GUIDES
from hund_tf.records.multitask_examples import MultitaskExample, in_crop
from hund_tf.synthetic.detector_noise import (
  DetectorNoiseConfig,
  corrupt_keypoints,
)
from hund_tf.types import CROP_SIZE

_NOISE = DetectorNoiseConfig()


def draw_guides(
  example: MultitaskExample, share: float, seed: int, step: tf.Tensor
) -> tf.Tensor:
  """Guides with the errors of a detector.

  Args:
    example: of B crops.
    share: of the crops that have a guide; those of the others are zero.
    seed: of the errors.
    step: number of the batch: other errors each time.

  Returns:
    `[B, 60, 60, 25]`, peaks as high as the confidence.
  """
  batch = example.image.shape[0]
  draws = Draws(tf.constant(seed), step)
  side = tf.maximum(example.box_side, 1.0)[:, None, None]
  middle = CROP_SIZE / 2.0
  places, confidence, _ = corrupt_keypoints(
    draws,
    (example.keypoints - middle) / side,
    1.0 - example.visibility,
    _NOISE,
  )
  places = places * side + middle
  given = draws.happens([batch, 1], share)
  known = (example.keypoint_weights > 0.0) & (in_crop(places) > 0.0) & given
  confidence = tf.where(known, confidence, 0.0)[:, :NUM_GUIDES]
  maps = render_heatmaps(places[:, :NUM_GUIDES], confidence)
  return maps * confidence[:, None, None]
