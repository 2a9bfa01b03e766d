"""Options of the server."""

import dataclasses
from pathlib import Path

from hund_tf.options import REQUIRED, check, option


@dataclasses.dataclass(frozen=True)
class BatchingConfig:
  """Requests in one call of the model."""

  max_batch: int = option(
    8, "Most photos in one call of the model, of any requests.", low=1
  )
  batch_wait_ms: float = option(
    10.0,
    "How long the first photo of a call waits for others, milliseconds.",
    low=0.0,
  )
  queue_size: int = option(
    64,
    "Most photos that wait, and most requests that are read. What is beyond "
    "is refused (429).",
    low=1,
  )
  request_seconds: float = option(
    60.0,
    "Longest time from the head of a request to its answer. Where the queue "
    "would take more than half of it, requests are refused (429).",
    low=0.1,
  )

  def __post_init__(self):
    check(self)


@dataclasses.dataclass(frozen=True)
class LimitsConfig:
  """How much a request may be."""

  max_body_mb: float = option(
    32.0, "Largest body of a request, MB (413 beyond).", low=0.001
  )
  max_buffer_mb: float = option(
    128.0, "Bodies of all requests at a time, MB (429 beyond).", low=0.001
  )
  max_images: int = option(16, "Most photos in a request.", low=1)
  max_image_pixels: int = option(
    25_000_000,
    "Most pixels of a photo, as its header has them; the model has a limit of "
    "its own.",
    low=1,
  )

  def __post_init__(self):
    check(self)
    if self.max_buffer_mb < self.max_body_mb:
      raise ValueError(
        f"max_buffer_mb: got {self.max_buffer_mb:g}, expected at least "
        f"max_body_mb, {self.max_body_mb:g}"
      )


@dataclasses.dataclass(frozen=True)
class ServeConfig:
  """Which model is served, where, and how."""

  model_dir: Path = option(
    REQUIRED,
    "Folder of a SavedModel, or of numbered ones of which the highest is "
    "served; `hund export --format=people` writes one.",
  )
  model_name: str = option("people", "Name of the model in the paths.")
  host: str = option(
    "127.0.0.1",
    "Address that is listened on; 0.0.0.0 for all. Nobody is asked who they "
    "are.",
  )
  port: int = option(8501, "Port; 0 for any that is free.", low=0, high=65535)
  shutdown_seconds: float = option(
    30.0,
    "How long requests may still take when the server is asked to end.",
    low=0.0,
  )
  batching: BatchingConfig = BatchingConfig()
  limits: LimitsConfig = LimitsConfig()

  def __post_init__(self):
    check(self)
    if not self.model_name or set(self.model_name) & set("/:?#%"):
      raise ValueError(
        f"model_name: got {self.model_name!r}, expected a name without any of "
        "/ : ? # %"
      )
