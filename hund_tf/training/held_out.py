"""Which photos an adaptation is trained on, and which it is judged by."""

import hashlib
from collections.abc import Sequence

import numpy as np


class SplitError(ValueError):
  """Photos cannot be divided into two parts."""


def content_key(image: np.ndarray, seed: int = 0) -> str:
  """A name of a picture `[H, W, 3]` by its pixels: copies share it."""
  digest = hashlib.sha256(f"{seed} {image.shape} ".encode())
  digest.update(np.ascontiguousarray(image).tobytes())
  return digest.hexdigest()


def hold_out(keys: Sequence[str], share: float) -> list[bool]:
  """Which photos are held out; those of the same key stay together.

  The choice depends on the keys alone, not on their order.

  Args:
    keys: of the photos, from `content_key`.
    share: of the different keys to hold out, in (0, 1); at least one and not
      all of them.

  Raises:
    SplitError: if there are fewer than two different keys.
  """
  ranked = sorted(set(keys))
  if len(ranked) < 2:
    raise SplitError(
      f"{len(keys)} photos with people, {len(ranked)} of them different: "
      "expected at least two, one to train on and one to judge by"
    )
  count = min(max(round(share * len(ranked)), 1), len(ranked) - 1)
  chosen = set(ranked[:count])
  return [key in chosen for key in keys]


def hold_out_end(frames: int, share: float) -> list[bool]:
  """Which frames of a video are held out: the last ones, as one block.

  Frames that follow one another are nearly the same picture, so they must not
  be dealt out one by one.

  Args:
    frames: with people, in the order of the video.
    share: to hold out, in (0, 1); at least one frame and not all.

  Raises:
    SplitError: if there are fewer than two frames.
  """
  if frames < 2:
    raise SplitError(
      f"{frames} video frames with people, expected at least two, one to train "
      "on and one to judge by"
    )
  count = min(max(round(share * frames), 1), frames - 1)
  return [i >= frames - count for i in range(frames)]
