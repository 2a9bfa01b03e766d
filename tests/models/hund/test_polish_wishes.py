"""What somebody asks of the polish: corrected keypoints, locks, terms."""

import numpy as np
import pytest

from hund_tf.body import keypoints as table
from hund_tf.body import poses, skeleton
from hund_tf.body.points import STEP_SIZE
from hund_tf.compat import tf
from hund_tf.geometry import camera
from hund_tf.losses.terms import Term
from hund_tf.models.hund.evidence_3d import Evidence
from hund_tf.models.hund.outline import Mask
from hund_tf.models.hund.polish_anchor import Anchor
from hund_tf.models.hund.polish_asked import AskedPolish
from hund_tf.models.hund.polish_rows import Seen
from hund_tf.models.hund.polish_steps import stepped
from hund_tf.models.hund.polish_wishes import Held, term_rows
from hund_tf.types import Intrinsics

_WRIST = table.INDEX["l_wrist"]
_TIP = table.LEFT_HAND.start + 8  # of the index finger
_CAMERA = Intrinsics(tf.constant([[900.0, 900.0]]), tf.constant([[240.0] * 2]))


@pytest.fixture(scope="module")
def anchor():
  deviations = np.concatenate(
    [np.full(159, 0.5), np.full(36, 0.8), np.full(3, 0.15), np.full(3, 0.05)]
  )
  covariance = np.diag(deviations**2)[None].astype(np.float32)
  return Anchor(covariance, np.zeros([0]), (10.0, 1.5), (0.0, 1.0))


@pytest.fixture(scope="module")
def start(body_model):
  state = poses.a_pose(body_model)
  return state._replace(translation=tf.constant([[0.0, 0.0, 3.5]]))


@pytest.fixture(scope="module")
def body(body_model, start):
  return body_model.decode(start, "proxy_1500")


@pytest.fixture(scope="module")
def seen(body):
  evidence = Evidence(tf.zeros([1, 137, 3]), tf.zeros([1, 137]))
  mask = Mask(tf.zeros([1, 60, 60]), tf.zeros([1]))
  pixels = camera.project(body.keypoints, _CAMERA)
  return Seen(pixels, tf.ones([1, 137]), evidence, mask)


@pytest.fixture(scope="module")
def whole(body_model, anchor):
  return AskedPolish(body_model, anchor, whole=True)


def _held(seen, body, row, offset, locked=(), parts=(0.0, 0.0, 0.0)):
  """The keypoint of a row is somewhere else, in crop pixels."""
  places = seen.keypoints.numpy().copy()
  places[0, row] += offset
  corrected = np.zeros([1, 137], np.float32)
  corrected[0, row] = 1.0
  rows = np.zeros([1, 63], np.float32)
  rows[0, [skeleton.INDEX[name] for name in locked]] = 1.0
  given = places, corrected, body.joints, rows, [parts]
  return Held(*(tf.constant(x, tf.float32) for x in given))


def _missed(body_model, state, held, row):
  pixels = camera.project(
    body_model.decode(state, "proxy_1500").keypoints, _CAMERA
  )
  return np.linalg.norm((pixels - held.keypoints)[0, row])


def test_a_corrected_keypoint_is_met_and_the_rest_stays(
  body_model, start, body, seen, whole
):
  held = _held(seen, body, _WRIST, [30.0, -25.0])
  fitted = whole(start, seen, _CAMERA, held)
  assert _missed(body_model, start, held, _WRIST) > 35.0
  assert _missed(body_model, fitted, held, _WRIST) < 0.5
  moved = body_model.decode(fitted, "proxy_1500").joints - body.joints
  moved = np.linalg.norm(moved[0], axis=-1)
  assert moved[skeleton.INDEX["r_ankle"]] < 0.03
  assert moved[skeleton.INDEX["l_wrist"]] > 0.05
  for name in ("left_hand", "right_hand", "expression"):
    np.testing.assert_array_equal(getattr(fitted, name), getattr(start, name))


def test_a_finger_moves_only_if_it_may(body_model, start, body, seen, whole):
  offset = [8.0, 4.0]
  held = _held(seen, body, _TIP, offset, parts=(1.0, 0.0, 0.0))
  fitted = whole(start, seen, _CAMERA, held)
  assert _missed(body_model, fitted, held, _TIP) < 0.5
  assert np.abs(fitted.left_hand - start.left_hand).max() > 0.01
  np.testing.assert_array_equal(fitted.right_hand, start.right_hand)


def test_a_locked_joint_stays_where_it_is(body_model, start, body, seen, whole):
  elbow = skeleton.INDEX["l_elbow"]
  moved = []
  for locked in ((), ("l_elbow",)):
    held = _held(seen, body, _WRIST, [-25.0, 0.0], locked)
    fitted = whole(start, seen, _CAMERA, held)
    joints = body_model.decode(fitted, "proxy_1500").joints
    moved.append(np.linalg.norm((joints - body.joints)[0, elbow]))
    assert _missed(body_model, fitted, held, _WRIST) < 2.0
  assert moved[0] > 0.02 and moved[1] < 0.005


def _gap(body):
  """Vector between the wrists, metres, and how high the nose is."""
  wrists = body.keypoints[:, _WRIST] - body.keypoints[:, table.INDEX["r_wrist"]]
  return tf.concat([wrists, body.keypoints[:, 0, 1:2] ** 2], axis=-1)


def test_derivatives_of_terms_are_those_of_their_residuals(body_model, start):
  step = tf.zeros([1, STEP_SIZE])
  moved = lambda states, steps: stepped(states, steps, _CAMERA)
  decode = lambda states: body_model.decode(states, "proxy_1500")
  with tf.GradientTape(persistent=True) as tape:
    tape.watch(step)
    residuals = 3.0 * _gap(decode(moved(start, step)))
  expected = tape.jacobian(residuals, step, experimental_use_pfor=False)
  terms = [Term("gap", _gap, 9.0), Term("value", lambda b: b.joints[:, 0, 0])]
  cameras = Intrinsics(*(tf.repeat(x, STEP_SIZE + 1, axis=0) for x in _CAMERA))
  ((error, slopes, weights),) = term_rows(
    terms,
    decode,
    lambda states, steps: stepped(states, steps, cameras),
    start,
    STEP_SIZE,
  )
  np.testing.assert_allclose(error[..., 0], residuals, atol=1e-5)
  np.testing.assert_allclose(slopes[0, :, 0], expected[0, :, 0], atol=0.05)
  np.testing.assert_array_equal(weights, np.ones([1, 4]))


def test_the_polish_goes_down_a_term(body_model, anchor, start, seen):
  wrists = lambda body: (
    body.keypoints[:, _WRIST] - body.keypoints[:, table.INDEX["r_wrist"]]
  )
  gap = lambda state: np.linalg.norm(
    wrists(body_model.decode(state, "proxy_1500"))
  )
  polish = AskedPolish(body_model, anchor, terms=[Term("touch", wrists, 1e4)])
  fitted = polish(start, seen, _CAMERA)
  assert gap(fitted) < 0.2 * gap(start)
