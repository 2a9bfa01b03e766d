"""Images of a named set: the desk is drawn, and hides the legs."""

import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from hund_tf.body import keypoints as table
from hund_tf.motion import pose_library
from hund_tf.records import shards
from hund_tf.synthetic.images.dataset import ImageMaker


@pytest.fixture(scope="module")
def seated(config):
  image = dataclasses.replace(config.image, companions=0.0, occluders=0.0)
  scene = dataclasses.replace(config.scene, close_ups=0.0, cut=0.0)
  return dataclasses.replace(
    config, pose_set="seated", held_out=True, image=image, scene=scene
  )


def test_desks_hide_legs_in_pictures(seated, body_model):
  maker = ImageMaker(body_model, pose_library.empty(), seated)
  legs = [table.INDEX[f"{s}_{j}"] for s in "lr" for j in ("knee", "ankle")]
  seen = []
  for record in maker.records(range(4)):
    assert not record.visibility[legs].any()
    seen.append(record.visibility[[table.INDEX["neck"], table.INDEX["nose"]]])
    parts = np.asarray(Image.open(io.BytesIO(record.part_labels)))
    assert (parts == 1).sum() > 30  # the torso
    assert np.isin(parts, (6, 7, 8, 9)).sum() < 0.2 * (parts == 1).sum()
  assert np.mean(seen) > 0.5


def test_only_sets_have_other_settings(config, seated):
  poses = pose_library.empty()
  assert "pose_set" not in config.settings(poses)
  digests = {
    shards.settings_digest(x.settings(poses))
    for x in (seated, dataclasses.replace(seated, held_out=False), config)
  }
  assert len(digests) == 3


def test_close_ups_have_settings_of_their_own(config):
  poses = pose_library.empty()
  usual = config.settings(poses)
  assert "close_ups" not in usual and "held_out" not in usual
  near = dataclasses.replace(config, close_ups=1.0)
  digests = {
    shards.settings_digest(x.settings(poses))
    for x in (near, dataclasses.replace(near, held_out=True), config)
  }
  assert len(digests) == 3
  with pytest.raises(ValueError, match="close_ups: got 1.0 with the pose set"):
    dataclasses.replace(near, pose_set="seated")
