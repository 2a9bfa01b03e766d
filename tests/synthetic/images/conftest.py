"""The body's fields and a small maker of images."""

import pytest

from hund_tf.motion import pose_library
from hund_tf.synthetic.images.body_surface import make_body_surface
from hund_tf.synthetic.images.composer import ImageConfig
from hund_tf.synthetic.images.dataset import DatasetConfig, ImageMaker


@pytest.fixture(scope="session")
def surface(body_model):
  """Fields over the open body."""
  return make_body_surface(body_model)


@pytest.fixture(scope="session")
def config():
  """Few small images."""
  return DatasetConfig(
    seed=3, num_images=12, num_shards=3, image=ImageConfig(side=96)
  )


@pytest.fixture(scope="session")
def maker(body_model, config):
  """Makes the images of `config`; all poses come from the prior."""
  return ImageMaker(body_model, pose_library.empty(), config)


@pytest.fixture(scope="session")
def records(maker):
  """The first images."""
  return list(maker.records(range(6)))
