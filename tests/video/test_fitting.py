"""Which descents begin anew, which state is which, and features again."""

from types import SimpleNamespace

import numpy as np
import pytest

from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.detection.features import crop_box, image_features
from hund_tf.types import (
  AlignmentTerms,
  HumanState,
  RefinementState,
  state_from_vector,
)
from hund_tf.video.fitting import MethodFitter, Start, features_of
from tests.video import made


class _Method:
  """Traces of three rows: s_0, s_M and s_M polished, told by numbers."""

  feature_channels = 0

  def __init__(self, body_model):
    self.objective = SimpleNamespace(body_model=body_model)
    self.calls = []

  def uncertainty(self, features, cameras, state):
    return tf.repeat(state.body_pose[:, :1], 63, axis=1)

  def __call__(self, features, cameras):
    count = len(features.heatmap_weights)
    self.calls.append(("cold", count))
    return self._trace(np.zeros((count, 204), np.float32))

  def resume(self, features, cameras, trace, num_stages, change=None):
    self.calls.append(("warm", num_stages, trace.memory[:, 5].numpy()))
    return self._trace(
      np.concatenate([x[:, 5].numpy() for x in trace.state], axis=-1)
    )

  def _trace(self, first):
    first = first.copy()
    first[:, -9:-3] = [1.0, 0.0, 0.0, -1.0, 0.0, 0.0]
    first[:, -1] = 4.0
    steps = np.zeros((3, 204), np.float32)
    steps[:, 0] = [0.0, 1.0, 1.5]
    rows = [state_from_vector(tf.constant(first + step)) for step in steps]
    zeros = tf.zeros([len(first), 3])
    return RefinementState(
      HumanState(*(tf.stack(x, axis=1) for x in zip(*rows, strict=True))),
      AlignmentTerms(*[zeros] * 5),
      tf.ones([len(first), 3, 4]),
      zeros,
    )


@pytest.fixture(scope="module")
def body_model():
  return BodyModel()


def _people():
  image = made.frame(0, [(0, 10, 20), (1, 60, 30), (2, 110, 20)]).image
  return image, made.Detector().detect(image)


def test_cold_and_warm_keep_their_places(body_model):
  image, people = _people()
  method = _Method(body_model)
  fitter = MethodFitter(method, 2)
  earlier = np.zeros(204, np.float32)
  earlier[0] = 7.0
  start = Start(earlier, np.full(4, 3.0, np.float32))
  fits = fitter([image] * 3, people, made.INTRINSICS, [None, start, None])
  assert [call[:2] for call in method.calls] == [("cold", 2), ("warm", 2)]
  np.testing.assert_array_equal(method.calls[1][2], [[3.0] * 4])
  np.testing.assert_allclose([f.last[0] for f in fits], [1.0, 8.0, 1.0])
  np.testing.assert_allclose([f.polished[0] for f in fits], [1.5, 8.5, 1.5])
  np.testing.assert_allclose([f.uncertainty[0] for f in fits], [1.5, 8.5, 1.5])
  assert all(np.isnan(f.quality) for f in fits)
  for fit, person in zip(fits, people, strict=True):
    np.testing.assert_allclose(fit.crop_box, crop_box(person))
    # The body is in the middle of the picture, its head up.
    middle = fit.box[:2] + fit.box[2:] / 2
    np.testing.assert_allclose(middle, made.INTRINSICS.center, atol=15.0)


def test_features_come_back_from_what_is_kept():
  _, people = _people()
  boxes = np.array([crop_box(p) for p in people])
  first = image_features(people, boxes)
  again = features_of(
    np.array([p.keypoints for p in people]),
    np.zeros((3, 137, 4), np.float32),
    np.round(255.0 * (1.0 - first.part_probs[..., 0].numpy())).astype(np.uint8),
    boxes,
  )
  for one, other in zip(first, again, strict=True):
    np.testing.assert_allclose(one, other, atol=0.003)
