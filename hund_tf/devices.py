"""Memory of GPUs, set before TensorFlow first computes."""

import dataclasses

from hund_tf.options import check, option

_GROWTH = "growth"


@dataclasses.dataclass(frozen=True)
class DeviceConfig:
  """What a program takes of each GPU."""

  gpu_memory: str = option(
    _GROWTH,
    "Memory of each GPU: growth takes as much as is needed; a number takes at "
    "most so many MB. Without a GPU it changes nothing.",
    expected=f"{_GROWTH} or a number of MB",
  )

  def __post_init__(self):
    check(self)
    text = self.gpu_memory
    if text != _GROWTH and not (text.isdecimal() and int(text) > 0):
      raise ValueError(
        f"gpu_memory: got {text!r}, expected {_GROWTH} or a number of MB"
      )


def prepare(config: DeviceConfig) -> None:
  """Limits the memory of each GPU; `environment` lets it grow.

  Raises:
    RuntimeError: if TensorFlow has computed already.
  """
  if config.gpu_memory == _GROWTH:
    return
  from hund_tf.compat import tf  # takes seconds, and not every program needs it

  limit = tf.config.LogicalDeviceConfiguration(int(config.gpu_memory))
  for gpu in tf.config.list_physical_devices("GPU"):
    tf.config.set_logical_device_configuration(gpu, [limit])
