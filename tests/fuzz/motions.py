"""Motion capture, BVH and ASF with AMC, damaged."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from hund_tf.motion import bvh
from hund_tf.motion.asf_amc import read_asf_amc
from tests.fuzz.kind import ACCEPTED, Kind
from tests.fuzz.mutations import mutated
from tests.motion.test_asf_amc import AMC, ASF

_BVH = """HIERARCHY
ROOT Hips
{
  OFFSET 0 1 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Yrotation Xrotation
  JOINT Chest
  {
    OFFSET 0 -2 0
    CHANNELS 3 Zrotation Xrotation Yrotation
    End Site
    {
      OFFSET 0 -9 0
    }
  }
}
MOTION
Frames: 2
Frame Time: 0.05
0 0 0 0 0 0 0 0 0
5 6 7 90 0 0 10 20 30
"""
_FRAMES = (
  AMC
  + """2
root 1 2 3 0 0 0
thigh 0 10 0
shin 20
"""
)
_WORDS = (
  *("", "0", "-1", "1e999", "nan", "x", "9" * 5000, "\0", "\u00e4", "{", "}"),
  *("10000000000", "JOINT", "End", "root", "thigh", "begin", "end", "rx", ":"),
  *("CHANNELS", "OFFSET", "HIERARCHY", "MOTION", "Wrotation", "ry"),
)


def _text(text: str) -> Callable[[np.random.Generator], bytes]:
  """Makes files of a text in which words are others, or bytes are."""

  def make(rng: np.random.Generator) -> bytes:
    if rng.random() < 0.4:
      return mutated(text.encode(), rng)
    lines = [line.split(" ") for line in text.splitlines()]
    for _ in range(rng.integers(1, 4)):
      line = lines[rng.integers(len(lines))]
      word = _WORDS[rng.integers(len(_WORDS))]
      how = rng.random()
      if how < 0.7 and line:
        line[rng.integers(len(line))] = word
      elif how < 0.8:
        line.append(word)
      elif how < 0.9:
        line[:] = []
      else:
        lines.insert(int(rng.integers(len(lines))), list(line))
    return "\n".join(" ".join(line) for line in lines).encode()

  return make


def _checked(motion: bvh.Motion) -> str:
  """Accepts a clip whose joints can be placed, and are somewhere."""
  with np.errstate(all="ignore"):
    places = bvh.joint_positions(motion)
  assert places.shape == (len(motion.rotations), len(motion.names), 3)
  for values in (motion.rotations, motion.translations, motion.offsets):
    assert np.isfinite(values).all(), "not finite"
  return ACCEPTED


def _read_bvh(path: Path) -> str:
  return _checked(bvh.read_bvh(path))


def _read_asf(path: Path) -> str:
  frames = path.with_suffix(".amc")
  frames.write_text(_FRAMES)
  return _read_pair(path, path, frames)


def _read_amc(path: Path) -> str:
  bones = path.with_suffix(".asf")
  bones.write_text(ASF)
  return _read_pair(path, bones, path)


def _read_pair(path: Path, bones: Path, frames: Path) -> str:
  try:
    return _checked(read_asf_amc(bones, frames))
  except bvh.MotionError as error:
    # The one that does not fit to the other may be named.
    raise bvh.MotionError(f"{path}: {error}") from error


def _kind(
  name: str, suffix: str, text: str, read: Callable[[Path], str]
) -> Kind:
  return Kind(
    f"motion: {name}",
    *(200, 20, suffix),
    _text(text),
    read,
    (bvh.MotionError,),
    50,
  )


KINDS = (
  _kind("BVH", ".bvh", _BVH, _read_bvh),
  _kind("ASF", ".asf", ASF, _read_asf),
  _kind("AMC", ".amc", _FRAMES, _read_amc),
)
