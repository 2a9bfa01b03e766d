"""Close-ups: what photos are framed by is in them, and large."""

import numpy as np
import pytest

from hund_tf.body import keypoints as table
from hund_tf.draws import Draws
from hund_tf.motion import pose_library
from hund_tf.synthetic import close_ups, scenes
from hund_tf.synthetic.close_ups import CloseUpSampler

_PEOPLE = 96


@pytest.fixture(scope="module")
def sampler(body_model):
  return CloseUpSampler(body_model, held_out=False)


@pytest.fixture(scope="module")
def shown(body_model, sampler):
  """Half of the people in close-ups, and the scene without any."""

  def make(share):
    close = sampler.sample(Draws(7, 0), _PEOPLE, share)
    scene = scenes.sample_scene(
      Draws(3, 0),
      body_model,
      pose_library.empty(),
      _PEOPLE,
      scenes.SceneConfig(),
      "proxy_1500",
      close=close,
    )
    return close, scene

  return (*make(0.5), make(0.0)[1])


def test_framed_keypoints_are_in_the_photo(shown):
  close, scene, _ = shown
  chosen = close.chosen.numpy()
  assert 0.35 < chosen.mean() < 0.65
  inside = scene.inside.numpy()[chosen]
  framed = close.framed.numpy()[chosen]
  shares = (inside * framed).sum(1) / framed.sum(1)
  assert shares.mean() > 0.8
  # Near is large: hands in front of the face may go beyond the border.
  assert (shares == 1.0).mean() > 0.5


def test_hands_and_faces_are_large(shown):
  close, scene, usual = shown
  chosen = close.chosen.numpy()

  def sides(scene, rows):
    points = scene.keypoints.numpy()[chosen][:, rows]
    return np.ptp(points, axis=1).max(axis=-1)

  for rows in (table.FACE, table.RIGHT_HAND):
    assert np.median(sides(scene, rows)) > 2 * np.median(sides(usual, rows))
  raised = close.framed.numpy()[chosen][:, table.RIGHT_HAND.start]
  assert np.quantile(sides(scene, table.RIGHT_HAND)[raised], 0.2) > 50


def test_only_the_chosen_are_others(shown):
  close, scene, usual = shown
  others = ~close.chosen.numpy()
  for field in ("body_pose", "left_hand", "expression", "translation"):
    here, there = (getattr(s.state, field).numpy() for s in (scene, usual))
    np.testing.assert_allclose(here[others], there[others], atol=1e-5)
    assert np.abs(here[~others] - there[~others]).max(axis=1).min() > 1e-3
  vivid = scene.state.expression.numpy()[~others]
  assert 2.6 < np.abs(vivid).max() <= 3.5


def test_raised_hands_are_before_or_beside_head_and_chest(body_model, sampler):
  """The arms that are kept, decoded with the hands' own latents."""
  arms, middles = close_ups.raised_arms(body_model, 0)
  assert len(arms) > 200
  assert (np.abs(middles) < (0.42, 0.35, 0.8)).all()
  # In the middle, hands are before the face or chest, not in them.
  central = np.abs(middles[:, 0]) < 0.1
  assert (middles[central, 2] > 0.1).all()
  held_out, _ = close_ups.raised_arms(body_model, 1)
  assert not np.isin(held_out[:, 14:], arms[:, 14:]).all(axis=(1, 2)).any()
