"""Memory of GPUs, with a list of devices that are not there."""

import os

import pytest

from hund_tf.compat import tf
from hund_tf.devices import DeviceConfig, prepare


@pytest.fixture
def limits(monkeypatch):
  """Limits in MB by device, as they are set on two GPUs."""
  found = {}
  monkeypatch.setattr(
    tf.config, "list_physical_devices", lambda kind: [f"{kind}:0", f"{kind}:1"]
  )
  monkeypatch.setattr(
    tf.config,
    "set_logical_device_configuration",
    lambda gpu, parts: found.update({gpu: [p.memory_limit for p in parts]}),
  )
  return found


def test_memory_grows_by_default(limits):
  prepare(DeviceConfig())
  assert not limits
  assert os.environ["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"


def test_every_gpu_gets_the_limit(limits):
  prepare(DeviceConfig("2048"))
  assert limits == {"GPU:0": [2048], "GPU:1": [2048]}


@pytest.mark.parametrize("text", ["0", "-1", "2 GB", "shrink", ""])
def test_other_amounts_are_refused(text):
  with pytest.raises(ValueError, match="gpu_memory: got .* growth or a number"):
    DeviceConfig(text)
