"""The small model, and a server of it that files share."""

import pytest

from hund_tf.serving.config import ServeConfig
from hund_tf.serving.model import ServedModel
from tests.serving import tiny


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory):
  return tiny.TinyModel().save(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def tiny_model(tiny_folder):
  return ServedModel(tiny_folder)


@pytest.fixture
def held(tiny_model):
  return tiny.HeldModel(tiny_model)


@pytest.fixture(scope="module")
def client(tiny_folder, tiny_model):
  config = ServeConfig(model_dir=tiny_folder, port=0)
  with tiny.serving(config, lambda: tiny_model) as made:
    tiny.wait_until(lambda: made.service.ready)
    yield tiny.Client(made)
