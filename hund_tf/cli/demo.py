"""Opens a page on this machine on which photos and videos can be tried out.

It is served to this machine alone, and sends nothing anywhere. Ctrl-C ends it;
uploads and results are removed with it.
"""

import dataclasses
import sys
import tempfile
import threading
from pathlib import Path

from hund_tf.api import loading
from hund_tf.demo import page
from hund_tf.demo.films import Filmer
from hund_tf.options import check, option


@dataclasses.dataclass(frozen=True)
class DemoConfig:
  """Where the page is, and what it takes."""

  demo_port: int = option(
    7860, "Port of the page; 0 for any that is free.", low=0, high=65535
  )
  max_upload_mb: float = option(
    32.0, "Largest photo or video that is taken, MB.", low=0.001
  )
  max_video_s: float = option(
    20.0, "Longest video that is taken, seconds.", low=0.1
  )

  def __post_init__(self):
    check(self)


def run(config: DemoConfig) -> int:
  """Serves the page until a signal; returns the exit status."""
  with tempfile.TemporaryDirectory(prefix="hund_demo_") as name:
    folder = Path(name)
    try:
      gradio = page.load_gradio(folder)
      filmer = Filmer(config.max_video_s)
      blocks = page.build(gradio, loading.load(), filmer, folder)
      url = page.serve(gradio, blocks, config.demo_port, config.max_upload_mb)
    except (ValueError, OSError, ImportError) as error:
      print(f"demo: {error}", file=sys.stderr)
      return 1
    try:
      print(f"demo: {url}", flush=True)
      threading.Event().wait()
    finally:
      blocks.close(verbose=False)
  return 0
